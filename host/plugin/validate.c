// SPDX-License-Identifier: Apache-2.0
#include "validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SIZE_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))
#define TEXT_BYTES_MAX 1024u
#define NAME_BYTES_MAX 63u
#define ALL_CONTEXT_FLAGS (VLMC_CONTEXT_EMBED | VLMC_CONTEXT_MIX | VLMC_CONTEXT_SELECT)
#define ALL_TOKENIZER_FLAGS (VLMC_TOKENIZER_CENTRED | VLMC_TOKENIZER_JOINS | VLMC_TOKENIZER_ORDERS)
#define SELECTS_MAX 2u

typedef struct validation {
    const char *path;
    vlmc_error *error;
} validation;

static vlmc_status broken(const validation *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static vlmc_status broken(const validation *run, const char *format, ...)
{
    char rule[256];
    va_list args;
    va_start(args, format);
    vsnprintf(rule, sizeof rule, format, args);
    va_end(args);
    return vlmc_fail(run->error, VLMC_ERROR_PLUGIN, "the plugin \"%s\" is not used: %s", run->path,
                     rule);
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool vlmc_plugin_id_valid(const char *id)
{
    const size_t n = strnlen(id, VLMC_PLUGIN_ID_BYTES_MAX + 1);
    if (n == 0 || n > VLMC_PLUGIN_ID_BYTES_MAX || !is_lower(id[0]) || id[n - 1] == '.')
        return false;
    for (size_t i = 0; i < n; i++) {
        const bool dot = id[i] == '.' && id[i + 1] != '.';
        if (!is_lower(id[i]) && !is_digit(id[i]) && !dot)
            return false;
    }
    return true;
}

// "west_2", "text-large": names that make neither a path nor an option.
static bool name_valid(const char *name)
{
    const size_t n = strnlen(name, NAME_BYTES_MAX + 1);
    if (n == 0 || n > NAME_BYTES_MAX || !(is_lower(name[0]) || is_digit(name[0])))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_lower(name[i]) && !is_digit(name[i]) && !strchr("_-.", name[i]))
            return false;
    return true;
}

// One line for people.
static bool text_valid(const char *text)
{
    if (!text || !*text)
        return false;
    const size_t n = strnlen(text, TEXT_BYTES_MAX + 1);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return n <= TEXT_BYTES_MAX;
}

static vlmc_status check_context(const validation *run, const vlmc_tokenizer *t, uint32_t index)
{
    const vlmc_context_declaration *context = &t->contexts[index];
    const uint32_t flags = context->flags;
    if (!context->name || !name_valid(context->name))
        return broken(run, "context %u of %s has no proper name", (unsigned)index, t->id);
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(t->contexts[i].name, context->name) == 0)
            return broken(run, "%s has two contexts with the name %s", t->id, context->name);
    if (!text_valid(context->meaning))
        return broken(run, "context %s of %s does not say what it means", context->name, t->id);
    if (flags == 0 || flags & ~(uint32_t)ALL_CONTEXT_FLAGS)
        return broken(run, "context %s of %s has the flags %#x", context->name, t->id,
                      (unsigned)flags);
    if (context->cardinality == 0 && flags != VLMC_CONTEXT_MIX)
        return broken(run, "context %s of %s has no cardinality, which only MIX alone may do",
                      context->name, t->id);
    if (flags & VLMC_CONTEXT_EMBED && context->cardinality > VLMC_PLUGIN_CARDINALITY_MAX)
        return broken(run, "context %s of %s has cardinality %u; with EMBED %u is the most",
                      context->name, t->id, (unsigned)context->cardinality,
                      VLMC_PLUGIN_CARDINALITY_MAX);
    if (flags & VLMC_CONTEXT_SELECT && context->cardinality > VLMC_PLUGIN_SELECT_MAX)
        return broken(run, "context %s of %s has cardinality %u; with SELECT %u is the most",
                      context->name, t->id, (unsigned)context->cardinality, VLMC_PLUGIN_SELECT_MAX);
    return VLMC_OK;
}

static vlmc_status check_contexts(const validation *run, const vlmc_tokenizer *t)
{
    uint32_t selects = 0;
    if (t->n_contexts > VLMC_PLUGIN_CONTEXTS_MAX)
        return broken(run, "%s has %u contexts; %u is the most", t->id, (unsigned)t->n_contexts,
                      VLMC_PLUGIN_CONTEXTS_MAX);
    if (t->n_contexts > 0 && !t->contexts)
        return broken(run, "%s counts %u contexts and declares none", t->id,
                      (unsigned)t->n_contexts);
    for (uint32_t i = 0; i < t->n_contexts; i++) {
        VLMC_TRY(check_context(run, t, i));
        selects += (t->contexts[i].flags & VLMC_CONTEXT_SELECT) != 0;
    }
    if (selects > SELECTS_MAX)
        return broken(run, "%s has %u contexts with SELECT; %u is the most", t->id,
                      (unsigned)selects, SELECTS_MAX);
    return VLMC_OK;
}

static vlmc_status check_functions(const validation *run, const vlmc_tokenizer *t)
{
    const char *missing = !t->geometry           ? "geometry"
                          : !t->encoder_create   ? "encoder_create"
                          : !t->encode           ? "encode"
                          : !t->encoder_destroy  ? "encoder_destroy"
                          : !t->decoder_create   ? "decoder_create"
                          : !t->decode           ? "decode"
                          : !t->decoder_destroy  ? "decoder_destroy"
                          : !t->contexts_create  ? "contexts_create"
                          : !t->next_context     ? "next_context"
                          : !t->push_token       ? "push_token"
                          : !t->contexts_destroy ? "contexts_destroy"
                                                 : NULL;
    return missing ? broken(run, "%s has no function %s", t->id, missing) : VLMC_OK;
}

