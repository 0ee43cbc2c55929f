// SPDX-License-Identifier: Apache-2.0
// From a file on disk to the archive's writer.
#ifndef VLMC_CLI_CREATE_SOURCE_H
#define VLMC_CLI_CREATE_SOURCE_H

#include "archive/archive.h"
#include "cli.h"
#include "create_job.h"
#include "hard_links.h"
#include "metadata.h"
#include "walk.h"

typedef struct create_target {
    vlmc_writer *writer;
    metadata *metadata;
    hard_links links; // of files with more than one name
    cli *cli;
    create_job *job;
    uint64_t number;        // of the current item (create_coming.h)
    bool verbose;           // say what plugins turned into tokens
    uint64_t content_bytes; // read so far
    size_t n_entries;       // added so far
    // Of the current file:
    const vlmc_tokenizer *tokenizer; // the last one that coded a part of it, or NULL
    uint64_t token_bytes;            // coded by it
} create_target;

// What a writer is to do with plugins (`worker` NULL: nothing) and to tell `target`.
vlmc_writer_plugins create_plugins(create_target *target, vlmc_worker *worker);

// Makes what create_add_item needs, and frees it.
vlmc_status create_begin(create_target *target, vlmc_error *error);
void create_end(create_target *target);

// Adds one entry found by the walk, with its attributes, as it is now. What cannot be opened or
// read to its end, or is of another kind than the walk saw, is warned of and left out; what changes
// while it is read, and attributes that cannot be read, are warned of.
vlmc_status create_add_item(create_target *target, const walk_item *item, vlmc_error *error);

// Adds `entry` with what `fd` gives until its end. `name` is for messages.
vlmc_status create_add_stream(create_target *target, const vlmc_entry *entry, int fd,
                              const char *name, vlmc_error *error);

#endif
