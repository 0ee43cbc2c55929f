// SPDX-License-Identifier: Apache-2.0
// One symbol at a time from a distribution and side contexts to the range coder and back: the
// mixer that belongs to a tokenizer, bit by bit. docs/numerics.md, "Mixing".
#ifndef VLMC_CODEC_SYMBOL_CODER_H
#define VLMC_CODEC_SYMBOL_CODER_H

#include "mix/mix.h"
#include "range_coder.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/plugin.h>
#include <vlmc/status.h>

typedef struct vlmc_symbol_coder vlmc_symbol_coder;

// `tokenizer` (NULL: plain bytes) has passed vlmc_tokenizer_check. has_model: logits come with
// each symbol.
vlmc_status vlmc_symbol_coder_create(bool has_model, const vlmc_tokenizer *tokenizer,
                                     const vlmc_mix_settings *settings, uint32_t max_streams,
                                     uint32_t max_tokens, vlmc_symbol_coder **coder,
                                     vlmc_error *error);
void vlmc_symbol_coder_destroy(vlmc_symbol_coder **coder);

// Forgets everything, before a group of n_tokens in n_streams streams, the longest of n_steps.
void vlmc_symbol_coder_reset(vlmc_symbol_coder *coder, uint32_t n_tokens, uint32_t n_streams,
                             uint32_t n_steps);

// The side contexts of a stream's next symbol, those of all streams of a step before its first
// symbol is coded. // values (n_contexts of the tokenizer), NULL for plain bytes
void vlmc_symbol_prepare(vlmc_symbol_coder *coder, uint32_t stream, const uint32_t *values);

// The symbol of a stream that is prepared. // logits (256), NULL without a model
void vlmc_symbol_encode(vlmc_symbol_coder *coder, uint32_t stream, const int16_t *logits,
                        uint8_t symbol, vlmc_range_encoder *encoder);
uint8_t vlmc_symbol_decode(vlmc_symbol_coder *coder, uint32_t stream, const int16_t *logits,
                           vlmc_range_decoder *decoder);

#endif
