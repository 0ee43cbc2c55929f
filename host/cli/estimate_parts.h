// SPDX-License-Identifier: Apache-2.0
// What estimate_sample.c works on: parts of files in one buffer, and who claims them.
#ifndef VLMC_CLI_ESTIMATE_PARTS_H
#define VLMC_CLI_ESTIMATE_PARTS_H

#include "codec/group.h"
#include "estimate_copies.h"
#include "estimate_sample.h"

// What is read are so many stretches, spread evenly over the bytes of all files.
#define ESTIMATE_STRETCHES 64u

// A part of a file.
typedef struct estimate_part {
    size_t item; // of the walk
    uint64_t offset;
    size_t at; // in the buffer
    size_t n;
    const vlmc_loaded_plugin *plugin; // that claims the file, or NULL
    bool stored;
    bool copy; // of an earlier file
} estimate_part;

typedef struct estimate_sampler {
    const estimate_sample_params *params;
    estimate_sample *sample;
    vlmc_group_packer *groups;
    estimate_copies copies;
    uint8_t *buffer; // (capacity)
    size_t used, capacity;
    estimate_part *parts; // (n_parts), in the order of the walk
    size_t n_parts, parts_capacity;
} estimate_sampler;

// Reads parts into the buffer, which has room for `capacity` bytes.
vlmc_status estimate_read_parts(estimate_sampler *sampler, vlmc_error *error);

#endif
