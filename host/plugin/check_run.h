// SPDX-License-Identifier: Apache-2.0
// What the checks of a conformance run share. A check's process leaves by check_fail or returns
// from its function; it frees nothing.
#ifndef VLMC_PLUGIN_CHECK_RUN_H
#define VLMC_PLUGIN_CHECK_RUN_H

#include "check.h"
#include "feed.h"
#include "registry.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>

#define CHECK_CASES_MAX 512u
#define CHECK_ARENA_BYTES ((size_t)64 << 20)
#define CHECK_SAMPLE_BYTES_MAX ((size_t)8 << 20)
#define CHECK_INPUT_BYTES_MAX CHECK_SAMPLE_BYTES_MAX
#define CHECK_TOKENS_MAX ((size_t)64 << 20)
#define CHECK_TEXT_BYTES 400u

// Parameters that a tokenizer takes, and maybe bytes that they belong to.
typedef struct check_case {
    uint32_t tokenizer; // index
    uint32_t params_bytes;
    size_t params_at; // in the arena
    size_t bytes_at;
    size_t n_bytes; // 0: parameters alone
} check_case;

// Between the parent and its children, one after the other.
typedef struct check_shared {
    _Atomic uint64_t steps; // grows while things go on
    uint64_t turn;
    char doing[CHECK_TEXT_BYTES]; // in this turn
    uint32_t verdict;             // vlmc_check_verdict
    char text[CHECK_TEXT_BYTES];
    uint64_t digest; // of all results, to compare with those of another process
    uint64_t turns;  // that the digest holds
    uint32_t n_tokenizers;
    char tokenizers[VLMC_PLUGIN_TOKENIZERS_MAX][VLMC_PLUGIN_ID_BYTES_MAX + 1];
    uint32_t has_analyser;
    uint32_t n_cases;
    check_case cases[CHECK_CASES_MAX];
    size_t arena_used;
    uint8_t arena[CHECK_ARENA_BYTES];
} check_shared;

typedef struct check_run {
    const vlmc_check_options *options;
    const char *name; // of the check
    check_shared *shared;
    vlmc_plugins *plugins;
    const vlmc_loaded_plugin *loaded;
    uint32_t index;                  // of the tokenizer
    const vlmc_tokenizer *tokenizer; // NULL: the check is not about one
    uint64_t first;                  // turn
    uint64_t turns_max;
    uint64_t end_ns; // no turn begins later
    uint64_t random; // state
} check_run;

// Ends the process: a rule is broken. The sentence says which and by what.
_Noreturn void check_fail(check_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// How the check went, for its line.
void check_say(check_run *run, vlmc_check_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// What the turn does, for the sentence after a crash.
void check_doing(check_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Begins turn `turn` with random numbers of its own.
void check_begin(check_run *run, uint64_t turn);

// The same; false when time is up.
bool check_turn(check_run *run, uint64_t turn);

// Memory that must be there.
void *check_memory(check_run *run, size_t bytes);

uint64_t check_now_ns(void);

// Bytes that malloc has handed out and that were not freed.
int64_t check_memory_in_use(void);

// ---- Random numbers and inputs ----

uint64_t check_random(check_run *run);
uint32_t check_below(check_run *run, uint32_t limit); // 0..limit-1; limit >= 1

// An input for the run's tokenizer.
typedef struct check_input {
    const uint8_t *params;
    uint32_t params_bytes;
    uint8_t *bytes; // (n), n >= 1; from malloc
    size_t n;
    bool foreign; // the parameters were found for other bytes: a decoder need not restore these
} check_input;

// The cases of the tokenizer first, one each turn, then changed ones and made-up bytes. False:
// there are no parameters that it takes.
bool check_input_create(check_run *run, uint64_t turn, size_t limit, check_input *input);
void check_input_destroy(check_input *input);

// Changes a few bytes, or the size (never longer).
void check_mutate(check_run *run, uint8_t *bytes, size_t *n);

// Bytes of one of several kinds: noise, ramps, runs, text.
void check_make_bytes(check_run *run, uint8_t *bytes, size_t n);

// Remembers parameters, with or without bytes. False: no room.
bool check_add_case(check_run *run, uint32_t tokenizer, const void *params, uint32_t params_bytes,
                    const uint8_t *bytes, size_t n);

// The first bytes of a sample file; from malloc.
uint8_t *check_sample(check_run *run, uint32_t sample, size_t *n);

// "3.4 MB".
void check_size(uint64_t bytes, char text[16]);

// ---- Converting ----

typedef struct check_bytes {
    uint8_t *bytes; // from malloc
    size_t n;
} check_bytes;

// A call of encode or decode that also counts, and remembers what it returned.
typedef struct check_call {
    check_run *run;
    int32_t (*call)(void *object, vlmc_plugin_io *io);
    void *object;
    int32_t result;
    bool measure;
    int64_t memory; // that the object holds
    int64_t memory_peak;
} check_call;

// For vlmc_plugin_io functions: calls check_call's own.
int32_t check_run_call(void *call, vlmc_plugin_io *io);

// An encoder or a decoder; NULL: refused.
void *check_create(check_run *run, const void *params, uint32_t n, bool encode);
void check_destroy(check_run *run, void *object, bool encode);

// A feed at its beginning.
void check_set_feed(vlmc_feed *feed, const check_run *run, check_call *call, bool encode);

// Creates, converts with the pieces of archives, destroys. False: refused, or more than `limit`.
bool check_convert(check_run *run, check_call *call, bool encode, const check_input *params,
                   const uint8_t *in, size_t n, size_t limit, check_bytes *out);

// With the pieces that archives are made with. False: refused.
bool check_encode(check_run *run, const check_input *input, check_bytes *tokens);
// Limit: more bytes are a refusal.
bool check_decode(check_run *run, const check_input *params, const check_bytes *tokens,
                  size_t limit, check_bytes *bytes);

// ---- The checks ----

void check_analyser(check_run *run);
void check_parameters_found(check_run *run); // gathers cases
void check_lossless(check_run *run);
void check_pieces(check_run *run);
void check_interleaved(check_run *run);
void check_same(check_run *run);
void check_hostile_tokens(check_run *run);
void check_hostile_params(check_run *run);
void check_memory_use(check_run *run);
void check_contexts(check_run *run);
void check_speed(check_run *run);

// A digest of what the contexts of a group of these tokens are, used by check_same.
uint64_t check_contexts_digest(check_run *run, const check_input *input, const check_bytes *tokens,
                               uint64_t digest);
uint64_t check_digest(uint64_t digest, const void *bytes, size_t n);

#endif
