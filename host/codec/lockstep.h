// SPDX-License-Identifier: Apache-2.0
// A group's tokens through model and mixer: streams in lock step, one range coder.
// docs/format.md, "Model groups".
#ifndef VLMC_CODEC_LOCKSTEP_H
#define VLMC_CODEC_LOCKSTEP_H

#include "cut.h"
#include "mix/mix.h"
#include "model/engine.h"
#include "token_contexts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>
#include <vlmc/status.h>

// Most steps that an encoder hands to an engine at once; speed and memory only.
#define VLMC_SLAB_STEPS_MAX 128u

// Called between steps; tokens of this group that are done. False stops.
typedef bool (*vlmc_lockstep_tick)(void *user, uint32_t done);

typedef struct vlmc_lockstep vlmc_lockstep;

// A group that is coded begins with a byte that names the mixer's settings, and has this bit when
// what is coded are its bytes after vlmc_x86_to_addresses; plain bytes only.
#define VLMC_GROUP_X86 0x80u

// VLMC_ERROR_DAMAGED when there are no such settings; VLMC_ERROR_FORMAT for those of groups from
// before streams were decoded by halves.
vlmc_status vlmc_lockstep_settings(const uint8_t *packed, size_t size, vlmc_mix_settings *settings,
                                   vlmc_error *error);

// For groups of up to max_tokens, all of one tokenizer (NULL: plain bytes) and with the same
// settings, which are copied, coded with one engine (NULL: the mixer alone). `engine` is borrowed
// and was made for VLMC_STREAMS_MAX streams and max_steps (1.. ) steps; a decoder needs 1 step.
// VLMC_ERROR_MODEL_INVALID when the model does not fit the tokenizer (vlmc_model_fits),
// VLMC_ERROR_PLUGIN when the tokenizer declares what it may not.
vlmc_status vlmc_lockstep_create(vlmc_engine *engine, const vlmc_tokenizer *tokenizer,
                                 const vlmc_mix_settings *settings, uint32_t max_steps,
                                 uint32_t max_tokens, vlmc_lockstep **lockstep, vlmc_error *error);
void vlmc_lockstep_destroy(vlmc_lockstep **lockstep);

// From now on decoding uses `second` as well, made like the first for the same model and borrowed
// like it: each has half of the streams, and works on its next step while the other half is
// decoded. The tokens are the same; it pays where the engines leave a processor to the caller.
// Once. VLMC_ERROR_MEMORY when there is no thread to be had: the lock step then goes on without.
vlmc_status vlmc_lockstep_overlap(vlmc_lockstep *lockstep, vlmc_engine *second, vlmc_error *error);

// How many streams the encoder gives to a group of n tokens; 1 without a model, else 1..128: one
// for each stream_tokens, or as the tokenizer asks when its segments do not join. VLMC_ERROR_PLUGIN
// when it refuses the parameters.
vlmc_status vlmc_lockstep_streams(const vlmc_lockstep *lockstep, const vlmc_token_coding *coding,
                                  uint32_t n, uint32_t stream_tokens, uint32_t *streams,
                                  vlmc_error *error);

// Codes tokens // (n), n 1..max_tokens, in `streams` streams. *size is SIZE_MAX when the
// result would not fit into `capacity`, or would clearly not (which is judged from the bytes coded
// so far, so that it is the same on every machine). `tick` may be NULL; when it returns false:
// VLMC_ERROR_INTERRUPTED. VLMC_ERROR_PLUGIN when the tokenizer refuses or breaks its rules: nothing
// is lost if the caller then codes plain bytes.
vlmc_status vlmc_lockstep_encode(vlmc_lockstep *lockstep, const vlmc_token_coding *coding,
                                 const uint8_t *tokens, uint32_t n, uint32_t streams, uint8_t *out,
                                 size_t capacity, size_t *size, vlmc_lockstep_tick tick, void *user,
                                 vlmc_error *error);

// Bytes that have been coded so far, for a tick of vlmc_lockstep_encode.
size_t vlmc_lockstep_coded(const vlmc_lockstep *lockstep);

// The inverse. Any packed bytes are safe; VLMC_ERROR_DAMAGED when no encoder wrote them,
// VLMC_ERROR_PLUGIN when the tokenizer refuses or breaks its rules.
vlmc_status vlmc_lockstep_decode(vlmc_lockstep *lockstep, const vlmc_token_coding *coding,
                                 const uint8_t *packed, size_t size, uint32_t streams,
                                 uint8_t *tokens, uint32_t n, vlmc_lockstep_tick tick, void *user,
                                 vlmc_error *error);

#endif
