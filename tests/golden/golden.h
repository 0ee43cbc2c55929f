// SPDX-License-Identifier: Apache-2.0
#ifndef VLMC_TESTS_GOLDEN_GOLDEN_H
#define VLMC_TESTS_GOLDEN_GOLDEN_H

#include "contents.h"

// The content of an entry, malloc'ed; folder is tests/golden. Aborts when a file is missing.
uint8_t *golden_content(const char *folder, const golden_entry *entry, size_t *size);

// Writes one of golden_archives to `path`, which is replaced. `model` when the archive wants it.
vlmc_status golden_write(const char *folder, const golden_archive *archive, const vlmc_model *model,
                         const char *path, vlmc_error *error);

#endif
