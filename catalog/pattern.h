// SPDX-License-Identifier: Apache-2.0
// What to find: text, shell patterns and regular expressions over paths as bytes.
#ifndef VLMC_CATALOG_PATTERN_H
#define VLMC_CATALOG_PATTERN_H

#include "database.h"
#include "trigram.h"

#include <locale.h>
#include <regex.h>

typedef struct vlmc_pattern {
    vlmc_find_kind kind; // TEXT, GLOB or REGEX
    bool ignore_case;
    const char *text; // borrowed
    size_t size;
    char *folded; // text in small letters, when case is ignored
    regex_t regex;
    bool has_regex;
    locale_t bytes;   // the locale in which characters are bytes
    char *scratch;    // a path, changed to be compared
    size_t n_scratch; // bytes
    // What every path that matches contains, each at least one byte.
    vlmc_literal *literals; // (n_literals), into `unescaped`
    size_t n_literals;
    char *unescaped;
} vlmc_pattern;

// VLMC_ERROR_USAGE for a regular expression that is none. `params` must outlive the pattern.
vlmc_status vlmc_pattern_create(const vlmc_find_params *params, vlmc_pattern *pattern,
                                vlmc_error *error);
void vlmc_pattern_destroy(vlmc_pattern *pattern);

// False as well without memory; then *failed.
bool vlmc_pattern_matches(vlmc_pattern *pattern, const void *path, size_t size, bool *failed);

#endif
