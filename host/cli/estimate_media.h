// SPDX-License-Identifier: Apache-2.0
// Files and plugins for estimate_sample.c: reading, and tokens of what plugins claim.
#ifndef VLMC_CLI_ESTIMATE_MEDIA_H
#define VLMC_CLI_ESTIMATE_MEDIA_H

#include "estimate_sample.h"

#define ESTIMATE_MEDIA_FILES_MAX 12u // of a plugin, that are looked into

// A descriptor of a regular file, or -1 after a warning (cli NULL: without one).
int estimate_open(cli *cli, const char *path);
void estimate_close(int fd);

// How many of n bytes there were.
size_t estimate_read(int fd, uint64_t offset, uint8_t *at, size_t n);

// Puts the file's first bytes, at most `most`, into an empty window. False: there are none.
bool estimate_fill_window(vlmc_worker *worker, int fd, size_t most, size_t *n);

// The kind of a tokenizer; plain bytes when there are too many kinds. (estimate_sample.c)
estimate_kind *estimate_kind_of(estimate_sample *sample, const vlmc_loaded_plugin *plugin,
                                const vlmc_tokenizer *tokenizer);

// Evenly spread pieces of n bytes, `wanted` in all, or all of them. Returns how many, which is less
// than a piece below `wanted`. (estimate_sample.c)
size_t estimate_thin(const uint8_t *bytes, size_t n, size_t piece, uint8_t *out, size_t wanted);

// The slice of a joined kind, from kind->thin.
vlmc_status estimate_text_slice(vlmc_worker *worker, estimate_kind *kind, vlmc_error *error);

// A plugin whose files are segments of their own.
typedef struct estimate_media {
    estimate_sample *sample;
    const vlmc_loaded_plugin *plugin;
    vlmc_worker *worker;
    uint64_t plain_bytes; // of the files, that no tokenizer took
} estimate_media;

// Looks into a file. What a plugin fails at is plain bytes.
vlmc_status estimate_media_file(estimate_media *media, cli *cli, const walk_item *item,
                                vlmc_error *error);

// Shares out `bytes` of the sample that the plugin claims.
void estimate_media_finish(estimate_media *media, uint64_t bytes);

#endif
