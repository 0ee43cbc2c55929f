// SPDX-License-Identifier: Apache-2.0
// The catalog: which archives there are, on which volumes, what is in them, and when each was last
// verified. A SQLite file that can always be made again from the archives; losing it loses the
// history of verifications and the names of volumes, nothing else.
//
// A failure is VLMC_ERROR_CATALOG, whose sentence says how to mend it, unless a function says
// otherwise; VLMC_ERROR_INTERRUPTED when `stop` of the parameters said so. A handle is used by one
// thread at a time; several processes may have the same catalog open, each write is one
// transaction.
//
// Paths of archives are absolute, without symlinks ("realpath"); the catalog keeps them by volume,
// so that an archive is known wherever its disk is mounted.
#ifndef VLMC_CATALOG_CATALOG_H
#define VLMC_CATALOG_CATALOG_H

#include "archive/archive.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_CATALOG_VERSION 2 // of the schema, PRAGMA user_version

typedef struct vlmc_catalog vlmc_catalog;

typedef struct vlmc_catalog_params {
    const char *path;
    bool create;              // a missing one is made, folders included; else it must be there
    uint32_t busy_ms;         // how long to wait for other programs; 0: 10 seconds
    const char *system;       // for tests: what stands before /proc, /dev and /etc; NULL: nothing
    bool (*stop)(void *user); // asked now and then in long queries: true ends them; may be NULL
    void *user;
} vlmc_catalog_params;

// A file that is no catalog, one of a newer version, and one on a network drive, where locks cannot
// be trusted, are refused and left as they are. An older version is brought to this one in one
// transaction, after a backup.
vlmc_status vlmc_catalog_open(const vlmc_catalog_params *params, vlmc_catalog **catalog,
                              vlmc_error *error);
void vlmc_catalog_close(vlmc_catalog **catalog);

// The backup that was made while opening, because the catalog was of an older version; else NULL.
const char *vlmc_catalog_backup_made(const vlmc_catalog *catalog);

// ---- Recording ----

// May the catalog learn what is in an archive? An encrypted one's names are its owner's secret.
typedef enum vlmc_catalog_names {
    VLMC_CATALOG_WITH_NAMES,
    VLMC_CATALOG_WITHOUT_NAMES, // names that it has learned before stay
} vlmc_catalog_names;

// Remembers the archive behind `reader`, its entries, and that a copy lies at `path`. A known copy
// that is no longer where it was, on a volume that is here, has moved to `path`. What the catalog
// knew of another archive at that path is forgotten, and with it the archive when that was its only
// copy. All or nothing.
vlmc_status vlmc_catalog_record(vlmc_catalog *catalog, const vlmc_reader *reader, const char *path,
                                vlmc_catalog_names names, vlmc_error *error);

// How thorough a check was. Values are those in the file.
typedef enum vlmc_catalog_level {
    VLMC_CATALOG_HEADER = 0, // header, index and footer
    VLMC_CATALOG_BLOCKS = 1, // the checksums of all groups
    VLMC_CATALOG_DECODE = 2, // every file decoded and compared with its SHA-256
    VLMC_CATALOG_EXTRACT = 3 // the files that were extracted, so compared
} vlmc_catalog_level;

typedef enum vlmc_catalog_result {
    VLMC_CATALOG_SOUND = 0,
    VLMC_CATALOG_DAMAGED = 1,
    VLMC_CATALOG_UNREAD = 2, // something could not be checked: a model or a plugin is missing
    VLMC_CATALOG_STOPPED = 3 // ended before its end, by time or by signal
} vlmc_catalog_result;

typedef struct vlmc_catalog_verification {
    int64_t at; // seconds since 1970, when it ended
    vlmc_catalog_level level;
    vlmc_catalog_result result;
    uint64_t n_files;   // looked at
    uint64_t n_bad;     // of these, damaged or not read
    const char *device; // that decoded: "cpu", "vulkan:0"; NULL: none
    double seconds;
} vlmc_catalog_verification;

// Remembers that the copy at `path` was verified or extracted; first the archive itself, as
// vlmc_catalog_record does, when the catalog does not know it or knows another one there. `reader`
// may be NULL, for an archive that does not even open: then a copy that is known at `path` is
// meant, and nothing happens without one. A sound check of level DECODE, or an extraction of all
// files (level DECODE as well, then), counts as full verification from then on, until the file
// changes.
vlmc_status vlmc_catalog_record_verify(vlmc_catalog *catalog, const vlmc_reader *reader,
                                       const char *path, vlmc_catalog_names names,
                                       const vlmc_catalog_verification *verification,
                                       vlmc_error *error);

// ---- Asking ----

// Where a copy is. Pointers live until the visit returns.
typedef struct vlmc_catalog_location {
    const char *path;        // absolute; NULL: its volume is not here
    const char *volume;      // the volume's name for people: the given one, its label or its UUID
    const char *volume_path; // on the volume
    bool missing;            // a scan did not find it where it was
} vlmc_catalog_location;

