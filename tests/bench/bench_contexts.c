// SPDX-License-Identifier: Apache-2.0
// Prints what a plugin's contexts cost: next_context and push_token together, ns per token on one
// core, in groups as the host cuts them.
//
//   bench_contexts PLUGIN.so ROUNDS FILE…
//
// Each file is split by the plugin's analyser and turned into tokens; every round goes over all
// tokens of one tokenizer. The least of the rounds is what an idle machine would reach.
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vlmc/plugin.h>

#define GROUP_TOKENS (1u << 20)
#define STREAMS_MAX VLMC_PLUGIN_STREAMS_MAX

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

// One segment of a file. The list's owner frees all that it points to.
typedef struct segment {
    const vlmc_tokenizer *tokenizer;
    uint8_t *params; // (n_params)
    uint32_t n_params;
    uint8_t *tokens; // (n_tokens)
    size_t n_tokens;
    struct segment *next;
} segment;

static void free_segments(segment *list)
{
    while (list) {
        segment *next = list->next;
        free(list->params);
        free(list->tokens);
        free(list);
        list = next;
    }
}

static uint8_t *read_file(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    uint8_t *bytes = NULL;
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    if (size >= 0 && (bytes = malloc((size_t)size + 1))) {
        rewind(file);
        *n = fread(bytes, 1, (size_t)size, file);
    }
    fclose(file);
    return bytes;
}

static bool encode(segment *s, const uint8_t *bytes, size_t n)
{
    void *encoder;
    size_t used = 0, capacity = n + (1u << 16);
    if (s->tokenizer->encoder_create(s->params, s->n_params, &encoder) != VLMC_PLUGIN_OK)
        return false;
    bool ok = true, ended = false;
    s->tokens = malloc(capacity);
    while (ok && s->tokens && !ended) {
        if (capacity - s->n_tokens < 1u << 16) {
            uint8_t *more = realloc(s->tokens, capacity *= 2);
            if (!more)
                break;
            s->tokens = more;
        }
        vlmc_plugin_io io = {.in = bytes + used,
                             .in_bytes = n - used,
                             .out = s->tokens + s->n_tokens,
                             .out_capacity = capacity - s->n_tokens,
                             .in_ended = 1};
        ok = s->tokenizer->encode(encoder, &io) == VLMC_PLUGIN_OK && io.in_used + io.out_made > 0;
        used += io.in_used;
        s->n_tokens += io.out_made;
        ended = io.out_ended;
        ok = ok || ended;
    }
    s->tokenizer->encoder_destroy(encoder);
    return ok && ended;
}

static const vlmc_tokenizer *find_tokenizer(const vlmc_plugin *plugin, const char *id)
{
    const vlmc_tokenizer_factory *factory = plugin->factory(VLMC_FACTORY_TOKENIZERS);
    for (uint32_t i = 0; factory && id && i < factory->n_tokenizers; i++)
        if (strcmp(factory->tokenizers[i]->id, id) == 0)
            return factory->tokenizers[i];
    return NULL;
}

// Puts the segments of a file before those of `list`. False: not enough memory.
static bool analyse(const vlmc_plugin *plugin, const uint8_t *bytes, size_t n, segment **list)
{
    const vlmc_analyser *analyser = plugin->factory(VLMC_FACTORY_ANALYSER);
    void *analysis;
    if (!analyser || analyser->create(NULL, &analysis) != VLMC_PLUGIN_OK)
        return true;
    bool memory = true;
    vlmc_segment found;
    for (size_t at = 0; memory && at < n; at += found.bytes) {
        if (analyser->next(analysis, bytes + at, n - at, 1, &found) != VLMC_PLUGIN_OK)
            break;
        const vlmc_tokenizer *tokenizer = find_tokenizer(plugin, found.tokenizer);
        if (!tokenizer)
            continue;
        segment *s = calloc(1, sizeof *s);
        memory = s && (s->params = malloc(found.params_bytes + 1));
        if (!memory) {
            free(s);
            break;
        }
        memcpy(s->params, found.params, found.params_bytes);
        s->n_params = found.params_bytes;
        s->tokenizer = tokenizer;
        s->next = *list;
        *list = s;
        if (!encode(s, bytes + at, found.bytes))
            s->n_tokens = 0;
    }
    analyser->destroy(analysis);
    return memory;
}

