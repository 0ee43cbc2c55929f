// SPDX-License-Identifier: Apache-2.0
// Files with recovery data, and damage to them.
#ifndef VLMC_TESTS_RECOVERY_SUPPORT_H
#define VLMC_TESTS_RECOVERY_SUPPORT_H

#include "recovery/recovery.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct protected_file {
    uint8_t *bytes; // (size), as they were written
    size_t size;
    size_t archive_bytes; // what is protected
    vlmc_recovery_layout layout;
} protected_file;

uint64_t next_number(uint64_t *state); // SplitMix64

// `archive_bytes` of noise with recovery data.
protected_file make_protected(size_t archive_bytes, uint32_t percent);
void free_protected(protected_file *file);

// Mends such a file after damage, as it would be found on disk. True when the archive is as it was.
// The report may be NULL.
bool mends(const protected_file *file, const uint8_t *damaged, size_t size,
           vlmc_recovery_report *report);

#endif
