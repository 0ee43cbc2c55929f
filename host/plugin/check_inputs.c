// SPDX-License-Identifier: Apache-2.0
// Inputs of a conformance run: random numbers, made-up and changed bytes, cases.
#include "check_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_MAX 8u
#define BIG_INPUT_ODDS 16u

// ---- Random numbers ----

// SplitMix64 (Steele, Lea, Flood, 2014).
uint64_t check_random(check_run *run)
{
    uint64_t z = run->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t check_below(check_run *run, uint32_t limit)
{
    return (uint32_t)((check_random(run) >> 32) * limit >> 32);
}

// FNV-1a with a last mix, for digests of results.
uint64_t check_digest(uint64_t digest, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    digest ^= 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        digest = (digest ^ p[i]) * 0x100000001b3u;
    return digest ^ digest >> 29;
}

// ---- Bytes ----

static const char words[] =
    "The quick brown fox, 1024 of them; <b>jumps</b>\n\tover {\"a\": 1}\r\n ";

void check_make_bytes(check_run *run, uint8_t *bytes, size_t n)
{
    const uint32_t kind = check_below(run, 6);
    const uint8_t first = (uint8_t)check_random(run);
    const uint32_t step = check_below(run, 9);
    uint8_t value = first;
    for (size_t i = 0; i < n; i++) {
        switch (kind) {
        case 0: // noise
            value = (uint8_t)check_random(run);
            break;
        case 1: // one value
            break;
        case 2: // a ramp
            value = (uint8_t)(value + step);
            break;
        case 3: // runs
            if (check_below(run, 20) == 0)
                value = (uint8_t)check_random(run);
            break;
        case 4: // text
            value = (uint8_t)words[(i + first) % (sizeof words - 1)];
            break;
        default: // a walk, as samples are
            value = (uint8_t)(value + check_below(run, 9) - 4);
        }
        bytes[i] = value;
    }
}

static void change(check_run *run, uint8_t *bytes, size_t *n)
{
    const size_t at = check_below(run, (uint32_t)*n);
    const size_t left = *n - at;
    switch (check_below(run, 7)) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << check_below(run, 8));
        break;
    case 1:
        bytes[at] = (uint8_t)check_random(run);
        break;
    case 2: // sizes that overflow, in either order of bytes
        memset(bytes + at, 0xff, left < 4 ? left : 4);
        break;
    case 3:
        memset(bytes + at, 0, left < 4 ? left : 4);
        break;
    case 4: // a part comes twice
        memmove(bytes + at, bytes, left < at ? left : at);
        break;
    case 5: // near the beginning, where heads are
        bytes[check_below(run, (uint32_t)(*n < 64 ? *n : 64))] = (uint8_t)check_random(run);
        break;
    default:
        *n = at > 0 ? at : *n;
    }
}

void check_mutate(check_run *run, uint8_t *bytes, size_t *n)
{
    const uint32_t changes = 1 + check_below(run, CHANGES_MAX);
    for (uint32_t i = 0; i<changes && * n> 0; i++)
        change(run, bytes, n);
}

static size_t pick_size(check_run *run, size_t limit)
{
    static const size_t sizes[] = {1,     2,     3,     4,     7,      16,    255,
                                   256,   257,   1000,  4095,  4096,   4097,  8191,
                                   30000, 65535, 65536, 65537, 131072, 200001};
    size_t n = sizes[check_below(run, sizeof sizes / sizeof *sizes)];
    if (check_below(run, 4) == 0)
        n = 1 + check_below(run, 70000);
    if (check_below(run, BIG_INPUT_ODDS) == 0)
        n = 1 + check_below(run, 1u << 21);
    return n < limit ? n : limit;
}

// ---- Samples ----

