// SPDX-License-Identifier: Apache-2.0
// A group's bytes through the model: streams in lock step, one range coder.
// docs/format.md, "Model groups".
#ifndef VLMC_CODEC_LOCKSTEP_H
#define VLMC_CODEC_LOCKSTEP_H

#include "model/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

// Format rules: never from the machine at hand.
#define VLMC_GROUP_BYTES_MAX (1u << 20)
#define VLMC_STREAMS_MAX 128u
#define VLMC_STREAM_BYTES 6144u // a group gets one more stream for each that many bytes

// Most steps that an encoder hands to an engine at once; speed and memory only.
#define VLMC_SLAB_STEPS_MAX 128u

// The width that the encoder gives to a group of n bytes: ceil(n / 6144), 1..128.
uint32_t vlmc_group_streams(uint32_t n);

// Stream s of n bytes: the first n mod streams are one byte longer than the others.
uint32_t vlmc_stream_length(uint32_t n, uint32_t streams, uint32_t s);
uint32_t vlmc_stream_offset(uint32_t n, uint32_t streams, uint32_t s);

// Called between steps; raw bytes of this group that are done. False stops.
typedef bool (*vlmc_lockstep_tick)(void *user, uint32_t raw_done);

typedef struct vlmc_lockstep vlmc_lockstep;

// For groups of any size. `engine` is borrowed and was made for VLMC_STREAMS_MAX streams and
// max_steps (1.. ) steps; a decoder needs 1 step. VLMC_ERROR_MODEL_INVALID when the model does not
// predict bytes.
vlmc_status vlmc_lockstep_create(vlmc_engine *engine, uint32_t max_steps, vlmc_lockstep **lockstep,
                                 vlmc_error *error);
void vlmc_lockstep_destroy(vlmc_lockstep **lockstep);

// Codes raw // (n), n 1..VLMC_GROUP_BYTES_MAX, in `streams` (1..min(n, 128)) streams. *size is
// SIZE_MAX when the result would not fit into `capacity`, or would clearly not (which is judged
// from the bytes coded so far, so that it is the same on every machine). `tick` may be NULL; when
// it returns false: VLMC_ERROR_INTERRUPTED.
vlmc_status vlmc_lockstep_encode(vlmc_lockstep *lockstep, const uint8_t *raw, uint32_t n,
                                 uint32_t streams, uint8_t *out, size_t capacity, size_t *size,
                                 vlmc_lockstep_tick tick, void *user, vlmc_error *error);

// The inverse. Any packed bytes are safe; VLMC_ERROR_DAMAGED when no encoder wrote them.
vlmc_status vlmc_lockstep_decode(vlmc_lockstep *lockstep, const uint8_t *packed, size_t size,
                                 uint32_t streams, uint8_t *raw, uint32_t n,
                                 vlmc_lockstep_tick tick, void *user, vlmc_error *error);

#endif
