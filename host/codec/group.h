// SPDX-License-Identifier: Apache-2.0
// How a group is packed: the smallest of model, zstd and stored. docs/format.md, "Groups".
//
// Each decision comes from the group's bytes alone.
#ifndef VLMC_CODEC_GROUP_H
#define VLMC_CODEC_GROUP_H

#include "lockstep.h"
#include "method.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

// The result of packing. `bytes` points into the packer, or to the raw bytes when stored, and
// stays valid until the next call.
typedef struct vlmc_packed_group {
    uint32_t method; // enum vlmc_group_method
    uint32_t streams;
    const uint8_t *bytes;
    uint32_t size;  // <= the raw size
    bool try_model; // the model may do better
} vlmc_packed_group;

typedef struct vlmc_group_packer vlmc_group_packer;

// with_models: groups will be tried with a lock step as well, and zstd need not do its utmost.
vlmc_status vlmc_group_packer_create(bool with_models, vlmc_group_packer **packer,
                                     vlmc_error *error);
void vlmc_group_packer_destroy(vlmc_group_packer **packer);

// What a stretch of content looks like to a fast look: groups should not mix the first two.
typedef enum vlmc_content_kind {
    VLMC_CONTENT_NEUTRAL = 0, // too short to tell, or not worth a group
    VLMC_CONTENT_COMPRESSIBLE = 1,
    VLMC_CONTENT_INCOMPRESSIBLE = 2,
} vlmc_content_kind;

vlmc_status vlmc_group_kind(vlmc_group_packer *packer, const uint8_t *raw, uint32_t n,
                            vlmc_content_kind *kind, vlmc_error *error);

// Packs raw // (n), 1 <= n <= VLMC_GROUP_BYTES_MAX, without a model: zstd or stored. The packer's
// memory grows with the largest group that it has packed.
vlmc_status vlmc_group_pack(vlmc_group_packer *packer, const uint8_t *raw, uint32_t n,
                            vlmc_packed_group *packed, vlmc_error *error);

// Replaces *packed, the result of vlmc_group_pack or this function for the same bytes, when the
// lock step's is smaller by more than `cost` bytes. `coding` (NULL: plain bytes), `stream_tokens`,
// `tick` and `user` as in lockstep.h; VLMC_ERROR_PLUGIN leaves *packed as it was.
vlmc_status vlmc_group_pack_model(vlmc_group_packer *packer, vlmc_lockstep *lockstep,
                                  const vlmc_token_coding *coding, const uint8_t *raw, uint32_t n,
                                  uint32_t stream_tokens, uint32_t cost, vlmc_packed_group *packed,
                                  vlmc_lockstep_tick tick, void *user, vlmc_error *error);

// Decodes a STORED or ZSTD group of exactly n bytes; MODEL is vlmc_lockstep_decode.
// VLMC_ERROR_DAMAGED when the bytes are not such a group.
vlmc_status vlmc_group_unpack_plain(uint32_t method, const uint8_t *bytes, uint32_t size,
                                    uint8_t *raw, uint32_t n, vlmc_error *error);

#endif
