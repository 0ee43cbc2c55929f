// SPDX-License-Identifier: Apache-2.0
// Checks of decoders with tokens and parameters that no encoder made, and of memory.
#include "check_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MAX ((size_t)256 << 20) // of one encoder or decoder
#define BOMB_BYTES ((size_t)32 << 20)
#define MADE_UP_TOKENS_MAX 50000u

// ---- Hostile tokens and parameters ----

void check_hostile_tokens(check_run *run)
{
    uint64_t accepted = 0;
    uint64_t turn;
    check_input input;
    check_bytes tokens;
    check_bytes bytes;
    for (turn = run->first; check_turn(run, turn); turn++) {
        if (!check_input_create(run, turn, CHECK_INPUT_BYTES_MAX, &input))
            break;
        const bool changed = check_encode(run, &input, &tokens) && tokens.n > 0;
        if (changed) {
            check_mutate(run, tokens.bytes, &tokens.n);
        } else {
            free(tokens.bytes);
            tokens.n = 1 + check_below(run, MADE_UP_TOKENS_MAX);
            tokens.bytes = check_memory(run, tokens.n);
            check_make_bytes(run, tokens.bytes, tokens.n);
        }
        for (size_t i = 0; i < tokens.n; i++)
            tokens.bytes[i] = (uint8_t)(tokens.bytes[i] % run->tokenizer->alphabet);
        check_doing(run, "%zu %s tokens, %u bytes of parameters", tokens.n,
                    changed ? "changed" : "made-up", (unsigned)input.params_bytes);
        if (check_decode(run, &input, &tokens, BOMB_BYTES, &bytes)) {
            accepted++;
            free(bytes.bytes);
        }
        free(tokens.bytes);
        check_input_destroy(&input);
    }
    check_say(run, VLMC_CHECK_OK, "%" PRIu64 " rows of tokens, of which the decoder took %" PRIu64,
              turn - run->first, accepted);
}

// A short life with these parameters, whatever geometry says of them.
static void live_with(check_run *run, const uint8_t *params, size_t n, uint64_t *accepted)
{
    check_input input = {.params = params, .params_bytes = (uint32_t)n, .n = 3000};
    check_bytes tokens = {0};
    check_bytes bytes;
    vlmc_token_geometry geometry;
    input.bytes = check_memory(run, input.n);
    check_make_bytes(run, input.bytes, input.n);
    const bool fine =
        vlmc_plugin_geometry(run->tokenizer, params, (uint32_t)n, &geometry, NULL) == VLMC_OK;
    *accepted += fine;
    if (!check_encode(run, &input, &tokens)) {
        tokens.n = 3000;
        tokens.bytes = check_memory(run, tokens.n);
        check_make_bytes(run, tokens.bytes, tokens.n);
        for (size_t i = 0; i < tokens.n; i++)
            tokens.bytes[i] = (uint8_t)(tokens.bytes[i] % run->tokenizer->alphabet);
    }
    if (check_decode(run, &input, &tokens, BOMB_BYTES, &bytes))
        free(bytes.bytes);
    if (fine && tokens.n > 0)
        check_contexts_digest(run, &input, &tokens, 0);
    free(tokens.bytes);
    check_input_destroy(&input);
}

void check_hostile_params(check_run *run)
{
    uint64_t accepted = 0;
    uint64_t turn;
    check_doing(run, "destroy of NULL");
    check_destroy(run, NULL, true);
    check_destroy(run, NULL, false);
    run->tokenizer->contexts_destroy(NULL);
    for (turn = run->first; check_turn(run, turn); turn++) {
        uint8_t made_up[64];
        check_input input = {0};
        size_t n = sizeof made_up;
        check_make_bytes(run, made_up, n);
        n = check_below(run, sizeof made_up + 1);
        if (check_below(run, 3) > 0 && check_input_create(run, UINT32_MAX + turn, 1, &input) &&
            input.params_bytes > 0) {
            uint8_t *changed = check_memory(run, input.params_bytes);
            memcpy(changed, input.params, input.params_bytes);
            n = input.params_bytes;
            check_mutate(run, changed, &n);
            check_doing(run, "%zu changed bytes of parameters", n);
            live_with(run, changed, n, &accepted);
            free(changed);
        } else {
            check_doing(run, "%zu made-up bytes of parameters", n);
            live_with(run, made_up, n, &accepted);
        }
        check_input_destroy(&input);
    }
    check_say(run, VLMC_CHECK_OK, "%" PRIu64 " parameters, of which it took %" PRIu64,
              turn - run->first, accepted);
}