// One copy of one archive. Pointers live until the visit returns.
typedef struct vlmc_catalog_copy {
    vlmc_catalog_location location;
    int64_t created;        // of the archive, seconds since 1970: the earliest time of its copies
    int64_t seen;           // last, by whatever command
    int64_t verified;       // in full, last; 0: never
    uint64_t file_bytes;    // of the copy
    uint64_t content_bytes; // of all files in it
    uint64_t n_entries;
    bool is_encrypted;
    bool has_names;              // the catalog knows its entries
    bool is_damaged;             // by the last check
    const uint8_t *root_digest;  // (32)
    const uint8_t *model_digest; // (32) of the first of its models, NULL: needs no model
    const char *model_name;      // NULL: needs no model
} vlmc_catalog_copy;

// A visit that fails ends the walk and its status is handed on.
typedef vlmc_status (*vlmc_catalog_copy_fn)(void *user, const vlmc_catalog_copy *copy,
                                            vlmc_error *error);

// All copies, by volume and path.
vlmc_status vlmc_catalog_list(vlmc_catalog *catalog, vlmc_catalog_copy_fn visit, void *user,
                              vlmc_error *error);

// The copies whose last full verification was before `before` (seconds since 1970), or never; those
// that waited longest first. Those on volumes that are not here are among them, missing ones not.
vlmc_status vlmc_catalog_due(vlmc_catalog *catalog, int64_t before, vlmc_catalog_copy_fn visit,
                             void *user, vlmc_error *error);

// One entry of one copy.
typedef struct vlmc_catalog_hit {
    vlmc_catalog_location archive;
    const char *path;
    vlmc_entry_type type;
    uint32_t mode;
    int64_t mtime_seconds;
    uint32_t mtime_ns;
    uint64_t size_bytes;
    const uint8_t *sha256; // (32), NULL for what has no content
} vlmc_catalog_hit;

typedef vlmc_status (*vlmc_catalog_hit_fn)(void *user, const vlmc_catalog_hit *hit,
                                           vlmc_error *error);

typedef enum vlmc_find_kind {
    VLMC_FIND_TEXT,  // paths that contain the pattern
    VLMC_FIND_GLOB,  // paths that match a shell pattern as a whole; "*" matches "/" as well
    VLMC_FIND_REGEX, // paths that contain a match of an extended regular expression (POSIX)
    VLMC_FIND_EXACT, // the path itself
    VLMC_FIND_HASH,  // content by SHA-256: 8 to 64 hexadecimal digits, the first of it
} vlmc_find_kind;

typedef struct vlmc_find_params {
    vlmc_find_kind kind;
    const char *pattern; // bytes, whatever the locale
    bool ignore_case;    // of the letters A to Z; not for EXACT and HASH
} vlmc_find_params;

// Entries by copy and path. VLMC_ERROR_USAGE for a pattern that is none.
vlmc_status vlmc_catalog_find(vlmc_catalog *catalog, const vlmc_find_params *params,
                              vlmc_catalog_hit_fn visit, void *user, vlmc_error *error);

// A content that several archives hold.
typedef struct vlmc_catalog_content {
    const uint8_t *sha256; // (32)
    uint64_t size_bytes;
    uint64_t n_archives;  // >= 2
    uint64_t n_entries;   // in all of them
    uint64_t extra_bytes; // size_bytes times the archives but one
    const char *path;     // of one of the entries
} vlmc_catalog_content;
typedef vlmc_status (*vlmc_catalog_content_fn)(void *user, const vlmc_catalog_content *content,
                                               vlmc_error *error);

// The `limit` contents with the most extra bytes, those first. Within one archive a content is held
// once, so what lies in one only is not among them.
vlmc_status vlmc_catalog_duplicates(vlmc_catalog *catalog, uint64_t limit,
                                    vlmc_catalog_content_fn visit, void *user, vlmc_error *error);

typedef struct vlmc_catalog_stats {
    uint64_t n_archives;
    uint64_t n_copies;
    uint64_t n_missing;       // of the copies
    uint64_t n_damaged;       // of the copies
    uint64_t n_unverified;    // of the copies: never verified in full as they are
    uint64_t n_without_names; // archives
    uint64_t n_volumes;
    uint64_t n_entries;
    uint64_t n_paths;    // different ones
    uint64_t n_contents; // different ones
    uint64_t n_models;
    uint64_t n_plugins;
    uint64_t content_bytes; // of all archives
    uint64_t unique_bytes;  // of all different contents
    uint64_t file_bytes;    // of all copies that are not missing
    uint64_t catalog_bytes;
} vlmc_catalog_stats;
vlmc_status vlmc_catalog_count(vlmc_catalog *catalog, vlmc_catalog_stats *stats, vlmc_error *error);

// A model that archives need.
typedef struct vlmc_catalog_model {
    const uint8_t *digest; // (32)
    const char *name;      // what archives call it
    uint64_t n_archives;
    uint64_t content_bytes; // of these
} vlmc_catalog_model;
typedef vlmc_status (*vlmc_catalog_model_fn)(void *user, const vlmc_catalog_model *model,
                                             vlmc_error *error);
