// SPDX-License-Identifier: Apache-2.0
#include "plugin/validate.h"

#include <criterion/criterion.h>
#include <string.h>

// A plugin in which one thing after the other is broken.
static vlmc_context_declaration contexts[VLMC_PLUGIN_CONTEXTS_MAX + 1];
static vlmc_tokenizer tokenizer;
static vlmc_tokenizer second;
static const vlmc_tokenizer *list[2];
static vlmc_tokenizer_factory tokenizers;
static vlmc_analyser analyser;
static vlmc_plugin plugin;

static int32_t geometry(const void *params, uint32_t n, vlmc_token_geometry *out)
{
    (void)params;
    (void)n;
    *out = (vlmc_token_geometry){0, 0};
    return VLMC_PLUGIN_OK;
}

static int32_t create(const void *params, uint32_t n, void **object)
{
    (void)params;
    (void)n;
    (void)object;
    return VLMC_PLUGIN_MEMORY;
}

static int32_t convert(void *object, vlmc_plugin_io *io)
{
    (void)object;
    (void)io;
    return VLMC_PLUGIN_INVALID;
}

static void destroy(void *object)
{
    (void)object;
}

static int32_t contexts_create(const void *params, uint32_t n, uint32_t n_streams,
                               const uint64_t *first, void **state)
{
    (void)params;
    (void)n;
    (void)n_streams;
    (void)first;
    (void)state;
    return VLMC_PLUGIN_MEMORY;
}

static void next_context(void *state, uint32_t stream, uint32_t *values, uint32_t *centre)
{
    (void)state;
    (void)stream;
    (void)values;
    (void)centre;
}

static void push_token(void *state, uint32_t stream, uint32_t token)
{
    (void)state;
    (void)stream;
    (void)token;
}

static uint32_t probe(const uint8_t *bytes, size_t n, const char *name)
{
    (void)bytes;
    (void)n;
    (void)name;
    return 0;
}

static int32_t analysis_create(const char *name, void **analysis)
{
    (void)name;
    (void)analysis;
    return VLMC_PLUGIN_MEMORY;
}

static int32_t next(void *analysis, const uint8_t *bytes, size_t n, uint32_t at_end,
                    vlmc_segment *segment)
{
    (void)analysis;
    (void)bytes;
    (void)n;
    (void)at_end;
    (void)segment;
    return VLMC_PLUGIN_INVALID;
}

static const void *factory(const char *id)
{
    if (strcmp(id, VLMC_FACTORY_TOKENIZERS) == 0)
        return &tokenizers;
    return strcmp(id, VLMC_FACTORY_ANALYSER) == 0 ? &analyser : NULL;
}

static void make_good(void)
{
    for (uint32_t i = 0; i <= VLMC_PLUGIN_CONTEXTS_MAX; i++)
        contexts[i] = (vlmc_context_declaration){"west", "The pixel before", 256,
                                                 VLMC_CONTEXT_EMBED | VLMC_CONTEXT_MIX};
    contexts[1].name = "north";
    contexts[2] = (vlmc_context_declaration){"both", "A hash of both", 0, VLMC_CONTEXT_MIX};
    tokenizer = (vlmc_tokenizer){
        .struct_size = sizeof tokenizer,
        .version = 1,
        .id = "image.test",
        .modality = "image",
        .description = "Pixels",
        .default_model = "image",
        .alphabet = 256,
        .flags = VLMC_TOKENIZER_CENTRED,
        .n_contexts = 3,
        .contexts = contexts,
        .geometry = geometry,
        .encoder_create = create,
        .encode = convert,
        .encoder_destroy = destroy,
        .decoder_create = create,
        .decode = convert,
        .decoder_destroy = destroy,
        .contexts_create = contexts_create,
        .next_context = next_context,
        .push_token = push_token,
        .contexts_destroy = destroy,
    };
    second = tokenizer;
    second.id = "image.other";
    list[0] = &tokenizer;
    list[1] = &second;
    tokenizers = (vlmc_tokenizer_factory){sizeof tokenizers, 2, list};
    analyser = (vlmc_analyser){sizeof analyser, probe, analysis_create, next, destroy};
    plugin = (vlmc_plugin){.struct_size = sizeof plugin,
                           .abi = VLMC_PLUGIN_ABI,
                           .id = "image",
                           .version = "1.0",
                           .name = "Images",
                           .licence = "Apache-2.0",
                           .factory = factory};
}

static vlmc_status validate(vlmc_error *error)
{
    vlmc_loaded_plugin loaded;
    return vlmc_plugin_validate(&plugin, "image.so", &loaded, error);
}

Test(validate, a_plugin_that_keeps_the_rules_is_taken)
{
    vlmc_loaded_plugin loaded;
    vlmc_error error;
    make_good();
    cr_assert_eq(vlmc_plugin_validate(&plugin, "image.so", &loaded, &error), VLMC_OK, "%s",
                 error.text);
    cr_assert(loaded.n_tokenizers == 2 && loaded.tokenizers[1] == &second);
    cr_assert_eq(loaded.analyser, &analyser);
    // One of a later day of this ABI version: longer structs.
    plugin.struct_size += 8;
    tokenizer.struct_size += 64;
    analyser.struct_size += 8;
    cr_assert_eq(validate(&error), VLMC_OK, "%s", error.text);
}

