// SPDX-License-Identifier: Apache-2.0
// Another passphrase for an encrypted archive: its master key is wrapped anew, the rest stays.
#ifndef VLMC_ARCHIVE_REKEY_H
#define VLMC_ARCHIVE_REKEY_H

#include "archive.h"

#include <vlmc/status.h>

// Of the archive that `reader` has open, which is the file at `path`: writes a KEY record for
// `passphrase` in the place of the old one, within one sector of the disk, and syncs it. `cost`
// NULL: the default. VLMC_ERROR_USAGE: it is not encrypted or locked; VLMC_ERROR_IO: `path` is
// another file by now, or cannot be written.
vlmc_status vlmc_reader_rekey(const vlmc_reader *reader, const char *path,
                              const vlmc_secret *passphrase, const vlmc_seal_cost *cost,
                              vlmc_error *error);

#endif
