// SPDX-License-Identifier: Apache-2.0
// Chunks of a file, each coded alone: tokens, side contexts, mixer and range coder start anew, as
// if each were an archive's only group. What `vlmc bench chunks` measures.
//
// Chunks share nothing but the engine's batches, which change no bit.
#ifndef VLMC_CODEC_CHUNKS_H
#define VLMC_CODEC_CHUNKS_H

#include "mix/mix.h"
#include "model/engine.h"

#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>
#include <vlmc/status.h>

#define VLMC_CHUNK_BYTES_MAX (1u << 18)
#define VLMC_CHUNKS_BATCH_MAX 64u
#define VLMC_CHUNKS_STEPS 128u // the engine's max_steps

typedef struct vlmc_chunks_params {
    vlmc_engine *engine;             // borrowed; NULL: the mixer alone
    const vlmc_tokenizer *tokenizer; // NULL: plain bytes
    const void *params;              // (params_bytes) of the tokenizer
    uint32_t params_bytes;
    vlmc_mix_settings settings;
    uint32_t chunk_bytes; // 1..VLMC_CHUNK_BYTES_MAX
    uint32_t threads;     // >= 1
} vlmc_chunks_params;

// How many chunks of a size are coded at once: 1..VLMC_CHUNKS_BATCH_MAX. The engine needs as many
// streams.
uint32_t vlmc_chunks_batch(uint32_t chunk_bytes);

typedef struct vlmc_chunks vlmc_chunks;

// `params` is copied; what it points to is borrowed.
vlmc_status vlmc_chunks_create(const vlmc_chunks_params *params, vlmc_chunks **chunks,
                               vlmc_error *error);
void vlmc_chunks_destroy(vlmc_chunks **chunks);

// Codes bytes // (n), 1 <= n <= batch * chunk_bytes, cut into chunks, the last one may be shorter.
// sizes // (ceil(n / chunk_bytes)): bytes of each chunk's code. The bytes must stay until they
// are verified. VLMC_ERROR_PLUGIN when the tokenizer refuses a chunk, or its decoder does not give
// the chunk back.
vlmc_status vlmc_chunks_encode(vlmc_chunks *chunks, const uint8_t *bytes, size_t n, size_t *sizes,
                               vlmc_error *error);

// Decodes chunks first .. first + count of the batch just coded, and compares them with the bytes:
// VLMC_ERROR_SELFTEST when one differs.
vlmc_status vlmc_chunks_verify(vlmc_chunks *chunks, uint32_t first, uint32_t count,
                               vlmc_error *error);

#endif