// BREAKS(statement, word): after the statement it is refused with a sentence that has the word.
#define BREAKS(statement, word)                                                                    \
    do {                                                                                           \
        vlmc_error error = {0};                                                                    \
        make_good();                                                                               \
        statement;                                                                                 \
        cr_assert_eq(validate(&error), VLMC_ERROR_PLUGIN, #statement);                             \
        cr_assert(strstr(error.text, word), "%s: %s", #statement, error.text);                     \
    } while (0)

Test(validate, a_broken_plugin_is_refused)
{
    BREAKS(plugin.struct_size = 4, "not a plugin");
    BREAKS(plugin.struct_size = sizeof plugin - 8, "shorter");
    BREAKS(plugin.abi = 0, "update the plugin");
    BREAKS(plugin.abi = VLMC_PLUGIN_ABI + 1, "update vlmc");
    BREAKS(plugin.id = NULL, "id");
    BREAKS(plugin.id = "", "id");
    BREAKS(plugin.id = "Image", "id");
    BREAKS(plugin.id = "../image", "id");
    BREAKS(plugin.id = "image.", "id");
    BREAKS(plugin.id = "1mage", "id");
    BREAKS(plugin.id = "a123456789012345678901234567890123456789012345678901234567890123", "id");
    BREAKS(plugin.version = NULL, "version");
    BREAKS(plugin.name = "a\nb", "name");
    BREAKS(plugin.licence = "", "licence");
    BREAKS(plugin.factory = NULL, "factory");
}

Test(validate, a_broken_tokenizer_is_refused)
{
    BREAKS(tokenizers.struct_size = 4, "no tokenizers");
    BREAKS(tokenizers.n_tokenizers = 0, "no tokenizers");
    BREAKS(tokenizers.tokenizers = NULL, "no tokenizers");
    BREAKS(tokenizers.n_tokenizers = 1u << 30, "the most");
    BREAKS(list[1] = NULL, "shorter");
    BREAKS(second.struct_size = 8, "shorter");
    BREAKS(second.id = "image.test", "two tokenizers");
    BREAKS(second.id = "audio.test", "id");
    BREAKS(second.id = "images.test", "id");
    BREAKS(second.id = "image", "id");
    BREAKS(tokenizer.version = 0, "version 0");
    BREAKS(tokenizer.modality = NULL, "modality");
    BREAKS(tokenizer.description = NULL, "description");
    BREAKS(tokenizer.default_model = "../../etc/passwd", "model");
    BREAKS(tokenizer.alphabet = 1, "alphabet");
    BREAKS(tokenizer.alphabet = 257, "alphabet");
    BREAKS(tokenizer.flags = 8, "flags");
    BREAKS(tokenizer.geometry = NULL, "geometry");
    BREAKS(tokenizer.encode = NULL, "encode");
    BREAKS(tokenizer.decoder_destroy = NULL, "decoder_destroy");
    BREAKS(tokenizer.contexts_destroy = NULL, "contexts_destroy");
}

Test(validate, broken_contexts_are_refused)
{
    BREAKS(tokenizer.n_contexts = VLMC_PLUGIN_CONTEXTS_MAX + 1, "the most");
    BREAKS(tokenizer.contexts = NULL, "declares none");
    BREAKS(contexts[0].name = NULL, "name");
    BREAKS(contexts[0].name = "a b", "name");
    BREAKS(contexts[1].name = "west", "two contexts");
    BREAKS(contexts[0].meaning = NULL, "means");
    BREAKS(contexts[0].flags = 0, "flags");
    BREAKS(contexts[0].flags = 16, "flags");
    BREAKS(contexts[0].cardinality = 0, "cardinality");
    BREAKS(contexts[0].cardinality = 65537, "EMBED");
    BREAKS((contexts[0].flags = VLMC_CONTEXT_SELECT, contexts[0].cardinality = 1025), "SELECT");
    BREAKS((contexts[0].flags |= VLMC_CONTEXT_SELECT, contexts[1].flags |= VLMC_CONTEXT_SELECT,
            contexts[2].flags = VLMC_CONTEXT_SELECT, contexts[2].cardinality = 4),
           "3 contexts with SELECT");
}

Test(validate, a_broken_analyser_is_refused_and_none_is_fine)
{
    BREAKS(analyser.struct_size = 8, "shorter");
    BREAKS(analyser.probe = NULL, "probe");
    BREAKS(analyser.create = NULL, "create");
    BREAKS(analyser.next = NULL, "next");
    BREAKS(analyser.destroy = NULL, "destroy");
}

Test(validate, what_geometry_says_is_brought_within_its_bounds)
{
    vlmc_token_geometry out;
    make_good();
    cr_assert_eq(vlmc_plugin_geometry(&tokenizer, NULL, 0, &out, NULL), VLMC_OK);
    cr_assert_eq(out.align_tokens, 1);
    cr_assert_eq(out.stream_tokens, VLMC_PLUGIN_STREAM_TOKENS_MIN);
    cr_assert_eq(
        vlmc_plugin_geometry(&tokenizer, NULL, VLMC_PLUGIN_PARAMS_BYTES_MAX + 1, &out, NULL),
        VLMC_ERROR_DAMAGED);
}
