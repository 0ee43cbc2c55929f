// SPDX-License-Identifier: Apache-2.0
// The files that `create` will come to, for a writer that looks ahead.
#ifndef VLMC_CLI_CREATE_COMING_H
#define VLMC_CLI_CREATE_COMING_H

#include "archive/archive.h"
#include "walk.h"

#include <stddef.h>

// Files are numbered by their place in the walk.
typedef struct create_coming {
    const walk *walk;
    size_t next; // that may be given
    int fd;      // of the one that was given, -1: none
} create_coming;

#define CREATE_COMING_NONE(of) ((create_coming){.walk = (of), .fd = -1})

// `worker` NULL: the writer does not look ahead. It borrows `coming`.
vlmc_writer_coming create_coming_source(create_coming *coming, vlmc_worker *worker);
void create_coming_end(create_coming *coming);

#endif
