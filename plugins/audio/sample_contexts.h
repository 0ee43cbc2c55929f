// SPDX-License-Identifier: Apache-2.0
// The context machine of sample tokens: audio.pcm and audio.flac share it. Parameters start
// with an audio_layout.
#ifndef AUDIO_SAMPLE_CONTEXTS_H
#define AUDIO_SAMPLE_CONTEXTS_H

#include <stdint.h>
#include <vlmc/plugin.h>

#define AUDIO_SAMPLE_N_DECLARATIONS 42u // a constant, for the tokenizers' initialisers

extern const vlmc_context_declaration audio_sample_declarations[AUDIO_SAMPLE_N_DECLARATIONS];
extern const uint32_t audio_sample_n_declarations;

// As the members of vlmc_tokenizer of the same names.
int32_t audio_sample_geometry(const void *params, uint32_t params_bytes,
                              vlmc_token_geometry *geometry);
int32_t audio_sample_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                                     const uint64_t *first_tokens, void **state);
void audio_sample_next_context(void *state, uint32_t stream, uint32_t *contexts, uint32_t *centre);
void audio_sample_push_token(void *state, uint32_t stream, uint32_t token);
void audio_sample_contexts_destroy(void *state);

#endif
