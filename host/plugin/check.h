// SPDX-License-Identifier: Apache-2.0
// The conformance run of `vlmc plugin check`: does a plugin keep the rules of vlmc/plugin.h?
//
// Every check runs in a process of its own, so that a crash is a finding and not the end. A check
// is a row of turns; a turn's inputs follow from the seed, the check's name and the turn's number
// alone, so that a failure can be seen again.
#ifndef VLMC_PLUGIN_CHECK_H
#define VLMC_PLUGIN_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef enum vlmc_check_verdict {
    VLMC_CHECK_OK,
    VLMC_CHECK_NOTE, // no rule is broken, but somebody should know
    VLMC_CHECK_FAIL,
} vlmc_check_verdict;

typedef struct vlmc_check_result {
    const char *name; // "image.png/lossless"
    vlmc_check_verdict verdict;
    const char *text; // one sentence
    bool has_turn;    // a failure at `turn`
    uint64_t turn;
} vlmc_check_result;

typedef struct vlmc_check_options {
    const char *file;           // the plugin
    const char *const *samples; // (n_samples) files of its kind; the first 8 MiB of each are used
    uint32_t n_samples;
    const char *as;        // "TOKENIZER:SETTINGS", or NULL
    uint32_t seconds;      // in all, about
    uint32_t turn_seconds; // a turn that takes longer hangs; 0: 30
    uint64_t seed;
    const char *only; // the checks of this name, or whose name goes on with '/'; NULL: all
    uint64_t from;    // first turn
    void (*report)(void *user, const vlmc_check_result *result);
    bool (*stop_wanted)(void *user); // ends the run: VLMC_ERROR_INTERRUPTED; NULL: never
    void *user;
} vlmc_check_options;

// Reports each check as it ends. VLMC_ERROR_PLUGIN: *failures checks failed.
// VLMC_ERROR_PLUGIN_MISSING: no such file; VLMC_ERROR_USAGE: no check has the name `only`. Forks,
// and so wants a process without other threads.
vlmc_status vlmc_plugin_check(const vlmc_check_options *options, uint32_t *failures,
                              vlmc_error *error);

#endif