// Of the tokens from `begin` to `end` of a segment, cut into streams of about as many tokens as the
// geometry asks for.
static double time_group(const segment *s, const vlmc_token_geometry *geometry, size_t begin,
                         size_t end)
{
    const vlmc_tokenizer *t = s->tokenizer;
    const size_t align = geometry->align_tokens <= GROUP_TOKENS ? geometry->align_tokens : 1;
    size_t length = (geometry->stream_tokens + align - 1) / align * align;
    while ((end - begin + length - 1) / length > STREAMS_MAX)
        length += align;
    const uint32_t n_streams = (uint32_t)((end - begin + length - 1) / length);
    uint64_t first[STREAMS_MAX];
    for (uint32_t i = 0; i < n_streams; i++)
        first[i] = begin + i * length;
    void *state;
    uint32_t contexts[VLMC_PLUGIN_CONTEXTS_MAX], centre;
    if (t->contexts_create(s->params, s->n_params, n_streams, first, &state) != VLMC_PLUGIN_OK)
        return 0;
    const double began = now_ns();
    for (size_t step = 0; step < length; step++) {
        const uint32_t n = first[n_streams - 1] + step < end ? n_streams : n_streams - 1;
        for (uint32_t i = 0; i < n; i++)
            t->next_context(state, i, contexts, &centre);
        for (uint32_t i = 0; i < n; i++)
            t->push_token(state, i, s->tokens[first[i] + step]);
    }
    const double ns = now_ns() - began;
    t->contexts_destroy(state);
    return ns;
}

// ns per token in one round over the segments of a tokenizer; 0: there are none.
static double time_tokenizer(const vlmc_tokenizer *t, const segment *list, size_t *tokens)
{
    double ns = 0;
    *tokens = 0;
    for (const segment *s = list; s; s = s->next) {
        vlmc_token_geometry geometry;
        if (s->tokenizer != t || s->n_tokens == 0 ||
            t->geometry(s->params, s->n_params, &geometry) != VLMC_PLUGIN_OK)
            continue;
        const size_t align = geometry.align_tokens <= GROUP_TOKENS ? geometry.align_tokens : 1;
        const size_t group = GROUP_TOKENS / align * align;
        for (size_t at = 0; at < s->n_tokens; at += group)
            ns += time_group(s, &geometry, at, s->n_tokens - at < group ? s->n_tokens : at + group);
        *tokens += s->n_tokens;
    }
    return *tokens ? ns / (double)*tokens : 0;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench_tokenizer(const vlmc_tokenizer *t, const segment *list, double *ns,
                            uint32_t rounds)
{
    size_t tokens = 0;
    for (uint32_t round = 0; round < rounds; round++)
        ns[round] = time_tokenizer(t, list, &tokens);
    if (tokens == 0)
        return;
    qsort(ns, rounds, sizeof *ns, by_size);
    printf("%-16s %10zu tokens  %7.1f ns least  %7.1f median\n", t->id, tokens, ns[0],
           ns[rounds / 2]);
}

int main(int argc, char **argv)
{
    const long rounds = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
    if (rounds < 1 || rounds > 10000) {
        fprintf(stderr, "usage: bench_contexts PLUGIN.so ROUNDS FILE...\n");
        return 64;
    }
    void *handle = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    const vlmc_plugin *plugin = handle ? dlsym(handle, "vlmc_plugin_entry") : NULL;
    if (!plugin) {
        fprintf(stderr, "bench_contexts: %s\n", dlerror());
        return 2;
    }
    int result = 2;
    segment *list = NULL;
    double *ns = malloc((size_t)rounds * sizeof *ns);
    for (int i = 3; ns && i < argc; i++) {
        size_t n = 0;
        uint8_t *bytes = read_file(argv[i], &n);
        const bool ok = bytes && analyse(plugin, bytes, n, &list);
        free(bytes);
        if (!ok) {
            fprintf(stderr, "bench_contexts: %s cannot be read\n", argv[i]);
            goto done;
        }
    }
    const vlmc_tokenizer_factory *factory = plugin->factory(VLMC_FACTORY_TOKENIZERS);
    for (uint32_t i = 0; ns && factory && i < factory->n_tokenizers; i++)
        bench_tokenizer(factory->tokenizers[i], list, ns, (uint32_t)rounds);
    result = ns ? 0 : 2;
done:
    free_segments(list);
    free(ns);
    dlclose(handle);
    return result;
}
