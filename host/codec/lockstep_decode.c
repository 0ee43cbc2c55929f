// SPDX-License-Identifier: Apache-2.0
#include "lockstep_state.h"

#include "x86.h"

static void half_forward(void *context)
{
    half *half = context;
    vlmc_lockstep *ls = half->lockstep;
    const slab *ahead = &ls->ahead;
    const size_t first = vlmc_half_first(ls, half->which);
    half->status =
        vlmc_engine_forward(half->which == 0 ? ls->engine : ls->second, 1, ahead->before + first,
                            ahead->rows + first * ls->hp->n_contexts,
                            ahead->logits + first * VLMC_ALPHABET, &half->error);
}

// On a device the next step of a half begins as soon as its contexts are known, elsewhere when the
// other half's has ended.
static void half_start(vlmc_lockstep *ls, uint32_t which)
{
    if (vlmc_lockstep_overlaps(ls, false))
        vlmc_background_start(ls->halves[which].background, half_forward, &ls->halves[which]);
}

static vlmc_status half_wait(vlmc_lockstep *ls, uint32_t which, vlmc_error *error)
{
    half *half = &ls->halves[which];
    if (!vlmc_lockstep_overlaps(ls, false))
        return VLMC_OK;
    vlmc_background_wait(half->background);
    if (half->status != VLMC_OK)
        *error = half->error;
    return half->status;
}

static vlmc_status decode_half(vlmc_lockstep *ls, uint8_t *tokens, uint32_t half, uint32_t t,
                               vlmc_range_decoder *decoder, vlmc_error *error)
{
    const slab *ahead = &ls->ahead;
    const bool centred = vlmc_tokenizer_centred(ls->tokenizer);
    for (uint32_t s = vlmc_half_first(ls, half); s < vlmc_half_active(ls, half, t); s++) {
        const int16_t *logits = ls->engine ? ahead->logits + (size_t)s * VLMC_ALPHABET : NULL;
        const uint8_t symbol = vlmc_symbol_decode(ls->coder, s, logits, decoder);
        const uint8_t token = centred ? vlmc_token_of_symbol(symbol, ahead->centres[s]) : symbol;
        if (ls->tokenizer && token >= ls->tokenizer->alphabet)
            decoder->damaged = true;
        if (decoder->damaged)
            return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                             "the packed bytes are not what an encoder writes");
        tokens[vlmc_cut_offset(&ls->cut, s) + t] = token;
        vlmc_lockstep_push(ls, s, token, symbol);
    }
    return vlmc_lockstep_look_ahead(ls, half, t + 1, false, error);
}

static vlmc_status decode_step(vlmc_lockstep *ls, uint8_t *tokens, uint32_t t,
                               vlmc_range_decoder *decoder, vlmc_error *error)
{
    const bool last = t + 1 == vlmc_cut_length(&ls->cut, 0);
    const slab *ahead = &ls->ahead;
    if (ls->engine && !vlmc_lockstep_overlaps(ls, false))
        VLMC_TRY(
            vlmc_engine_forward(ls->engine, 1, ahead->before, ahead->rows, ahead->logits, error));
    for (uint32_t s = 0; s < vlmc_cut_active(&ls->cut, t); s++)
        vlmc_symbol_prepare(ls->coder, s, ahead->values + (size_t)s * ls->n_values);
    for (uint32_t which = 0; which < HALVES; which++) {
        VLMC_TRY(half_wait(ls, which, error));
        if (ls->by_turns && (which == 0 || !last))
            half_start(ls, 1 - which);
        VLMC_TRY(decode_half(ls, tokens, which, t, decoder, error));
        if (!ls->by_turns && !last)
            half_start(ls, which);
    }
    return VLMC_OK;
}

static vlmc_status decode_steps(vlmc_lockstep *ls, uint8_t *tokens, vlmc_range_decoder *decoder,
                                vlmc_lockstep_tick tick, void *user, vlmc_error *error)
{
    const uint32_t steps = vlmc_cut_length(&ls->cut, 0);
    half_start(ls, 0);
    if (!ls->by_turns)
        half_start(ls, 1);
    for (uint32_t t = 0; t < steps; t++) {
        VLMC_TRY(decode_step(ls, tokens, t, decoder, error));
        if (t % 16 == 15)
            VLMC_TRY(vlmc_lockstep_tell(ls, tick, user, t + 1, error));
    }
    return VLMC_OK;
}

static vlmc_status decode(vlmc_lockstep *ls, uint8_t *tokens, vlmc_range_decoder *decoder,
                          vlmc_lockstep_tick tick, void *user, vlmc_error *error)
{
    const vlmc_status status = decode_steps(ls, tokens, decoder, tick, user, error);
    for (uint32_t which = 0; which < HALVES && vlmc_lockstep_overlaps(ls, false); which++)
        vlmc_background_wait(ls->halves[which].background); // whatever ended it, they rest
    return status;
}

vlmc_status vlmc_lockstep_decode(vlmc_lockstep *ls, const vlmc_token_coding *coding,
                                 const uint8_t *packed, size_t size, uint32_t streams,
                                 uint8_t *tokens, uint32_t n, vlmc_lockstep_tick tick, void *user,
                                 vlmc_error *error)
{
    vlmc_range_decoder decoder;
    if (size == 0 || (packed[0] & ~VLMC_GROUP_X86) != vlmc_lockstep_settings_byte(&ls->settings) ||
        (packed[0] & VLMC_GROUP_X86 && ls->tokenizer))
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "the packed bytes are not what an encoder writes");
    vlmc_range_decoder_start(&decoder, packed + 1, size - 1);
    vlmc_status status = vlmc_lockstep_start(ls, coding, n, streams, false, error);
    if (status == VLMC_OK)
        status = decode(ls, tokens, &decoder, tick, user, error);
    if (status == VLMC_OK && packed[0] & VLMC_GROUP_X86)
        vlmc_x86_to_distances(tokens, n);
    vlmc_lockstep_stop(ls);
    return status;
}
