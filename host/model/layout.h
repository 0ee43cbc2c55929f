// SPDX-License-Identifier: Apache-2.0
// The tensors that given hyperparameters imply, in canonical order: one table that the
// loader, the writer, the digest and the random model share.
#ifndef VLMC_MODEL_LAYOUT_H
#define VLMC_MODEL_LAYOUT_H

#include "model.h"

// GGUF tensor types (ggml's numbers).
enum vlmc_tensor_type {
    VLMC_TENSOR_I8 = 24,
    VLMC_TENSOR_I16 = 25,
    VLMC_TENSOR_I32 = 26,
};

// What a tensor's values must satisfy; also tells the random model what to write.
typedef enum vlmc_tensor_role {
    VLMC_ROLE_TOKEN,      // i16, |v| <= 32767
    VLMC_ROLE_WEIGHT,     // i8, |v| <= 127; context tables too
    VLMC_ROLE_MULTIPLIER, // i32, 0..65535
    VLMC_ROLE_SHIFT,      // i32, 16..46
    VLMC_ROLE_BIAS,       // i32, |v| <= 2^24
} vlmc_tensor_role;

typedef struct vlmc_tensor_slot {
    char name[48];
    uint32_t type; // enum vlmc_tensor_type
    vlmc_tensor_role role;
    uint32_t rows;
    uint32_t cols; // fastest dimension
    size_t offset; // in vlmc_model.storage, a multiple of 64
    size_t bytes;
} vlmc_tensor_slot;

typedef struct vlmc_layout {
    vlmc_tensor_slot *slots; // (n_slots)
    uint32_t n_slots;
    size_t bytes; // of the storage
} vlmc_layout;

// hp must have passed vlmc_hyperparameters_check.
vlmc_status vlmc_layout_create(const vlmc_hyperparameters *hp, vlmc_layout *layout,
                               vlmc_error *error);
void vlmc_layout_destroy(vlmc_layout *layout);

// Allocates a model with zeroed storage for hp and points its tensors into it.
vlmc_status vlmc_model_allocate(const vlmc_hyperparameters *hp, vlmc_layout *layout,
                                vlmc_model **model, vlmc_error *error);

// Checks every value against its role and sets model->digest.
vlmc_status vlmc_model_seal(vlmc_model *model, const vlmc_layout *layout, const char *origin,
                            vlmc_error *error);

#endif
