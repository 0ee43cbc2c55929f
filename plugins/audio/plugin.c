// SPDX-License-Identifier: Apache-2.0
// The audio plugin: samples of WAV, AIFF, FLAC and raw files.
#include "analyser.h"
#include "flac.h"
#include "pcm.h"

#include <string.h>

static const vlmc_tokenizer *const tokenizers[] = {&audio_pcm_tokenizer, &audio_flac_tokenizer};

static const vlmc_tokenizer_factory tokenizer_factory = {
    .struct_size = sizeof tokenizer_factory,
    .n_tokenizers = 2,
    .tokenizers = tokenizers,
};

static const void *factory(const char *id)
{
    if (strcmp(id, VLMC_FACTORY_TOKENIZERS) == 0)
        return &tokenizer_factory;
    if (strcmp(id, VLMC_FACTORY_ANALYSER) == 0)
        return &audio_analyser;
    return NULL;
}

const vlmc_plugin vlmc_plugin_entry = {
    .struct_size = sizeof vlmc_plugin_entry,
    .abi = VLMC_PLUGIN_ABI,
    .id = "audio",
    .version = "1.0.0",
    .name = "Sound: WAV, AIFF, FLAC and raw samples",
    .licence = "Apache-2.0",
    .factory = factory,
};
