// SPDX-License-Identifier: Apache-2.0
// The second half of simple.h: the tables. Whatever a file has not defined is the right thing.
#ifndef ABI
#define ABI VLMC_PLUGIN_ABI
#endif
#ifndef TOKENIZER_ID
#define TOKENIZER_ID PLUGIN_ID ".xor"
#endif
#ifndef N_CONTEXTS
#define N_CONTEXTS 1
#endif
#ifndef FLAGS
#define FLAGS 0
#endif
#ifndef GEOMETRY
#define GEOMETRY simple_geometry
#endif
#ifndef ENCODE
#define ENCODE simple_convert
#endif
#ifndef DECODE
#define DECODE simple_convert
#endif
#ifndef CREATE
#define CREATE simple_create
#endif
#ifndef CONTEXTS_CREATE
#define CONTEXTS_CREATE simple_contexts_create
#endif
#ifndef NEXT_CONTEXT
#define NEXT_CONTEXT simple_next
#endif
#ifndef PROBE
#define PROBE simple_probe
#endif
#ifndef NEXT
#define NEXT simple_segment
#endif

static const vlmc_context_declaration declarations[] = {
    {"before", "The token before", 256,
     VLMC_CONTEXT_EMBED | VLMC_CONTEXT_MIX | VLMC_CONTEXT_SELECT},
    {"second", "Never used", 256, VLMC_CONTEXT_SELECT},
    {"third", "Never used", 256, VLMC_CONTEXT_SELECT},
};

static const vlmc_tokenizer tokenizer = {
    .struct_size = sizeof(vlmc_tokenizer),
    .version = 1,
    .id = TOKENIZER_ID,
    .modality = "test",
    .description = "Bytes by exclusive or with a key",
    .alphabet = 256,
    .flags = FLAGS,
    .n_contexts = N_CONTEXTS,
    .contexts = declarations,
    .parse_params = simple_parse,
    .geometry = GEOMETRY,
    .encoder_create = CREATE,
    .encode = ENCODE,
    .encoder_destroy = simple_destroy,
    .decoder_create = simple_create,
    .decode = DECODE,
    .decoder_destroy = simple_destroy,
    .contexts_create = CONTEXTS_CREATE,
    .next_context = NEXT_CONTEXT,
    .push_token = simple_push,
    .contexts_destroy = simple_destroy,
};

static const vlmc_tokenizer *const all_tokenizers[] = {&tokenizer};

static const vlmc_tokenizer_factory tokenizers = {
    .struct_size = sizeof(vlmc_tokenizer_factory),
    .n_tokenizers = 1,
    .tokenizers = all_tokenizers,
};

static const vlmc_analyser analyser = {
    .struct_size = sizeof(vlmc_analyser),
    .probe = PROBE,
    .create = simple_analysis,
    .next = NEXT,
    .destroy = simple_destroy,
};

static const void *factory(const char *id)
{
    if (strcmp(id, VLMC_FACTORY_TOKENIZERS) == 0)
        return &tokenizers;
    return strcmp(id, VLMC_FACTORY_ANALYSER) == 0 ? &analyser : NULL;
}

const vlmc_plugin vlmc_plugin_entry = {
    .struct_size = sizeof(vlmc_plugin),
    .abi = ABI,
    .id = PLUGIN_ID,
    .version = "1.0",
    .name = "A plugin for tests",
    .licence = "Apache-2.0",
    .factory = factory,
};
