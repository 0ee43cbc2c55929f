// SPDX-License-Identifier: Apache-2.0
#include "symbol_coder.h"

#include "cpu/kernels.h"
#include "cpu/ops.h"

#include <stdlib.h>

// A bit that is 1 with probability p / 2^VLMC_MIX_BITS: ones lie below zeros.
#define BIT_SHIFT (VLMC_RANGE_TOTAL_BITS - VLMC_MIX_BITS)

_Static_assert(VLMC_RANGE_TOTAL_BITS == VLMC_FREQUENCY_BITS, "coder and model share one total");

struct vlmc_symbol_coder {
    const vlmc_cpu_kernels *kernels;
    vlmc_mix *mix;
    uint32_t symbol_bits;
    uint32_t n_mixed, n_selects;
    uint8_t mixed[VLMC_PLUGIN_CONTEXTS_MAX]; // which of the declared contexts these are
    uint8_t selects[VLMC_MIX_SELECTS_MAX];
};

// Distances from a centre take all values; tokens themselves only those of their alphabet.
static uint32_t symbol_bits(const vlmc_tokenizer *tokenizer)
{
    uint32_t bits = 8;
    if (tokenizer && !(tokenizer->flags & VLMC_TOKENIZER_CENTRED))
        while (bits > 1 && tokenizer->alphabet <= 1u << (bits - 1))
            bits--;
    return bits;
}

static vlmc_mix_params mix_params(vlmc_symbol_coder *coder, bool has_model,
                                  const vlmc_tokenizer *tokenizer,
                                  const vlmc_mix_settings *settings)
{
    vlmc_mix_params params = {
        .has_model = has_model,
        .past = !tokenizer                                 ? VLMC_PAST_BYTES
                : tokenizer->flags & VLMC_TOKENIZER_ORDERS ? VLMC_PAST_TEXT
                                                           : VLMC_PAST_NONE,
        .settings = *settings,
        .symbol_bits = symbol_bits(tokenizer),
    };
    coder->symbol_bits = params.symbol_bits;
    for (uint32_t i = 0; tokenizer && i < tokenizer->n_contexts; i++) {
        const vlmc_context_declaration *context = &tokenizer->contexts[i];
        if (context->flags & VLMC_CONTEXT_MIX)
            coder->mixed[coder->n_mixed++] = (uint8_t)i;
        if (context->flags & VLMC_CONTEXT_SELECT) {
            params.select_sizes[coder->n_selects] = context->cardinality;
            coder->selects[coder->n_selects++] = (uint8_t)i;
        }
    }
    params.n_contexts = coder->n_mixed;
    params.n_selects = coder->n_selects;
    return params;
}

vlmc_status vlmc_symbol_coder_create(bool has_model, const vlmc_tokenizer *tokenizer,
                                     const vlmc_mix_settings *settings, uint32_t max_streams,
                                     uint32_t max_tokens, vlmc_symbol_coder **coder,
                                     vlmc_error *error)
{
    vlmc_symbol_coder *c = calloc(1, sizeof *c);
    if (c) {
        c->kernels = vlmc_cpu_kernels_best();
        const vlmc_mix_params params = mix_params(c, has_model, tokenizer, settings);
        c->mix = vlmc_mix_create(&params, max_streams, max_tokens);
        if (!c->mix)
            vlmc_symbol_coder_destroy(&c);
    }
    *coder = c;
    return c ? VLMC_OK : vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the mixer");
}

void vlmc_symbol_coder_destroy(vlmc_symbol_coder **coder)
{
    if (!*coder)
        return;
    vlmc_mix_destroy(&(*coder)->mix);
    free(*coder);
    *coder = NULL;
}

void vlmc_symbol_coder_reset(vlmc_symbol_coder *coder, uint32_t n_tokens, uint32_t n_streams,
                             uint32_t n_steps)
{
    vlmc_mix_reset(coder->mix, n_tokens, n_streams, n_steps);
}

void vlmc_symbol_prepare(vlmc_symbol_coder *coder, uint32_t stream, const uint32_t *values)
{
    uint32_t mixed[VLMC_PLUGIN_CONTEXTS_MAX], selects[VLMC_MIX_SELECTS_MAX];
    for (uint32_t i = 0; i < coder->n_mixed; i++)
        mixed[i] = values[coder->mixed[i]];
    for (uint32_t i = 0; i < coder->n_selects; i++)
        selects[i] = values[coder->selects[i]];
    vlmc_mix_prepare(coder->mix, stream, mixed, selects);
}

static void begin(vlmc_symbol_coder *coder, uint32_t stream, const int16_t *logits)
{
    uint32_t frequencies[256];
    if (logits)
        coder->kernels->frequencies(256, logits, frequencies);
    vlmc_mix_begin(coder->mix, stream, frequencies);
}

void vlmc_symbol_encode(vlmc_symbol_coder *coder, uint32_t stream, const int16_t *logits,
                        uint8_t symbol, vlmc_range_encoder *encoder)
{
    begin(coder, stream, logits);
    for (uint32_t i = coder->symbol_bits; i-- > 0;) {
        const uint32_t bit = symbol >> i & 1, ones = vlmc_mix_probability(coder->mix) << BIT_SHIFT;
        vlmc_range_encode(encoder, bit ? 0 : ones,
                          bit ? ones : (1u << VLMC_RANGE_TOTAL_BITS) - ones);
        vlmc_mix_update(coder->mix, bit);
    }
}

uint8_t vlmc_symbol_decode(vlmc_symbol_coder *coder, uint32_t stream, const int16_t *logits,
                           vlmc_range_decoder *decoder)
{
    uint32_t symbol = 0;
    begin(coder, stream, logits);
    for (uint32_t i = coder->symbol_bits; i-- > 0;) {
        const uint32_t ones = vlmc_mix_probability(coder->mix) << BIT_SHIFT;
        const uint32_t bit = vlmc_range_decoder_get(decoder) < ones;
        vlmc_range_decoder_consume(decoder, bit ? 0 : ones,
                                   bit ? ones : (1u << VLMC_RANGE_TOTAL_BITS) - ones);
        vlmc_mix_update(coder->mix, bit);
        symbol = symbol << 1 | bit;
    }
    return (uint8_t)symbol;
}
