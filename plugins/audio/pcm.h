// SPDX-License-Identifier: Apache-2.0
// audio.pcm: samples of a WAV, AIFF or raw file. Parameters: an audio_layout.
#ifndef AUDIO_PCM_H
#define AUDIO_PCM_H

#include "layout.h"

#include <vlmc/plugin.h>

extern const vlmc_tokenizer audio_pcm_tokenizer;

// As the member of vlmc_tokenizer. Words in any order, divided by commas: the format (u8, s8,
// s16le, s16be, s24le, s24be; u16le and so on are offset binary), mono, stereo or channels=N,
// rate=N. The format must be there; one channel unless said.
int32_t audio_pcm_parse_params(const char *text, void *params, uint32_t *params_bytes);

#endif
