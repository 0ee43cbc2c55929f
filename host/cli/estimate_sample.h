// SPDX-License-Identifier: Apache-2.0
// A sample of what lies below some paths, sorted by how an archive would code it: a few MiB stand
// for any amount. The same files give the same sample.
#ifndef VLMC_CLI_ESTIMATE_SAMPLE_H
#define VLMC_CLI_ESTIMATE_SAMPLE_H

#include "archive/archive.h"
#include "cli.h"
#include "walk.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/plugin.h>

#define ESTIMATE_KINDS_MAX 16u
#define ESTIMATE_SLICES_MAX 8u

// Tokens that are coded as a group of their own.
typedef struct estimate_slice {
    uint8_t *tokens; // (n)
    uint32_t n;
    uint64_t first_token;    // in its segment
    uint64_t segment_tokens; // of the segment
    uint8_t *params;         // (params_bytes)
    uint32_t params_bytes;
} estimate_slice;

// Content that is coded in one way.
typedef struct estimate_kind {
    const vlmc_tokenizer *tokenizer; // NULL: plain bytes
    const vlmc_loaded_plugin *plugin;
    bool stored;    // looks incompressible: no tokens
    bool as_bytes;  // the slice holds bytes although there is a tokenizer
    bool joins;     // one sequence of all files; else groups end where segments end
    uint64_t bytes; // of files, about
    double tokens;  // that they make, about
    double seconds; // that a plugin takes for them, about
    uint8_t *raw;   // (raw_bytes) of joined kinds: all that was read, in the order of an archive
    size_t raw_bytes;
    uint8_t *thin; // (thin_bytes) what of it the slice stands for
    size_t thin_bytes;
    estimate_slice slices[ESTIMATE_SLICES_MAX]; // joined kinds have one
    uint32_t n_slices;
    uint64_t seen_bytes, seen_tokens; // of files that were looked into
    double seen_seconds;
} estimate_kind;

typedef struct estimate_sample {
    estimate_kind kinds[ESTIMATE_KINDS_MAX]; // the first: plain bytes, the second: stored
    uint32_t n_kinds;
    uint64_t read_bytes; // of files, in pieces that are spread over all
    double read_seconds; // to read and to judge all, about
} estimate_sample;

typedef struct estimate_sample_params {
    cli *cli;
    const walk *walk;
    vlmc_worker *worker;  // NULL: everything is plain bytes
    uint64_t read_bytes;  // at most
    uint32_t slice_bytes; // of all joined kinds together
} estimate_sample_params;

// Files that cannot be read have their warning. VLMC_ERROR_INTERRUPTED when the user stops it.
vlmc_status estimate_sample_take(const estimate_sample_params *params, estimate_sample *sample,
                                 vlmc_error *error);
void estimate_sample_free(estimate_sample *sample);

#endif