static vlmc_status check_tokenizer(const validation *run, const char *plugin_id,
                                   const vlmc_tokenizer *t)
{
    const size_t prefix = strlen(plugin_id);
    if (!t || t->struct_size < SIZE_UP_TO(vlmc_tokenizer, contexts_destroy))
        return broken(run, "it has a tokenizer that is shorter than ABI version %u says",
                      VLMC_PLUGIN_ABI);
    if (!t->id || !vlmc_plugin_id_valid(t->id) || strncmp(t->id, plugin_id, prefix) != 0 ||
        t->id[prefix] != '.')
        return broken(run, "it has a tokenizer whose id is not \"%s.\" and a name", plugin_id);
    if (t->version == 0)
        return broken(run, "%s has version 0; the first is 1", t->id);
    if (!t->modality || !name_valid(t->modality))
        return broken(run, "%s does not say its modality", t->id);
    if (!text_valid(t->description))
        return broken(run, "%s has no description", t->id);
    if (t->default_model && !name_valid(t->default_model))
        return broken(run, "the default model of %s is not a model's name", t->id);
    if (t->alphabet < 2 || t->alphabet > VLMC_PLUGIN_ALPHABET_MAX)
        return broken(run, "%s has an alphabet of %u; 2 to %u is possible", t->id,
                      (unsigned)t->alphabet, VLMC_PLUGIN_ALPHABET_MAX);
    if (t->flags & ~(uint32_t)ALL_TOKENIZER_FLAGS)
        return broken(run, "%s has the flags %#x, which ABI version %u does not know", t->id,
                      (unsigned)t->flags, VLMC_PLUGIN_ABI);
    VLMC_TRY(check_contexts(run, t));
    return check_functions(run, t);
}

static vlmc_status check_tokenizers(const validation *run, const vlmc_plugin *plugin,
                                    vlmc_loaded_plugin *loaded)
{
    const vlmc_tokenizer_factory *factory = plugin->factory(VLMC_FACTORY_TOKENIZERS);
    if (!factory || factory->struct_size < SIZE_UP_TO(vlmc_tokenizer_factory, tokenizers) ||
        factory->n_tokenizers == 0 || !factory->tokenizers)
        return broken(run, "it has no tokenizers");
    if (factory->n_tokenizers > VLMC_PLUGIN_TOKENIZERS_MAX)
        return broken(run, "it has %u tokenizers; %u is the most", (unsigned)factory->n_tokenizers,
                      VLMC_PLUGIN_TOKENIZERS_MAX);
    for (uint32_t i = 0; i < factory->n_tokenizers; i++) {
        VLMC_TRY(check_tokenizer(run, plugin->id, factory->tokenizers[i]));
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(factory->tokenizers[k]->id, factory->tokenizers[i]->id) == 0)
                return broken(run, "it has two tokenizers with the id %s",
                              factory->tokenizers[i]->id);
    }
    loaded->tokenizers = factory->tokenizers;
    loaded->n_tokenizers = factory->n_tokenizers;
    return VLMC_OK;
}

static vlmc_status check_analyser(const validation *run, const vlmc_plugin *plugin,
                                  vlmc_loaded_plugin *loaded)
{
    const vlmc_analyser *analyser = plugin->factory(VLMC_FACTORY_ANALYSER);
    loaded->analyser = analyser;
    if (!analyser)
        return VLMC_OK;
    if (analyser->struct_size < SIZE_UP_TO(vlmc_analyser, destroy))
        return broken(run, "its analyser is shorter than ABI version %u says", VLMC_PLUGIN_ABI);
    const char *missing = !analyser->probe     ? "probe"
                          : !analyser->create  ? "create"
                          : !analyser->next    ? "next"
                          : !analyser->destroy ? "destroy"
                                               : NULL;
    return missing ? broken(run, "its analyser has no function %s", missing) : VLMC_OK;
}

vlmc_status vlmc_plugin_validate(const vlmc_plugin *plugin, const char *path,
                                 vlmc_loaded_plugin *loaded, vlmc_error *error)
{
    const validation run = {path, error};
    *loaded = (vlmc_loaded_plugin){.plugin = plugin};
    // The number comes first in every ABI version, so that it can be read from any.
    if (plugin->struct_size < SIZE_UP_TO(vlmc_plugin, abi))
        return broken(&run, "what it exports is not a plugin");
    if (plugin->abi != VLMC_PLUGIN_ABI)
        return broken(&run, "it has ABI version %u and this vlmc knows %u; %s",
                      (unsigned)plugin->abi, VLMC_PLUGIN_ABI,
                      plugin->abi > VLMC_PLUGIN_ABI ? "update vlmc" : "update the plugin");
    if (plugin->struct_size < SIZE_UP_TO(vlmc_plugin, factory))
        return broken(&run, "what it exports is shorter than ABI version %u says", VLMC_PLUGIN_ABI);
    if (!plugin->id || !vlmc_plugin_id_valid(plugin->id))
        return broken(&run, "its id is not one of lower-case letters, digits and dots");
    if (!text_valid(plugin->version) || !text_valid(plugin->name) || !text_valid(plugin->licence))
        return broken(&run, "it does not say its version, its name and its licence");
    if (!plugin->factory)
        return broken(&run, "it has no function factory");
    VLMC_TRY(check_tokenizers(&run, plugin, loaded));
    return check_analyser(&run, plugin, loaded);
}
