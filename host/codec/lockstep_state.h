// SPDX-License-Identifier: Apache-2.0
// The inside of a lock step, shared by its two directions; lockstep.h is for everybody else.
#ifndef VLMC_CODEC_LOCKSTEP_STATE_H
#define VLMC_CODEC_LOCKSTEP_STATE_H

#include "lockstep.h"
#include "symbol_coder.h"
#include "util/background.h"

#define VLMC_ALPHABET 256u
#define HALVES 2u
#define SLAB_TOKENS 4096u // streams * steps of a slab, about
#define SLABS 2u          // an encoder's: the engine works on one while the other is coded

// Some steps of all streams, on their way through engine and mixer.
typedef struct slab {
    uint32_t first, count; // steps
    // By stream, for the engine:
    uint16_t *before; // (streams, steps) the symbol before
    uint32_t *rows;   // (streams, steps, n_contexts)
    int16_t *logits;  // (streams, steps, 256)
    // By step:
    uint32_t *values; // (steps, streams, n_values)
    uint8_t *symbols; // (steps, streams)
    uint8_t *centres; // (steps, streams)
} slab;

// An engine's work on the next step of half the streams.
typedef struct half {
    vlmc_background *background; // runs it; NULL until there is one
    struct vlmc_lockstep *lockstep;
    uint32_t which;
    vlmc_status status;
    vlmc_error error;
} half;

struct vlmc_lockstep {
    vlmc_engine *engine;             // NULL: the mixer alone
    const vlmc_tokenizer *tokenizer; // NULL: plain bytes
    const vlmc_hyperparameters *hp;  // of the engine
    vlmc_mix_settings settings;
    vlmc_contexts *contexts; // over symbols, for the engine
    vlmc_symbol_coder *coder;
    uint32_t max_steps;
    uint32_t n_values;   // side contexts of the tokenizer
    uint32_t max_tokens; // of a group
    size_t slab_tokens;  // what a slab holds
    slab slabs[SLABS];   // of an encoder
    slab ahead;          // one step: what is known of the next symbol of each stream

    // Of an encoder with an engine, which runs there; NULL until there is one:
    vlmc_background *background;
    size_t coded; // bytes of the group
    const slab *forwarded;
    vlmc_status forward_status;
    vlmc_error forward_error;

    // Of a decoder by halves: each engine works on one, while the other is decoded.
    vlmc_engine *second; // NULL: there is none
    bool by_turns;       // one engine at a time, on the thread of the first half
    half halves[HALVES];

    // Of a group:
    vlmc_cut cut;
    uint32_t split; // streams of the first half
    vlmc_token_contexts side;
    vlmc_token_contexts shadow; // encoder: the same again, walked as a decoder does
    uint8_t last[VLMC_STREAMS_MAX];
    slab shadow_ahead; // what the shadow's walk says in place of `ahead`
};

// The streams of a half.
static inline uint32_t vlmc_half_first(const vlmc_lockstep *ls, uint32_t half)
{
    return half == 0 ? 0 : ls->split;
}

static inline uint32_t vlmc_half_end(const vlmc_lockstep *ls, uint32_t half)
{
    return half == 0 ? ls->split : ls->cut.streams;
}

// Those of a half that have a symbol at step t end there.
static inline uint32_t vlmc_half_active(const vlmc_lockstep *ls, uint32_t half, uint32_t t)
{
    const uint32_t active = vlmc_cut_active(&ls->cut, t), end = vlmc_half_end(ls, half);
    return active < end ? active : end;
}

// An encoder has all symbols and needs no halves.
static inline bool vlmc_lockstep_overlaps(const vlmc_lockstep *ls, bool encoding)
{
    return ls->second && !encoding && ls->split < ls->cut.streams;
}

// The byte that names the settings.
uint8_t vlmc_lockstep_settings_byte(const vlmc_mix_settings *settings);

// Everything at its start for a group of n tokens, its first contexts looked up; `shadow`: for an
// encoder. `streams` may come from an archive: VLMC_ERROR_DAMAGED when they cannot be.
vlmc_status vlmc_lockstep_start(vlmc_lockstep *ls, const vlmc_token_coding *coding, uint32_t n,
                                uint32_t streams, bool shadow, vlmc_error *error);
void vlmc_lockstep_stop(vlmc_lockstep *ls); // whatever start has said

// Contexts of a half at step t, before the other half's symbols of step t - 1 are known: so that a
// device can be at this half while that one is decoded. What the shadow says, or all there is.
vlmc_status vlmc_lockstep_look_ahead(vlmc_lockstep *ls, uint32_t half, uint32_t t, bool shadow,
                                     vlmc_error *error);

// What stream s had.
void vlmc_lockstep_push(vlmc_lockstep *ls, uint32_t s, uint8_t token, uint8_t symbol);

// Tells `tick` of so many steps of every stream, in tokens; those that have ended count no further.
// VLMC_ERROR_INTERRUPTED when it wants to stop.
vlmc_status vlmc_lockstep_tell(const vlmc_lockstep *ls, vlmc_lockstep_tick tick, void *user,
                               uint32_t steps_done, vlmc_error *error);

#endif