uint8_t *check_sample(check_run *run, uint32_t sample, size_t *n)
{
    const char *path = run->options->samples[sample];
    uint8_t *bytes = check_memory(run, CHECK_SAMPLE_BYTES_MAX);
    FILE *file = fopen(path, "rbe");
    *n = file ? fread(bytes, 1, CHECK_SAMPLE_BYTES_MAX, file) : 0;
    const bool fine = file && !ferror(file);
    if (file)
        fclose(file);
    if (!fine)
        check_fail(run, "the sample \"%s\" cannot be read", path);
    return bytes;
}

// ---- Cases ----

bool check_add_case(check_run *run, uint32_t tokenizer, const void *params, uint32_t params_bytes,
                    const uint8_t *bytes, size_t n)
{
    check_shared *shared = run->shared;
    if (shared->n_cases == CHECK_CASES_MAX ||
        CHECK_ARENA_BYTES - shared->arena_used < n + params_bytes)
        return false;
    const size_t at = shared->arena_used;
    if (params_bytes > 0)
        memcpy(shared->arena + at, params, params_bytes);
    if (n > 0)
        memcpy(shared->arena + at + params_bytes, bytes, n);
    shared->arena_used += n + params_bytes;
    shared->cases[shared->n_cases++] = (check_case){.tokenizer = tokenizer,
                                                    .params_bytes = params_bytes,
                                                    .params_at = at,
                                                    .bytes_at = at + params_bytes,
                                                    .n_bytes = n};
    return true;
}

// The k-th case of the run's tokenizer (with bytes, if so wanted), modulo their number.
static const check_case *find_case(const check_run *run, uint64_t k, bool with_bytes,
                                   uint32_t *count)
{
    const check_shared *shared = run->shared;
    uint32_t seen = 0;
    for (int pass = 0; pass < 2; pass++) {
        uint32_t i = 0;
        for (uint32_t c = 0; c < shared->n_cases; c++) {
            const check_case *found = &shared->cases[c];
            if (found->tokenizer != run->index || (with_bytes && found->n_bytes == 0))
                continue;
            if (pass == 1 && i == k % seen)
                return found;
            i++;
        }
        seen = i;
        *count = seen;
        if (seen == 0)
            return NULL;
    }
    return NULL;
}

static void copy_case(check_run *run, const check_case *from, size_t limit, check_input *input)
{
    input->n = from->n_bytes < limit ? from->n_bytes : limit;
    input->bytes = check_memory(run, input->n);
    memcpy(input->bytes, run->shared->arena + from->bytes_at, input->n);
}

bool check_input_create(check_run *run, uint64_t turn, size_t limit, check_input *input)
{
    uint32_t with_bytes;
    uint32_t all;
    const check_case *found = find_case(run, turn, true, &with_bytes);
    const bool as_it_is = turn < with_bytes;
    const bool changed = !as_it_is && found && check_below(run, 2) == 0;
    const char *how = as_it_is ? "bytes of a sample" : "changed bytes of a sample";
    if (!as_it_is && !changed)
        found = find_case(run, check_random(run), false, &all);
    if (!found)
        return false;
    input->params = run->shared->arena + found->params_at;
    input->params_bytes = found->params_bytes;
    input->foreign = !as_it_is && found->n_bytes > 0;
    if (as_it_is || changed) {
        copy_case(run, found, limit, input);
        if (changed)
            check_mutate(run, input->bytes, &input->n);
    } else {
        how = "made-up bytes";
        input->n = pick_size(run, limit);
        input->bytes = check_memory(run, input->n);
        check_make_bytes(run, input->bytes, input->n);
    }
    check_doing(run, "%s: %zu, with %u of parameters", how, input->n,
                (unsigned)input->params_bytes);
    return true;
}

void check_input_destroy(check_input *input)
{
    free(input->bytes);
    *input = (check_input){0};
}

void check_size(uint64_t bytes, char text[16])
{
    if (bytes < 1000)
        snprintf(text, 16, "%u B", (unsigned)bytes);
    else if (bytes < 1000000)
        snprintf(text, 16, "%.1f KB", (double)bytes / 1e3);
    else
        snprintf(text, 16, "%.1f MB", (double)bytes / 1e6);
}