// ---- Memory ----

// Beyond what caches and fragments of the C library explain.
#define LEAK_BYTES_PER_TURN 64
#define LEAK_BYTES ((int64_t)64 << 10)
#define LONG_INPUT_BYTES ((size_t)4 << 20)
#define SPACE_SLACK_BYTES ((uint64_t)64 << 20)

// The most address space that this process has had.
static uint64_t space_peak(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmPeak: %llu", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib << 10;
}

static void measure(check_run *run, bool encode, const check_input *params, const uint8_t *in,
                    size_t n, int64_t *peak, check_bytes *out)
{
    check_call call = {.measure = true};
    const char *what = encode ? "encode" : "decode";
    const uint64_t space = space_peak();
    check_convert(run, &call, encode, params, in, n, CHECK_TOKENS_MAX, out);
    if (call.memory_peak > (int64_t)MEMORY_MAX)
        check_fail(run, "%s takes %" PRId64 " MiB of memory, and %zu is the most", what,
                   call.memory_peak >> 20, MEMORY_MAX >> 20);
    // What is taken and given back within a call is seen in address space only.
    const uint64_t own = 4 * (uint64_t)out->n + SPACE_SLACK_BYTES;
    if (space_peak() > space + MEMORY_MAX + own)
        check_fail(run, "%s takes more than %zu MiB of memory within a call", what,
                   MEMORY_MAX >> 20);
    *peak = call.memory_peak > *peak ? call.memory_peak : *peak;
}

// Every eighth input is long, so that what grows with it is seen.
static bool memory_input(check_run *run, uint64_t turn, check_input *input)
{
    if (turn % 8 != 0)
        return check_input_create(run, turn - turn / 8 - 1, CHECK_INPUT_BYTES_MAX, input);
    if (!check_input_create(run, UINT32_MAX + turn, 1, input))
        return false;
    free(input->bytes);
    input->n = LONG_INPUT_BYTES;
    input->bytes = check_memory(run, input->n);
    check_make_bytes(run, input->bytes, input->n);
    check_doing(run, "made-up bytes: %zu, with %u of parameters", input->n,
                (unsigned)input->params_bytes);
    return true;
}

void check_memory_use(check_run *run)
{
    int64_t peak = 0;
    int64_t settled = 0;
    char size[16];
    uint64_t turn;
    check_input input;
    const uint64_t warm = run->first + 8;
    for (turn = run->first; check_turn(run, turn); turn++) {
        check_bytes tokens = {0};
        check_bytes bytes = {0};
        if (!memory_input(run, turn, &input))
            break;
        measure(run, true, &input, input.bytes, input.n, &peak, &tokens);
        if (tokens.n > 0)
            measure(run, false, &input, tokens.bytes, tokens.n, &peak, &bytes);
        free(tokens.bytes);
        free(bytes.bytes);
        check_input_destroy(&input);
        if (turn == warm)
            settled = check_memory_in_use();
    }
    const int64_t leaked = turn > warm + 8 ? check_memory_in_use() - settled : 0;
    if (leaked > LEAK_BYTES && leaked > (int64_t)(turn - warm) * LEAK_BYTES_PER_TURN)
        check_fail(run, "it keeps memory after destroy: %" PRId64 " bytes in %" PRIu64 " turns",
                   leaked, turn - warm);
    check_size((uint64_t)peak, size);
    if (turn == run->first)
        check_say(run, VLMC_CHECK_NOTE, "there are no parameters to check it with");
    else
        check_say(run, VLMC_CHECK_OK, "%s at most; %" PRIu64 " turns, all given back", size,
                  turn - run->first);
}
