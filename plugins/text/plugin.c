// SPDX-License-Identifier: Apache-2.0
// The text plugin: finds text in files and tells the model and the mixer what a reader sees.
#include "text.h"

#include <string.h>

static const vlmc_tokenizer *const tokenizers[] = {&text_utf8};

static const vlmc_tokenizer_factory tokenizer_factory = {
    .struct_size = sizeof tokenizer_factory,
    .n_tokenizers = 1,
    .tokenizers = tokenizers,
};

static const void *factory(const char *id)
{
    if (strcmp(id, VLMC_FACTORY_TOKENIZERS) == 0)
        return &tokenizer_factory;
    if (strcmp(id, VLMC_FACTORY_ANALYSER) == 0)
        return &text_analyser;
    return NULL;
}

const vlmc_plugin vlmc_plugin_entry = {
    .struct_size = sizeof vlmc_plugin_entry,
    .abi = VLMC_PLUGIN_ABI,
    .id = "text",
    .version = "1.0.0",
    .name = "Text, mark-up and source code",
    .licence = "Apache-2.0",
    .factory = factory,
};
