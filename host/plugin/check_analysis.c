// SPDX-License-Identifier: Apache-2.0
// Checks of probe and of the analyser, and the parameters that other checks use.
#include "check_run.h"

#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGED_COPIES 4u // of each sample, for cases
#define MADE_UP_BYTES_MAX 200000u
#define SEGMENTS_MAX 4096u
#define RANDOM_PARAMS 3000u
#define RANDOM_PARAMS_KEPT 12u
#define RANDOM_PARAMS_BYTES 40u

typedef struct analysis_run {
    check_run *run;
    const uint8_t *bytes;
    size_t n;
    bool keep;         // segments become cases
    uint64_t digest;   // of what was found
    uint64_t segments; // of tokenizers
} analysis_run;

static uint32_t probe(analysis_run *a, const char *name)
{
    const vlmc_analyser *analyser = a->run->loaded->analyser;
    const size_t n = a->n < VLMC_WORKER_PROBE_BYTES ? a->n : VLMC_WORKER_PROBE_BYTES;
    const uint32_t confidence = analyser->probe(a->bytes, n, name);
    if (confidence > 100)
        check_fail(a->run, "probe says %u, and 100 is the most", (unsigned)confidence);
    if (analyser->probe(a->bytes, n, name) != confidence)
        check_fail(a->run, "probe says one thing and then another of the same bytes");
    return confidence;
}

static uint32_t tokenizer_index(analysis_run *a, const char *id)
{
    for (uint32_t i = 0; i < a->run->loaded->n_tokenizers; i++)
        if (strcmp(a->run->loaded->tokenizers[i]->id, id) == 0)
            return i;
    check_fail(a->run, "a segment names a tokenizer that the plugin does not have");
}

static void take_segment(analysis_run *a, const vlmc_segment *segment, size_t at)
{
    vlmc_token_geometry geometry;
    const size_t left = a->n - at;
    if (segment->bytes == 0)
        check_fail(a->run, "a segment at %zu has no bytes", at);
    if (segment->bytes > left)
        check_fail(a->run, "a segment at %zu is longer than the file", at);
    a->digest = check_digest(a->digest, &segment->bytes, sizeof segment->bytes);
    if (!segment->tokenizer)
        return;
    const uint32_t index = tokenizer_index(a, segment->tokenizer);
    if (segment->params_bytes > VLMC_PLUGIN_PARAMS_BYTES_MAX ||
        (segment->params_bytes > 0 && !segment->params))
        check_fail(a->run, "a segment at %zu has no proper parameters", at);
    if (vlmc_plugin_geometry(a->run->loaded->tokenizers[index], segment->params,
                             segment->params_bytes, &geometry, NULL) != VLMC_OK)
        check_fail(a->run, "geometry refuses the parameters of the segment at %zu", at);
    a->digest = check_digest(a->digest, segment->params, segment->params_bytes);
    a->segments++;
    if (a->keep && segment->bytes <= CHECK_INPUT_BYTES_MAX)
        check_add_case(a->run, index, segment->params, segment->params_bytes, a->bytes + at,
                       (size_t)segment->bytes);
}

static void analyse(analysis_run *a)
{
    const vlmc_analyser *analyser = a->run->loaded->analyser;
    void *analysis = NULL;
    size_t at = 0;
    a->digest = probe(a, NULL);
    const int32_t result = analyser->create(NULL, &analysis);
    if (result != VLMC_PLUGIN_OK || !analysis)
        check_fail(a->run, "create makes no analysis and returns %d", (int)result);
    for (uint32_t i = 0; at < a->n && i < SEGMENTS_MAX; i++) {
        vlmc_segment segment = {0};
        const int32_t next = analyser->next(analysis, a->bytes + at, a->n - at, 1, &segment);
        atomic_fetch_add(&a->run->shared->steps, 1);
        if (next > 0 || next < VLMC_PLUGIN_MEMORY)
            check_fail(a->run, "next returns %d, which means nothing", (int)next);
        if (next != VLMC_PLUGIN_OK)
            break;
        take_segment(a, &segment, at);
        at += (size_t)segment.bytes;
    }
    analyser->destroy(analysis);
    analyser->destroy(NULL);
    a->digest = check_digest(a->digest, &at, sizeof at);
}

// The same bytes at another address, after the first analysis: nothing may differ.
static void analyse_twice(analysis_run *a)
{
    analyse(a);
    analysis_run again = *a;
    uint8_t *copy = check_memory(a->run, a->n);
    memcpy(copy, a->bytes, a->n);
    again.bytes = copy;
    again.keep = false;
    analyse(&again);
    if (again.digest != a->digest)
        check_fail(a->run, "the same file is analysed in two ways");
    free(copy);
    a->run->shared->digest = check_digest(a->run->shared->digest, &a->digest, sizeof a->digest);
}

// Samples as they are and changed, always all of them: the cases of other checks.
static uint64_t gather(check_run *run, uint64_t *segments, uint64_t *unclaimed)
{
    const bool keep = run->shared->n_cases == 0;
    uint64_t turn = 0;
    for (uint32_t i = 0; i < run->options->n_samples; i++) {
        size_t n;
        uint8_t *sample = check_sample(run, i, &n);
        uint8_t *changed = check_memory(run, n);
        for (uint32_t copy = 0; copy <= CHANGED_COPIES; copy++, turn++) {
            analysis_run a = {.run = run, .bytes = changed, .n = n, .keep = keep};
            check_begin(run, turn);
            memcpy(changed, sample, n);
            if (copy > 0 && n > 0)
                check_mutate(run, changed, &a.n);
            check_doing(run, "%s%.100s", copy ? "a changed " : "", run->options->samples[i]);
            analyse_twice(&a);
            *segments += a.segments;
            *unclaimed += copy == 0 && a.segments == 0;
        }
        free(changed);
        free(sample);
    }
    return turn;
}

