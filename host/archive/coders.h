// SPDX-License-Identifier: Apache-2.0
// The lock steps that a writer or reader needs, each with its engine: made when first needed, the
// ones not used for longest given up. One thread at a time.
#ifndef VLMC_ARCHIVE_CODERS_H
#define VLMC_ARCHIVE_CODERS_H

#include "archive.h"
#include "codec/lockstep.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_coders vlmc_coders;

// What the mixers of lock steps may take together, about, unless one alone has more.
#define VLMC_CODERS_BYTES_MAX (UINT64_C(1) << 30)

// What a mixer with these settings takes, about, for a group of n tokens.
uint64_t vlmc_coders_mixer_bytes(const vlmc_mix_settings *settings, uint32_t n_tokens);

// source NULL: for the mixer alone. max_steps as for engines: 1 to decode.
vlmc_status vlmc_coders_create(const vlmc_engine_source *source, uint32_t max_steps,
                               vlmc_coders **coders, vlmc_error *error);
void vlmc_coders_destroy(vlmc_coders **coders);

// The lock step of these tokens (NULL: plain bytes) with this model (NULL: the mixer alone) and
// these settings of the mixer, for a group of n_tokens; it stays with the coders until the next
// call. VLMC_ERROR_MODEL_INVALID: the model is not for them.
vlmc_status vlmc_coders_get(vlmc_coders *coders, const vlmc_model *model,
                            const vlmc_tokenizer *tokenizer, const vlmc_mix_settings *settings,
                            uint32_t n_tokens, vlmc_lockstep **lockstep, vlmc_error *error);

// The lock step of the last call decodes by halves from now on where that pays: with a second
// engine on a device that has room for it, in a group of several streams. max_steps is 1.
void vlmc_coders_by_halves(vlmc_coders *coders, uint32_t streams);

// After `status` of work with the last lock step: true when its engine has failed with its device,
// is destroyed, and another one may do the work again.
bool vlmc_coders_retry(vlmc_coders *coders, vlmc_status status, const vlmc_error *error);

#endif
