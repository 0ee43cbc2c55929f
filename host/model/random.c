// SPDX-License-Identifier: Apache-2.0
#include "layout.h"

#include <stdio.h>

// SplitMix64 (Steele, Lea, Flood 2014).
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static int32_t between(uint64_t *state, int32_t lo, int32_t hi)
{
    return lo + (int32_t)(next_random(state) % (uint64_t)(hi - lo + 1));
}

// About one row in 16 is extreme: all ±127, or a scale that saturates or vanishes.
static void fill_weight(int8_t *data, const vlmc_tensor_slot *slot, uint64_t *state)
{
    for (uint32_t r = 0; r < slot->rows; r++) {
        const int extreme = next_random(state) % 16 == 0;
        for (uint32_t c = 0; c < slot->cols; c++)
            *data++ = (int8_t)(extreme ? (next_random(state) & 1 ? 127 : -127)
                                       : between(state, -127, 127));
    }
}

static void fill_i32(int32_t *data, const vlmc_tensor_slot *slot, int32_t usual_shift,
                     uint64_t *state)
{
    for (size_t i = 0; i < (size_t)slot->rows * slot->cols; i++) {
        const int extreme = next_random(state) % 16 == 0;
        const int high = (int)(next_random(state) & 1);
        switch (slot->role) {
        case VLMC_ROLE_MULTIPLIER:
            data[i] = extreme ? (high ? 65535 : 0) : between(state, 32768, 65535);
            break;
        case VLMC_ROLE_SHIFT:
            data[i] = extreme ? (high ? 46 : 16) : usual_shift;
            break;
        default: // attention bias, falling with distance
            data[i] = extreme ? (high ? 1 << 24 : -(1 << 24))
                              : between(state, -8192, 4096) - 64 * (int32_t)(i % slot->cols);
        }
    }
}

// The shift that keeps a sum over `cols` random products in int8's range.
static int32_t usual_shift(uint32_t cols)
{
    int32_t shift = 21;
    for (uint32_t k = 1; k < cols; k *= 4)
        shift++;
    return shift;
}

vlmc_status vlmc_model_random(const vlmc_hyperparameters *hp, uint64_t seed, vlmc_model **model,
                              vlmc_error *error)
{
    *model = NULL;
    VLMC_TRY(vlmc_hyperparameters_check(hp, "random model", error));
    vlmc_layout layout;
    vlmc_model *m;
    VLMC_TRY(vlmc_model_allocate(hp, &layout, &m, error));
    snprintf(m->name, sizeof m->name, "random");
    uint64_t state = seed;
    uint32_t cols = 0; // of the latest weight: its multiplier and shift follow it
    for (uint32_t i = 0; i < layout.n_slots; i++) {
        const vlmc_tensor_slot *slot = &layout.slots[i];
        uint8_t *data = (uint8_t *)m->storage + slot->offset;
        if (slot->role == VLMC_ROLE_WEIGHT) {
            cols = slot->cols;
            fill_weight((int8_t *)data, slot, &state);
        } else if (slot->role == VLMC_ROLE_TOKEN) {
            int16_t *token = (int16_t *)(void *)data;
            for (size_t j = 0; j < (size_t)slot->rows * slot->cols; j++)
                token[j] = (int16_t)(next_random(&state) % 64 == 0 ? between(&state, -32767, 32767)
                                                                   : between(&state, -600, 600));
        } else {
            fill_i32((int32_t *)(void *)data, slot, usual_shift(cols), &state);
        }
    }
    vlmc_status status = vlmc_model_seal(m, &layout, "random model", error);
    vlmc_layout_destroy(&layout);
    if (status != VLMC_OK)
        vlmc_model_destroy(&m);
    *model = m;
    return status;
}
