// SPDX-License-Identifier: Apache-2.0
// Archives: writing, opening, reading and verifying (docs/format.md).
//
// The content of all files is one sequence of bytes, cut into groups; a group decodes
// alone. Writer and reader are used by one thread at a time.
#ifndef VLMC_ARCHIVE_ARCHIVE_H
#define VLMC_ARCHIVE_ARCHIVE_H

#include "codec/method.h"
#include "model/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef enum vlmc_entry_type {
    VLMC_ENTRY_FILE = 0,
    VLMC_ENTRY_FOLDER = 1,
    VLMC_ENTRY_SYMLINK = 2,
} vlmc_entry_type;

// What an archive knows of one path. Strings are owned by whoever filled the struct.
typedef struct vlmc_entry {
    const char *path; // relative, '/'-separated bytes without NUL, no "." or ".." parts
    const char *link; // symlink target, NULL for others
    vlmc_entry_type type;
    uint32_t mode;         // permission bits, 07777
    int64_t mtime_seconds; // since 1970
    uint32_t mtime_ns;     // 0..999999999
    uint64_t size_bytes;   // content; 0 for folders and links
    uint64_t offset_bytes; // where the content starts in the archive's sequence
    uint8_t sha256[32];    // of the content; zero for folders and links
} vlmc_entry;

typedef struct vlmc_group_info {
    uint64_t archive_offset; // of the group's header in the archive
    uint32_t method;         // enum vlmc_group_method
    uint32_t raw_bytes;
    uint32_t packed_bytes;
    uint32_t streams; // MODEL: lock-step width, others 0
} vlmc_group_info;

// Called now and then from the calling thread; return false to stop with
// VLMC_ERROR_INTERRUPTED. Bytes are raw content.
typedef bool (*vlmc_progress_fn)(void *user, uint64_t bytes_done, uint64_t packed_bytes);

// ---- Engines on demand ----

// Where the archive code gets an engine when a group first needs one, so that archives
// without model groups never load a model. `digest` is NULL while writing (the default
// model is wanted); otherwise the identity that the archive names.
//
// The engine belongs to the writer or reader from then on, which destroys it; what it
// borrows (the model) stays with the source and must outlive the writer or reader. `open` is
// never called from vlmc_reader_open or vlmc_writer_create: so `user` can hold the reader, whose
// info knows the model's name for messages.
//
// An engine that fails with VLMC_ERROR_DEVICE in the middle of a group is destroyed; then `lost`
// (may be NULL: no) says whether another `open` is worth it, on whatever device. If so, the group
// is done again from its start: every device gives the same bits. Otherwise the failure stands.
typedef struct vlmc_engine_source {
    vlmc_status (*open)(void *user, const uint8_t *digest, uint32_t max_streams, uint32_t max_steps,
                        vlmc_engine **engine, vlmc_error *error);
    void *user;
    bool (*lost)(void *user, const vlmc_error *error);
} vlmc_engine_source;

// ---- Writing ----

typedef struct vlmc_writer vlmc_writer;

typedef struct vlmc_writer_params {
    const char *path;          // final name, or NULL to write to `fd`
    int fd;                    // used when path is NULL; not closed
    bool replace;              // an existing `path` may be replaced
    vlmc_engine_source engine; // open == NULL: no model, zstd and stored only
    vlmc_progress_fn progress; // may be NULL
    void *progress_user;
} vlmc_writer_params;

// Writes to a temporary name beside `path`; nothing appears under `path` before finish.
// VLMC_ERROR_EXISTS when it is there and `replace` is not set.
vlmc_status vlmc_writer_create(const vlmc_writer_params *params, vlmc_writer **writer,
                               vlmc_error *error);

// Fills up to `capacity` bytes; *got == 0 at the end.
typedef vlmc_status (*vlmc_read_fn)(void *user, void *buffer, size_t capacity, size_t *got,
                                    vlmc_error *error);

// Adds one entry. path, link, type, mode and mtime are taken from `entry`; size, offset and
// digest are found while `read` is drained (files only, else NULL). VLMC_ERROR_REFUSED for a
// path or link that an archive cannot hold. After that, and when `read` fails (its status is
// handed on), the entry is left out and the writer goes on; after any other failure only
// vlmc_writer_destroy is of use.
vlmc_status vlmc_writer_add(vlmc_writer *writer, const vlmc_entry *entry, vlmc_read_fn read,
                            void *user, vlmc_error *error);

// Writes what is pending, the index and the footer, syncs, renames, syncs the folder. Once.
vlmc_status vlmc_writer_finish(vlmc_writer *writer, uint64_t *archive_bytes, vlmc_error *error);

// Without a successful finish this removes the temporary file. Accepts NULL.
void vlmc_writer_destroy(vlmc_writer **writer);

// ---- Reading ----

typedef struct vlmc_reader vlmc_reader;

// Opens and checks header, index and footer; content is not read yet.
vlmc_status vlmc_reader_open(const char *path, const vlmc_engine_source *engine,
                             vlmc_reader **reader, vlmc_error *error);

// The same for an archive whose path says nothing to the user; messages call it `name`.
vlmc_status vlmc_reader_open_as(const char *path, const char *name,
                                const vlmc_engine_source *engine, vlmc_reader **reader,
                                vlmc_error *error);
void vlmc_reader_destroy(vlmc_reader **reader);

typedef struct vlmc_archive_info {
    uint32_t format_version;
    uint32_t numerics_version;
    uint64_t archive_bytes;
    uint64_t content_bytes;
    uint32_t n_entries;
    uint32_t n_groups;
    bool has_model; // any MODEL group
    uint8_t model_digest[32];
    char model_name[64];
    uint8_t root_digest[32]; // SHA-256 over the index: the identity of the archive
} vlmc_archive_info;

// Pointers stay valid until the reader is destroyed.
const vlmc_archive_info *vlmc_reader_info(const vlmc_reader *reader);
const vlmc_entry *vlmc_reader_entry(const vlmc_reader *reader, uint32_t index);
const vlmc_group_info *vlmc_reader_group(const vlmc_reader *reader, uint32_t index);

// Bytes of the archive that an entry's content takes, shared groups prorated.
uint64_t vlmc_reader_packed_bytes(const vlmc_reader *reader, uint32_t entry);

// Receives content in order. An error stops the read and is handed on.
typedef vlmc_status (*vlmc_write_fn)(void *user, const void *bytes, size_t size, vlmc_error *error);

// Decodes the groups that entry `index` touches (the last decoded group is kept, so
// reading entries in order decodes each group once) and checks its SHA-256.
// VLMC_ERROR_DAMAGED names the entry; other entries can still be read.
vlmc_status vlmc_reader_read(vlmc_reader *reader, uint32_t index, vlmc_write_fn write, void *user,
                             vlmc_error *error);

// Decodes one group and checks it, for a check of all of an archive. vlmc_reader_read does
// the same for what it needs.
vlmc_status vlmc_reader_check_group(vlmc_reader *reader, uint32_t index, vlmc_error *error);

// Progress of vlmc_reader_read, over all calls. May be NULL.
void vlmc_reader_set_progress(vlmc_reader *reader, vlmc_progress_fn progress, void *user);

#endif
