// SPDX-License-Identifier: Apache-2.0
// Levels 1 to 9: points on the curve of size against time and memory. docs/models.md, "Levels".
//
// A level is a writer's choice; what a reader needs of it stands in the archive.
#ifndef VLMC_CODEC_LEVEL_H
#define VLMC_CODEC_LEVEL_H

#include "mix/mix.h"

#include <stdbool.h>
#include <stdint.h>

#define VLMC_LEVEL_MIN 1u
#define VLMC_LEVEL_MAX 9u
#define VLMC_LEVEL_DEFAULT 5u

// Names of models of text (docs/models.md).
#define VLMC_TEXT_MODEL "text"
#define VLMC_TEXT_MODEL_NANO "text-nano"

typedef struct vlmc_level {
    // Transformers, and tokens that join others; else context models alone, and of such tokens the
    // bytes as they are: the contexts of text cost more time than these levels have.
    bool models;
    // The model of text where the user names none and it is there, else the default one.
    const char *text_model;
    uint32_t group_bytes; // tokens of a group, at most
    // One more stream for each that many tokens, unless the tokenizer has a say: few streams learn
    // more of what is near, many keep a device busy. Without a model there is one.
    uint32_t stream_tokens;
    vlmc_mix_settings mix;
} vlmc_level;

// number: VLMC_LEVEL_MIN .. VLMC_LEVEL_MAX; others count as the default. Lives for ever.
// [thread-safe]
const vlmc_level *vlmc_level_of(uint32_t number);

#endif
