// SPDX-License-Identifier: Apache-2.0
#ifndef AUDIO_ANALYSER_H
#define AUDIO_ANALYSER_H

#include <vlmc/plugin.h>

// WAV, AIFF and FLAC files by what is in them.
extern const vlmc_analyser audio_analyser;

#endif