vlmc_status vlmc_catalog_models(vlmc_catalog *catalog, vlmc_catalog_model_fn visit, void *user,
                                vlmc_error *error);

// The copies of archives that need the model with this digest (32).
vlmc_status vlmc_catalog_list_of_model(vlmc_catalog *catalog, const uint8_t *digest,
                                       vlmc_catalog_copy_fn visit, void *user, vlmc_error *error);

// ---- Volumes ----

typedef struct vlmc_catalog_volume {
    const char *identity;   // volume.h
    const char *name;       // given, or NULL
    const char *label;      // or NULL
    const char *filesystem; // or NULL
    const char *point;      // where it is mounted, or was last; NULL: the machine's own
    bool is_online;
    int64_t seen;
    uint64_t n_copies;
} vlmc_catalog_volume;
typedef vlmc_status (*vlmc_catalog_volume_fn)(void *user, const vlmc_catalog_volume *volume,
                                              vlmc_error *error);
vlmc_status vlmc_catalog_volumes(vlmc_catalog *catalog, vlmc_catalog_volume_fn visit, void *user,
                                 vlmc_error *error);

// Names a volume for people. `which` is an absolute path on it, or its name, label, UUID or
// identity. VLMC_ERROR_USAGE when that is none or several, or another volume has the name.
vlmc_status vlmc_catalog_name_volume(vlmc_catalog *catalog, const char *which, const char *name,
                                     vlmc_error *error);

// ---- Keeping ----

typedef enum vlmc_scan_event {
    VLMC_SCAN_KNOWN,      // as the catalog had it
    VLMC_SCAN_NEW,        // a copy that it did not know
    VLMC_SCAN_MOVED,      // a copy that was elsewhere
    VLMC_SCAN_REPLACED,   // another archive than the one that it knew there
    VLMC_SCAN_MISSING,    // no longer there
    VLMC_SCAN_UNREADABLE, // named as an archive, but it cannot be opened
    VLMC_SCAN_NO_FOLDER,  // a folder that cannot be read
} vlmc_scan_event;

typedef struct vlmc_scan_hit {
    vlmc_scan_event event;
    const char *path;
    const char *before;    // MOVED: where it was
    const vlmc_error *why; // UNREADABLE, NO_FOLDER
} vlmc_scan_hit;
typedef vlmc_status (*vlmc_scan_fn)(void *user, const vlmc_scan_hit *hit, vlmc_error *error);

// How many files the walk has seen so far, and how large they are; called for each.
typedef void (*vlmc_scan_looked_fn)(void *user, uint64_t n_files, uint64_t bytes);

typedef struct vlmc_scan_params {
    const char *folder;         // absolute, without symlinks
    bool all_files;             // look into every file, not only into those named *.vlmc
    bool again;                 // read archives that the catalog knows as well
    vlmc_scan_fn visit;         // may be NULL
    vlmc_scan_looked_fn looked; // may be NULL
    void *user;
} vlmc_scan_params;

// Looks for archives in a folder and all below it; symlinks are not followed. Each archive is
// recorded in a transaction of its own, so a scan that is stopped is not in vain.
vlmc_status vlmc_catalog_scan(vlmc_catalog *catalog, const vlmc_scan_params *params,
                              vlmc_error *error);

typedef struct vlmc_rebuild_params {
    const char *const *folders; // (n_folders) absolute, without symlinks: to be scanned as well
    size_t n_folders;
    bool all_files;             // as of a scan
    vlmc_scan_fn visit;         // may be NULL
    vlmc_scan_looked_fn looked; // may be NULL
    void *user;
} vlmc_rebuild_params;

// Makes the catalog again from the archives: those that it knows on volumes that are here, and
// those in the folders. What archives cannot say stays: verifications, names of volumes, and
// archives on volumes that are not here. A catalog that is damaged beyond use is put aside, and
// *aside, to be freed, says where; then verifications and names are taken over as far as they can
// be read. Else *aside is NULL.
vlmc_status vlmc_catalog_rebuild(const vlmc_catalog_params *params,
                                 const vlmc_rebuild_params *rebuild, char **aside,
                                 vlmc_error *error);

// Forgets the copies that `what` names, and archives without any copy: the absolute path of an
// archive; "[VOLUME] PATH" for one on a volume that is not here; at least 8 digits of a root
// digest.
//   *n: how many copies that were
vlmc_status vlmc_catalog_forget(vlmc_catalog *catalog, const char *what, uint64_t *n,
                                vlmc_error *error);

// The same for the copies that a scan did not find any more.
vlmc_status vlmc_catalog_forget_missing(vlmc_catalog *catalog, uint64_t *n, vlmc_error *error);

// SQLite's own integrity check, the foreign keys, and what the tables say of each other; the first
// fault is the error.
vlmc_status vlmc_catalog_check(vlmc_catalog *catalog, vlmc_error *error);

// Writes a copy of the catalog to the new file `path`, as it is at one moment. VLMC_ERROR_EXISTS
// when there is something.
vlmc_status vlmc_catalog_backup(vlmc_catalog *catalog, const char *path, vlmc_error *error);

#endif
