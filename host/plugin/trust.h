// SPDX-License-Identifier: Apache-2.0
// May code be loaded from here? Only when nobody but root and the user can have put it there.
#ifndef VLMC_PLUGIN_TRUST_H
#define VLMC_PLUGIN_TRUST_H

#include <limits.h>
#include <stdbool.h>
#include <vlmc/status.h>

// Follows symbolic links to the folder's real path, and checks it and the folders above it.
// *exists: false when there is no such folder, which is no failure. VLMC_ERROR_REFUSED: the
// sentence says who could write where.
vlmc_status vlmc_trust_folder(const char *folder, char real[PATH_MAX], bool *exists,
                              vlmc_error *error);

// The same for a plugin's file; where links lead to another folder, that is checked too.
vlmc_status vlmc_trust_file(const char *file, char real[PATH_MAX], vlmc_error *error);

#endif
