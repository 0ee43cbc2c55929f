// SPDX-License-Identifier: Apache-2.0
// Archives of contents in memory.
#ifndef VLMC_TESTS_ARCHIVE_SUPPORT_H
#define VLMC_TESTS_ARCHIVE_SUPPORT_H

#include "archive/archive.h"
#include "tiny_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct content {
    const char *path;
    const uint8_t *bytes; // NULL with size > 0: zeros
    size_t size;
} content;

// NAME in this test's scratch folder; valid until the same slot (0..7) is used again.
const char *scratch(uint32_t slot, const char *name);

// A vlmc_read_fn: user is a source.
typedef struct source {
    const content *content;
    size_t at;
    size_t at_most; // bytes for each call, 0 = what is asked for
    size_t fail_at; // fails with VLMC_ERROR_IO when it gets there; 0 = never
} source;
vlmc_status read_source(void *user, void *buffer, size_t capacity, size_t *got, vlmc_error *error);

// A vlmc_write_fn that compares: user is a comparison.
typedef struct comparison {
    const content *content;
    size_t at;
    bool differs;
} comparison;
vlmc_status compare_bytes(void *user, const void *bytes, size_t size, vlmc_error *error);

// Writes an archive of files with mode 0644 and time 1.5 s, or fails the test. model may
// be NULL.
void write_archive(const char *path, const content *contents, uint32_t n, const vlmc_model *model);

// Opens, compares all contents and says what went wrong first, VLMC_OK if nothing did. Wrong
// bytes that are not followed by an error fail the test.
vlmc_status check_archive(const char *path, const content *contents, uint32_t n,
                          const vlmc_model *model, vlmc_error *error);

// The same for an open archive.
vlmc_status check_entries(vlmc_reader *reader, const content *contents, uint32_t n,
                          vlmc_error *error);

uint8_t *load_file(const char *path, size_t *size);
void save_file(const char *path, const uint8_t *bytes, size_t size);
bool exists(const char *path);

#endif
