// SPDX-License-Identifier: Apache-2.0
// A loaded model: hyperparameters and integer tensors, as docs/numerics.md defines them.
#ifndef VLMC_MODEL_MODEL_H
#define VLMC_MODEL_MODEL_H

#include "context.h"

#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_LAYERS_MAX 64u
#define VLMC_DIGEST_BYTES 32
#define VLMC_MODALITY_BYTES 32

typedef enum vlmc_ffn_kind {
    VLMC_FFN_RELU2 = 0, // squared ReLU: up is (hidden, width)
    VLMC_FFN_REGLU = 1, // gated ReLU: up is (2 * hidden, width), gate rows first
} vlmc_ffn_kind;

// An int8 matrix with per-row requantisation:
// y[m] = (Σ_k weight[m][k] x[k] * multiplier[m] + 2^(shift[m]-1)) >> shift[m].
typedef struct vlmc_linear {
    uint32_t rows;             // outputs m, a multiple of 16
    uint32_t cols;             // inputs k, a multiple of 32, at most 65536
    const int8_t *weight;      // (rows, cols), each in -127..127
    const int32_t *multiplier; // (rows), each in 0..65535
    const int32_t *shift;      // (rows), each in 16..46
} vlmc_linear;

typedef struct vlmc_layer {
    vlmc_linear q;       // (heads * head_dim, width)
    vlmc_linear k;       // (kv_heads * head_dim, width)
    vlmc_linear v;       // (kv_heads * head_dim, width)
    vlmc_linear o;       // (width, heads * head_dim)
    vlmc_linear up;      // (hidden or 2 * hidden, width)
    vlmc_linear down;    // (width, hidden)
    const int32_t *bias; // (heads, window), by distance 0.., |bias| <= 2^24
} vlmc_layer;

typedef struct vlmc_hyperparameters {
    uint32_t numerics;    // version of docs/numerics.md, 0
    uint32_t vocab;       // outputs, 256 for bytes; inputs are vocab + 1 (begin of stream)
    uint32_t width;       // residual channels, multiple of 32, at most 8192
    uint32_t layers;      // 1..VLMC_LAYERS_MAX
    uint32_t heads;       // query heads, a multiple of kv_heads
    uint32_t kv_heads;    // key/value heads
    uint32_t head_dim;    // multiple of 16, at most 128
    uint32_t hidden;      // feed-forward channels, multiple of 32
    uint32_t window;      // positions that attention sees, itself included, 1..1024
    uint32_t ffn;         // enum vlmc_ffn_kind
    uint32_t n_contexts;  // 0..VLMC_CONTEXTS_MAX
    uint32_t context_dim; // columns of each context table, multiple of 16
    vlmc_context_spec contexts[VLMC_CONTEXTS_MAX];
} vlmc_hyperparameters;

// Immutable after loading; shared by any number of engines and threads. Owned by
// whoever loaded it, and must outlive every engine made from it.
typedef struct vlmc_model {
    vlmc_hyperparameters hp;
    char name[64];                           // general.name, printable ASCII
    char modality[VLMC_MODALITY_BYTES];      // vlmc.modality: what it was trained on; "text"
    uint8_t digest[VLMC_DIGEST_BYTES];       // identity: SHA-256 over hyperparameters and tensors
    const int16_t *token;                    // (vocab + 1, width), residual units
    const int8_t *tables[VLMC_CONTEXTS_MAX]; // (contexts[i].rows, context_dim)
    vlmc_linear context;                     // (width, n_contexts * context_dim); unused if none
    vlmc_layer layer[VLMC_LAYERS_MAX];
    vlmc_linear head; // (vocab, width)
    void *storage;    // what the tensors point into
    size_t storage_bytes;
} vlmc_model;

// Reads and checks a GGUF file (docs/models.md). On failure *model is NULL.
vlmc_status vlmc_model_load(const char *path, vlmc_model **model, vlmc_error *error);

// The same from memory; `bytes` is copied and may be freed afterwards. `origin` names
// the source in messages.
vlmc_status vlmc_model_load_memory(const void *bytes, size_t size, const char *origin,
                                   vlmc_model **model, vlmc_error *error);

void vlmc_model_destroy(vlmc_model **model);

// A small random model for tests and self-tests: any valid hp, every tensor filled from
// `seed`, extreme values included. The same bits on every machine.
vlmc_status vlmc_model_random(const vlmc_hyperparameters *hp, uint64_t seed, vlmc_model **model,
                              vlmc_error *error);

// Checks every range and product of the hyperparameters; `origin` names the source.
vlmc_status vlmc_hyperparameters_check(const vlmc_hyperparameters *hp, const char *origin,
                                       vlmc_error *error);

#endif
