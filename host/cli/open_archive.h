// SPDX-License-Identifier: Apache-2.0
// An archive that a command reads: from a file, or from standard input by way of an
// unlinked temporary file.
#ifndef VLMC_CLI_OPEN_ARCHIVE_H
#define VLMC_CLI_OPEN_ARCHIVE_H

#include "archive/archive.h"
#include "engines.h"
#include "plugins.h"

typedef struct cli_archive {
    const char *name; // for messages
    vlmc_reader *reader;
    const vlmc_archive_info *info;
    cli_engines engines;
    vlmc_plugins *plugins; // NULL until cli_archive_use_plugins, and without need
    vlmc_worker *worker;
    int spool; // temporary copy of standard input, or -1
} cli_archive;

// `path` "-" reads standard input to its end first. The passphrase of an encrypted archive is taken
// from --passphrase-file or asked for; with --passphrase-file an archive that is not encrypted is
// VLMC_ERROR_REFUSED, unless cli.any_archives. On failure nothing is left open.
vlmc_status cli_archive_open(cli_archive *archive, const cli_common *common, const char *path,
                             vlmc_error *error);

// The same, but an encrypted archive without --passphrase-file is left locked: only what everybody
// may know of it is there.
vlmc_status cli_archive_look(cli_archive *archive, const cli_common *common, const char *path,
                             vlmc_error *error);
void cli_archive_close(cli_archive *archive);

// For commands that read contents: opens the plugins if the archive needs any.
vlmc_status cli_archive_use_plugins(cli_archive *archive, cli *cli, vlmc_error *error);

// For commands that read many contents: those of entries that are announced are decoded ahead, by
// as many threads as the user permits.
vlmc_status cli_archive_read_ahead(cli_archive *archive, vlmc_error *error);

// After an error of one entry: are the others still worth trying? So it is with damage, a
// refusal, a missing model or plugin, or a place that may not be written; not with a full disk.
bool cli_archive_survives(vlmc_status status, const vlmc_error *error);

// Does the entry match one of the shell patterns? A pattern that matches a folder matches
// all below. No patterns: everything.
bool cli_matches(const char *path, char *const *patterns, int n_patterns);

// One warning for each pattern that matches no entry.
void cli_warn_unmatched(cli *cli, const cli_archive *archive, char *const *patterns,
                        int n_patterns);

#endif
