// SPDX-License-Identifier: Apache-2.0
// -m auto: a model for so much text that is fast enough on the device at hand.
#ifndef VLMC_CLI_AUTO_MODEL_H
#define VLMC_CLI_AUTO_MODEL_H

#include "engines.h"
#include "estimate_sample.h"
#include "walk.h"

#include <stdbool.h>
#include <stdint.h>

// What the transformer's own work on all of the text may take, about. Nobody wants to wait longer
// for what it saves, unless they say so with -m.
#define AUTO_MODEL_SECONDS_MOST 300.0

typedef struct auto_model {
    const char *name;      // lives for ever; NULL: context models alone
    uint64_t bytes_second; // how fast it is here; 0 without a model
} auto_model;

// Does `name`, the value of -m or NULL, ask for this?
bool auto_model_wanted(const char *name);

// Bytes in what was looked at that a model of text may code, about.
uint64_t auto_model_text_bytes(const estimate_sample *sample);

// The same, from a look at some MiB of the files. VLMC_ERROR_INTERRUPTED when the user stops it.
vlmc_status auto_model_look(cli *cli, const walk *walk, vlmc_worker *worker, uint64_t *text_bytes,
                            vlmc_error *error);

// The largest of text-base, text and text-nano that is on the search path and keeps to
// AUTO_MODEL_SECONDS_MOST on the device of `engines` at this level, by running each on it for a
// moment. Where the level has no transformers, that is the first one. `engines` uses it from here
// on. VLMC_ERROR_MODEL_MISSING when there is none of them.
vlmc_status auto_model_choose(cli_engines *engines, uint64_t text_bytes, uint32_t level,
                              auto_model *chosen, vlmc_error *error);

// Makes `engines` use what an earlier run chose: its name, "" for context models alone. False when
// no choice is called that.
bool auto_model_again(cli_engines *engines, const char *name);

// Says what was chosen, and why.
void auto_model_tell(cli *cli, const auto_model *chosen, uint64_t text_bytes);

#endif
