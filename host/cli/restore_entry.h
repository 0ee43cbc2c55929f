// SPDX-License-Identifier: Apache-2.0
// From an entry of an archive to what libarchive writes.
#ifndef VLMC_CLI_RESTORE_ENTRY_H
#define VLMC_CLI_RESTORE_ENTRY_H

#include "restore.h"

#include <archive_entry.h>

// Type, mode, time, size, link target and attributes, as far as `options` want them, of an entry
// that is written to `path`.
vlmc_status restore_fill_entry(struct archive_entry *out, const vlmc_entry *entry, const char *path,
                               const restore_options *options, vlmc_error *error);

// Is an extended attribute restored? Those in "user." are; others only with the owners, as they are
// root's to set, and file capabilities only with special bits.
bool restore_wants_xattr(const restore_options *options, const char *name);

#endif