static uint8_t *analyser_input(check_run *run, size_t *n)
{
    uint8_t *bytes;
    const uint32_t samples = run->options->n_samples;
    if (samples > 0 && check_below(run, 4) > 0) {
        const uint32_t which = check_below(run, samples);
        bytes = check_sample(run, which, n);
        if (*n > 0)
            check_mutate(run, bytes, n);
        check_doing(run, "a changed %.100s", run->options->samples[which]);
        return bytes;
    }
    *n = check_below(run, MADE_UP_BYTES_MAX);
    bytes = check_memory(run, *n);
    check_make_bytes(run, bytes, *n);
    check_doing(run, "%zu made-up bytes", *n);
    return bytes;
}

void check_analyser(check_run *run)
{
    char size[16];
    uint64_t segments = 0;
    uint64_t unclaimed = 0;
    uint64_t bytes = 0;
    uint64_t turn = gather(run, &segments, &unclaimed);
    if (run->first < turn)
        run->first = turn;
    for (turn = run->first; check_turn(run, turn); turn++) {
        analysis_run a = {.run = run};
        uint8_t *input = analyser_input(run, &a.n);
        a.bytes = input;
        analyse_twice(&a);
        segments += a.segments;
        bytes += a.n;
        free(input);
    }
    run->shared->turns = turn - run->first;
    check_size(bytes, size);
    if (unclaimed > 0)
        check_say(run, VLMC_CHECK_NOTE, "it finds nothing of its own in %u of the samples",
                  (unsigned)unclaimed);
    else
        check_say(run, VLMC_CHECK_OK, "%u files, %s, %u segments, the same each time",
                  (unsigned)turn, size, (unsigned)segments);
}

// ---- Parameters ----

static void try_params(check_run *run, const void *params, uint32_t n, uint32_t *found)
{
    vlmc_token_geometry geometry = {0};
    atomic_fetch_add(&run->shared->steps, 1);
    const int32_t result = run->tokenizer->geometry(params, n, &geometry);
    if (result > 0 || result < VLMC_PLUGIN_MEMORY)
        check_fail(run, "geometry returns %d, which means nothing", (int)result);
    if (result != VLMC_PLUGIN_OK)
        return;
    if (geometry.align_tokens == 0)
        check_fail(run, "geometry says align_tokens 0");
    if (geometry.stream_tokens < VLMC_PLUGIN_STREAM_TOKENS_MIN ||
        geometry.stream_tokens > VLMC_PLUGIN_STREAM_TOKENS_MAX)
        check_fail(run, "geometry says stream_tokens %u, which is not within %u and %u",
                   (unsigned)geometry.stream_tokens, VLMC_PLUGIN_STREAM_TOKENS_MIN,
                   VLMC_PLUGIN_STREAM_TOKENS_MAX);
    *found += check_add_case(run, run->index, params, n, NULL, 0);
}

static void try_text(check_run *run, const char *text, uint32_t *found)
{
    uint8_t *params = check_memory(run, VLMC_PLUGIN_PARAMS_BYTES_MAX);
    uint32_t n = VLMC_PLUGIN_PARAMS_BYTES_MAX;
    check_doing(run, "settings \"%.100s\"", text);
    const int32_t result = run->tokenizer->parse_params(text, params, &n);
    if (result == VLMC_PLUGIN_OK && n > VLMC_PLUGIN_PARAMS_BYTES_MAX)
        check_fail(run, "parse_params made more parameters than there was room for");
    if (result == VLMC_PLUGIN_OK)
        try_params(run, params, n, found);
    free(params);
}

static void try_settings(check_run *run, uint32_t *found)
{
    static const char *const texts[] = {"",
                                        "width=64",
                                        "width=64,grey",
                                        "width=64,rgb",
                                        "u8,mono,rate=16000",
                                        "s16,stereo,rate=44100",
                                        "width=0",
                                        "width=4294967296",
                                        "width=-1",
                                        "=,=,",
                                        ",,,,",
                                        "\xff\xfe"};
    const char *as = run->options->as;
    const size_t n = strlen(run->tokenizer->id);
    if (!run->tokenizer->parse_params)
        return;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        try_text(run, texts[i], found);
    if (as && strncmp(as, run->tokenizer->id, n) == 0 && as[n] == ':')
        try_text(run, as + n + 1, found);
}

void check_parameters_found(check_run *run)
{
    uint32_t found = 0;
    uint32_t random = 0;
    uint32_t segments = 0;
    for (uint32_t i = 0; i < run->shared->n_cases; i++)
        segments += run->shared->cases[i].tokenizer == run->index;
    check_begin(run, 0);
    check_doing(run, "no parameters");
    try_params(run, "", 0, &found);
    try_settings(run, &found);
    for (uint32_t i = 0; i < RANDOM_PARAMS && random < RANDOM_PARAMS_KEPT; i++) {
        uint8_t params[RANDOM_PARAMS_BYTES];
        const uint32_t n = 1 + check_below(run, RANDOM_PARAMS_BYTES);
        check_make_bytes(run, params, n);
        check_doing(run, "%u made-up bytes of parameters", (unsigned)n);
        try_params(run, params, n, &random);
    }
    if (segments + found + random == 0)
        check_say(run, VLMC_CHECK_NOTE,
                  "none were found that it takes; give sample files, or settings with --as");
    else
        check_say(run, VLMC_CHECK_OK, "%u of segments, %u of settings, %u made up",
                  (unsigned)segments, (unsigned)found, (unsigned)random);
}
