// SPDX-License-Identifier: Apache-2.0
// Which files, folders and symlinks on disk go into an archive, and under which names.
#ifndef VLMC_CLI_WALK_H
#define VLMC_CLI_WALK_H

#include "archive/archive.h"
#include "cli.h"
#include "hard_links.h"
#include "job.h"

#include <stddef.h>

typedef struct walk_item {
    char *disk;   // path to open
    char *stored; // path in the archive: relative, no "." or ".." parts
    char *link;   // target of a symlink, else NULL
    vlmc_entry_type type;
    uint64_t size_bytes; // of a file when it was seen; 0 for its second name and further ones
} walk_item;

// What a walk leaves out. Zeros: nothing.
typedef struct walk_filter {
    const char **patterns; // (n_patterns), borrowed
    size_t n_patterns;
    bool one_file_system;
} walk_filter;

// Leaves out what a shell pattern matches: the stored path, or the name alone where the pattern has
// no "/". False when memory is short.
bool walk_exclude(walk_filter *filter, const char *pattern);
void walk_filter_destroy(walk_filter *filter);
#define WALK_KEPT_OUT_MAX 4u

typedef struct walk {
    const walk_filter *filter; // NULL: none
    walk_item *items;          // sorted by the bytes of `stored`, each path once
    size_t n_items;
    size_t capacity;
    size_t n_files;
    uint64_t content_bytes; // of all files, each once
    cli_job looking;        // at a terminal, a line says how much was found
    bool has_begun;
    hard_links links; // files with more than one name that have been seen
    size_t skipped;   // special or unreadable: each has had its warning
    // Files of the archive that is being written; never collected.
    struct {
        uint64_t device;
        uint64_t inode;
    } kept_out[WALK_KEPT_OUT_MAX];
    size_t n_kept_out;
    bool told_absolute; // the notice about leading slashes was given
} walk;

// Keeps one file out, WALK_KEPT_OUT_MAX at most.
void walk_keep_out(walk *walk, uint64_t device, uint64_t inode);

// Turns a path of the command line into the path to store: no leading slash, no "//", no
// "." parts; "" for the current folder. VLMC_ERROR_REFUSED for "..". *stored is malloc'ed.
vlmc_status walk_stored_path(const char *path, char **stored, vlmc_error *error);

// Adds what is at `path` and below, and shows how much that is. Symlinks are not followed. A path
// that is not there is VLMC_ERROR_IO; sockets, devices and folders that cannot be read are warned
// of and skipped.
vlmc_status walk_add(walk *walk, cli *cli, const char *path, vlmc_error *error);

// Sorts, drops repetitions and ends the display; two different sources of one stored path are
// refused.
vlmc_status walk_finish(walk *walk, vlmc_error *error);

void walk_destroy(walk *walk);

#endif
