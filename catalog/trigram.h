// SPDX-License-Identifier: Apache-2.0
// The index over paths: three bytes in a row that a path must have, by FTS5's trigram tokenizer.
//
// A name on disk is bytes, FTS5 wants text. So each byte is one character, U+0000 to U+00FF: any
// three bytes are three characters, whatever encoding a name has or breaks. FTS5 folds some of
// them (A and a, also 0xC4 and 0xE4), so the index gives candidates, and whoever asks compares.
#ifndef VLMC_CATALOG_TRIGRAM_H
#define VLMC_CATALOG_TRIGRAM_H

#include "database.h"

// A path as text for the index, to be freed; NULL without memory.
char *vlmc_trigram_text(const void *bytes, size_t size, size_t *text_size);

// Makes the SQL function vlmc_trigram_text(BLOB) of it.
vlmc_status vlmc_trigram_install(vlmc_catalog *catalog, vlmc_error *error);

// A condition for MATCH that every path fulfils that contains all of the `n` literals; to be freed.
// *match NULL: none of them has three bytes, every path is a candidate.
typedef struct vlmc_literal {
    const char *bytes;
    size_t size;
} vlmc_literal;
vlmc_status vlmc_trigram_match(const vlmc_literal *literals, size_t n, char **match,
                               vlmc_error *error);

#endif
