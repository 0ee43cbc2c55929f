// SPDX-License-Identifier: Apache-2.0
// Archives: writing, opening, reading and verifying (docs/format.md).
//
// A file is a list of segments: plain bytes, or what a plugin turned into tokens. The bytes of
// all files, and the tokens of each tokenizer, are sequences that are cut into groups; a group
// decodes alone. Writer and reader are used by one thread at a time.
#ifndef VLMC_ARCHIVE_ARCHIVE_H
#define VLMC_ARCHIVE_ARCHIVE_H

#include "codec/level.h"
#include "codec/method.h"
#include "model/engine.h"
#include "plugin/worker.h"
#include "seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef enum vlmc_entry_type {
    VLMC_ENTRY_FILE = 0,
    VLMC_ENTRY_FOLDER = 1,
    VLMC_ENTRY_SYMLINK = 2,
    VLMC_ENTRY_HARD_LINK = 3, // another name of a file that comes earlier in the archive
} vlmc_entry_type;

#define VLMC_XATTRS_MAX 65536u         // of a set of attributes
#define VLMC_XATTR_NAME_BYTES_MAX 255u // as Linux has it
#define VLMC_XATTR_BYTES_MAX 65536u    // of a value
#define VLMC_OWNER_BYTES_MAX 255u      // of the name of a user or group
#define VLMC_ACL_BYTES_MAX 65535u      // of a list as text

typedef struct vlmc_xattr {
    const char *name;     // 1..255 bytes
    const uint8_t *value; // (size)
    uint32_t size;
} vlmc_xattr;

// What an archive knows of a path besides mode and time. Whoever fills the struct owns what it
// points to.
typedef struct vlmc_attributes {
    bool has_owner; // the next four
    uint32_t uid;
    uint32_t gid;
    const char *user;  // name; "" or NULL: it has none
    const char *group; // the same
    // POSIX access control lists as text, NULL: there is none beside the mode.
    const char *acl_access;
    const char *acl_default;  // of a folder: what is made in it gets this one
    const vlmc_xattr *xattrs; // (n_xattrs) in ascending order of their names
    uint32_t n_xattrs;
} vlmc_attributes;

// What an archive knows of one path. Strings are owned by whoever filled the struct.
typedef struct vlmc_entry {
    const char *path; // relative, '/'-separated bytes without NUL, no "." or ".." parts
    const char *link; // symlink target; read from an archive, a hard link has here the path of its
                      // file; NULL for others
    vlmc_entry_type type;
    uint32_t mode;                     // permission bits, 07777
    int64_t mtime_seconds;             // since 1970
    uint32_t mtime_ns;                 // 0..999999999
    uint32_t target;                   // HARD_LINK: number of its file's entry, from 0
    const vlmc_attributes *attributes; // NULL: none are known
    uint64_t size_bytes;               // content, holes included; 0 for others than files
    // The rest is found by the writer.
    uint64_t data_bytes;     // of the content, that are in no hole
    uint64_t first_token;    // where they start in the sequence of plain bytes, when they are one
                             // stretch of them; else 0
    const uint8_t *segments; // the list of segments in the index, else NULL
    const uint8_t *holes;    // where the holes are, in the index; NULL: there is none
    bool has_margins;        // of the list: its segments say them
    uint8_t sha256[32];      // of the content, holes as zeros; zero for others than files
} vlmc_entry;

// A stretch of a file that holds nothing on disk, and reads as zeros.
typedef struct vlmc_hole {
    uint64_t offset;
    uint64_t bytes; // >= 1
} vlmc_hole;

// A stretch of a file's content.
typedef struct vlmc_segment_info {
    uint32_t tokenizer;   // number of the archive's tokenizer, from 1; 0: plain bytes
    uint64_t first_token; // in the sequence of that tokenizer, or of the plain bytes
    uint64_t n_tokens;    // >= 1; plain bytes: as many as bytes
    uint64_t n_bytes;     // of the file, >= 1
    // Bytes that the tokens make before and after those of the file; 0 for plain bytes.
    uint64_t before;
    uint64_t after;
} vlmc_segment_info;

typedef struct vlmc_group_info {
    uint64_t archive_offset; // of the group's header in the archive
    uint32_t method;         // enum vlmc_group_method
    uint32_t raw_bytes;      // tokens are bytes
    uint32_t packed_bytes;   // of which tag_bytes say what follows here
    uint32_t tag_bytes;
    uint32_t streams;     // MODEL: lock-step width, others 0
    uint32_t model;       // MODEL: number of the archive's model, from 1, or 0: the mixer alone
    uint32_t tokenizer;   // number of the archive's tokenizer, from 1; 0: plain bytes
    uint64_t first_token; // of the group, counted from its segment's start
} vlmc_group_info;

// Called now and then from the calling thread; return false to stop with
// VLMC_ERROR_INTERRUPTED. Bytes are of files.
typedef bool (*vlmc_progress_fn)(void *user, uint64_t bytes_done, uint64_t packed_bytes);

// ---- Engines on demand ----

// Where the archive code gets models and engines when a group first needs them, so that archives
// without model groups never load a model. Models stay with the source and must outlive the writer
// or reader. Nothing is called from vlmc_reader_open or vlmc_writer_create. A writer calls `open`
// and `lost` from threads of its own, one at a time, while its owner's thread may be in `choose`.
typedef struct vlmc_engine_source {
    // Writing: the model for the tokens of `tokenizer`, or for plain bytes when that is NULL.
    // *model NULL: none, the mixer codes them alone.
    vlmc_status (*choose)(void *user, const vlmc_tokenizer *tokenizer, const vlmc_model **model,
                          vlmc_error *error);

    // Reading: the model with the identity that an archive names; `name` is for messages.
    vlmc_status (*find)(void *user, const uint8_t *digest, const char *name,
                        const vlmc_model **model, vlmc_error *error);

    // An engine for such a model, or with NULL for the one for plain bytes. It belongs to the
    // writer or reader from then on, which destroys it; at most VLMC_ENGINES_MAX are alive for each
    // group that is packed at a time, twice as many for one that is decoded.
    vlmc_status (*open)(void *user, const vlmc_model *model, uint32_t max_streams,
                        uint32_t max_steps, vlmc_engine **engine, vlmc_error *error);
    void *user;

    // An engine that fails with VLMC_ERROR_DEVICE in the middle of a group is destroyed; then
    // `lost` (may be NULL: no) says whether another `open` is worth it, on whatever device. If so,
    // the group is done again from its start: every device gives the same bits. Otherwise the
    // failure stands.
    bool (*lost)(void *user, const vlmc_error *error);
} vlmc_engine_source;

#define VLMC_ENGINES_MAX 2u

// ---- Writing ----

typedef struct vlmc_writer vlmc_writer;

// What plugins do for a writer. Functions may be NULL.
typedef struct vlmc_writer_plugins {
    vlmc_worker *worker; // outlives the writer; NULL: every file is plain bytes

    // Something that a plugin claimed is plain bytes after all, or lacks its contexts: a sentence
    // about the file `path`, at most once for each.
    void (*notice)(void *user, const char *path, const char *text);

    // A stretch of the file `path` was turned into tokens.
    void (*coded)(void *user, const char *path, const vlmc_tokenizer *tokenizer, uint64_t bytes);
    void *user;
} vlmc_writer_plugins;

// Fills up to `capacity` bytes; *got == 0 at the end.
typedef vlmc_status (*vlmc_read_fn)(void *user, void *buffer, size_t capacity, size_t *got,
                                    vlmc_error *error);

// A file that will be added.
typedef struct vlmc_coming_file {
    uint64_t number; // of its content source
    const char *path;
    vlmc_read_fn read;
    void *user;
    uint64_t size_bytes;
} vlmc_coming_file;

// Where threads of a writer that would have nothing to do while a segment is packed find work of
// later ones: those of the file that is being added, and of files that will be. What is found there
// and then comes as it was is packed already; the archive is the same in any case.
typedef struct vlmc_writer_coming {
    vlmc_worker *worker; // another one than the writer's, outlives it; NULL: nobody looks ahead

    // The first file that has a number of at least `least` and was not given yet; false: there is
    // none, or it is too far away. What was given before is not read any more. Called by the
    // writer's thread while a file is being added.
    bool (*next)(void *user, uint64_t least, vlmc_coming_file *file);
    void *user;
} vlmc_writer_coming;

typedef struct vlmc_writer_params {
    const char *path;      // final name, or NULL to write to `fd`
    int fd;                // used when path is NULL; not closed
    bool replace;          // an existing `path` may be replaced
    const vlmc_seal *seal; // encrypts the archive, outlives the writer; NULL: it is not
    // Where the archive lies until it is complete, in the folder of `path`, and a journal beside
    // it; NULL: under a name that nobody uses. With them an interruption costs the groups in work:
    // both stay, and a writer with the same names takes over what it would pack the same. A
    // progress function that wants to stop is obeyed when those are done. Only for `path`.
    // Of an encrypted archive both are encrypted with its seal, and nothing is taken over from a
    // run with another one: seal_file.h.
    const char *partial;
    const char *journal;
    vlmc_engine_source engine; // open == NULL: no model and no mixer, zstd and stored only
    vlmc_writer_plugins plugins;
    vlmc_writer_coming coming; // of use where several groups are packed at once
    const vlmc_level *level;   // NULL: the default
    uint32_t group_bytes;      // tokens that a group has at most, 2^16..2^26: larger groups learn
                               // more, and are more to decode for a single file; 0: 2^20
    uint32_t groups_at_once;   // that are packed side by side, by as many threads, each with the
                               // memory of the level's mixer; the archive is the same; 0: 1
    uint32_t models_at_once;   // of these, with a model; 0: all
    uint64_t beside_bytes; // memory of a further mixer for each of those with a model, which has
                           // then another thread beside it; 0: none; the archive is the same
    uint32_t recovery_percent; // recovery data behind the archive, for `path` only; 0: none
    vlmc_progress_fn progress; // may be NULL
    void *progress_user;
} vlmc_writer_params;

// Writes to a temporary name beside `path`; nothing appears under `path` before finish.
// VLMC_ERROR_EXISTS when it is there and `replace` is not set, VLMC_ERROR_REFUSED when another
// process has the partial file.
vlmc_status vlmc_writer_create(const vlmc_writer_params *params, vlmc_writer **writer,
                               vlmc_error *error);

// Adds one entry. path, link, type, mode, mtime, target and attributes are taken from `entry`;
// size, segments and digest are found while `read` is drained (files only, else NULL). A hard link
// takes mode, time and attributes from its file. VLMC_ERROR_REFUSED for a path, link or attribute
// that an archive cannot hold. After that, and when `read` fails (its status is handed on), the
// entry is left out and the writer goes on; after any other failure only vlmc_writer_destroy is of
// use.
vlmc_status vlmc_writer_add(vlmc_writer *writer, const vlmc_entry *entry, vlmc_read_fn read,
                            void *user, vlmc_error *error);

// The content of a file that may be read twice. With `rewind` the writer reads a file first that
// has the size of an earlier one: where it is the same, no plugin and no model sees it again.
typedef struct vlmc_content_source {
    vlmc_read_fn read;
    vlmc_status (*rewind)(void *user, vlmc_error *error); // to the first byte; NULL: cannot
    uint64_t size_bytes; // that the content is expected to have; looked at with `rewind` only
    void *user;
    // Of a sparse file: `read` gives what lies in no hole, size_bytes less their sum; anything else
    // leaves the file out with VLMC_ERROR_IO. size_bytes is exact then.
    const vlmc_hole *holes; // (n_holes), ascending, not side by side
    uint32_t n_holes;
    uint64_t number; // of the file among those that come, growing; looked at with `coming` only
} vlmc_content_source;

// vlmc_writer_add for a file.
vlmc_status vlmc_writer_add_file(vlmc_writer *writer, const vlmc_entry *entry,
                                 const vlmc_content_source *content, vlmc_error *error);

// Entries that have been added: the number, from 0, of the next one.
uint32_t vlmc_writer_n_entries(const vlmc_writer *writer);

// Writes what is pending, the index and the footer, syncs, renames, syncs the folder. Once.
vlmc_status vlmc_writer_finish(vlmc_writer *writer, uint64_t *archive_bytes, vlmc_error *error);

// How far a writer with a partial file is.
typedef struct vlmc_writer_progress {
    uint32_t kept;  // results of packing in the journal: 0, and there is nothing to go on with
    uint32_t taken; // groups that were taken over from an earlier run
} vlmc_writer_progress;

vlmc_writer_progress vlmc_writer_state(const vlmc_writer *writer);

// Without a successful finish this removes the temporary file; a partial one and its journal stay,
// and what they hold is on disk. Accepts NULL.
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

// The passphrase of the archive that messages call `name`. `attempt` counts from 0: those before
// were wrong. *passphrase is borrowed until the next call. VLMC_ERROR_PASSPHRASE, with a sentence
// that says what to do: there is none, or no other one.
typedef vlmc_status (*vlmc_passphrase_fn)(void *user, const char *name, uint32_t attempt,
                                          const vlmc_secret **passphrase, vlmc_error *error);

typedef struct vlmc_reader_params {
    const char *path;
    const char *name;                 // what messages call it; NULL: path
    const vlmc_engine_source *engine; // NULL: none
    vlmc_passphrase_fn passphrase;    // called for an encrypted archive; NULL: there is none
    void *passphrase_user;
    // Without a passphrase an encrypted archive is opened all the same, and shows what everybody
    // may know of it: it is `locked` and seems to have neither entries nor groups. Else that is
    // VLMC_ERROR_PASSPHRASE.
    bool may_be_locked;
} vlmc_reader_params;

// vlmc_reader_open with all that there is.
vlmc_status vlmc_reader_open_with(const vlmc_reader_params *params, vlmc_reader **reader,
                                  vlmc_error *error);

typedef struct vlmc_archive_info {
    uint32_t format_version;
    uint32_t numerics_version;
    uint64_t archive_bytes;   // of the file, recovery data included
    uint64_t recovery_bytes;  // of recovery data; 0: there are none
    bool recovery_damaged;    // they do not end the file as they should
    uint32_t shards;          // of archive and recovery data (docs/format.md); 0: there are none
    uint32_t spare_shards;    // whichever so many are damaged, they can be mended
    uint64_t shard_bytes;     // of one of the archive's
    uint64_t content_bytes;   // of all files; UINT64_MAX when that is more
    uint64_t duplicate_bytes; // of these, what an earlier file, or the same one, has as well
    uint32_t n_entries;
    uint32_t n_groups;
    uint32_t n_models;
    uint32_t n_tokenizers;
    bool encrypted;
    bool locked;    // encrypted and opened without its passphrase: most of this is 0
    bool has_model; // any at all; the first one's identity:
    uint8_t model_digest[32];
    char model_name[64];
    // The identity of the archive: SHA-256 of the raw index, or of the payload of its SEALED record
    // where the archive is encrypted.
    uint8_t root_digest[32];
} vlmc_archive_info;

typedef struct vlmc_model_info {
    const char *name;
    const uint8_t *digest; // (32)
} vlmc_model_info;

typedef struct vlmc_tokenizer_info {
    const char *id;
    uint32_t version;
} vlmc_tokenizer_info;

// Pointers stay valid until the reader is destroyed. NULL or zeros for an index that is not there;
// models and tokenizers count from 1.
const vlmc_archive_info *vlmc_reader_info(const vlmc_reader *reader);
const vlmc_entry *vlmc_reader_entry(const vlmc_reader *reader, uint32_t index);
const vlmc_group_info *vlmc_reader_group(const vlmc_reader *reader, uint32_t index);
vlmc_model_info vlmc_reader_model(const vlmc_reader *reader, uint32_t number);
vlmc_tokenizer_info vlmc_reader_tokenizer(const vlmc_reader *reader, uint32_t number);

// The segments of an entry, in order. False from the visit ends it.
typedef bool (*vlmc_segment_fn)(void *user, const vlmc_segment_info *segment);
void vlmc_reader_segments(const vlmc_reader *reader, uint32_t entry, vlmc_segment_fn visit,
                          void *user);

// Where tokenizers come from and where they decode; both outlive the reader. Without them only what
// is plain bytes can be read.
void vlmc_reader_set_plugins(vlmc_reader *reader, vlmc_plugins *plugins, vlmc_worker *worker);

// Groups of entries that are announced are decoded before they are needed, up to `groups_at_once`
// side by side on threads of the reader, each with its mixer's memory, and together with no more
// than memory_bytes unless one alone has more. The engine source's `open` is called from these
// threads, one at a time. Below 2: none, as without this call.
vlmc_status vlmc_reader_set_ahead(vlmc_reader *reader, uint32_t groups_at_once,
                                  uint64_t memory_bytes, vlmc_error *error);

// An entry's content will be read, after that of those that were announced before. No promise:
// others may be read, and in another order.
vlmc_status vlmc_reader_announce(vlmc_reader *reader, uint32_t entry, vlmc_error *error);

// Where decoded groups go that later files need again and memory has no room for: `open_file` gives
// an empty file to read and write, which the reader closes, or -1. It is called when first needed,
// at most once. Without it such groups are decoded again. Of an encrypted archive the file gets
// what only this process can decrypt.
void vlmc_reader_set_spool(vlmc_reader *reader, int (*open_file)(void *user), void *user);

// Bytes of the archive that an entry's content takes, shared groups prorated.
uint64_t vlmc_reader_packed_bytes(const vlmc_reader *reader, uint32_t entry);

// Receives content in order. An error stops the read and is handed on.
typedef vlmc_status (*vlmc_write_fn)(void *user, const void *bytes, size_t size, vlmc_error *error);

// The same for a hole, or a part of one: the next `bytes` bytes are zeros that the file did not
// hold.
typedef vlmc_status (*vlmc_hole_fn)(void *user, uint64_t bytes, vlmc_error *error);

// Decodes the groups that entry `index` touches (those that later entries need as well are kept, so
// reading entries in order decodes each group once) and checks its SHA-256.
// VLMC_ERROR_DAMAGED and VLMC_ERROR_PLUGIN name the entry. After them, and after
// VLMC_ERROR_MODEL_MISSING and VLMC_ERROR_PLUGIN_MISSING, whose sentence is the same for all that
// lack the same thing, other entries can still be read; without what is missing no byte of an
// entry is handed out. Holes are written as zeros. A hard link has the content of its file.
vlmc_status vlmc_reader_read(vlmc_reader *reader, uint32_t index, vlmc_write_fn write, void *user,
                             vlmc_error *error);

// The same, with holes for those who keep them.
vlmc_status vlmc_reader_read_sparse(vlmc_reader *reader, uint32_t index, vlmc_write_fn write,
                                    vlmc_hole_fn hole, void *user, vlmc_error *error);

// Decodes one group and checks it, for a check of all of an archive. vlmc_reader_read does
// the same for what it needs.
vlmc_status vlmc_reader_check_group(vlmc_reader *reader, uint32_t index, vlmc_error *error);

// Blocks are the groups, and after them the tokenizers; n_groups + n_tokenizers in all. Of a locked
// archive they are its sealed records, in their order. VLMC_ERROR_DAMAGED: nobody can say any more
// where they are.
vlmc_status vlmc_reader_count_blocks(vlmc_reader *reader, uint32_t *n, vlmc_error *error);

// Checks a block without decoding it: that it is what was written. Of a locked archive that means
// damage; who changes it on purpose is found out with the passphrase only.
vlmc_status vlmc_reader_check_block(vlmc_reader *reader, uint32_t block, vlmc_error *error);

// Does an entry need one of the blocks that are marked? bad // (n_groups + n_tokenizers)
bool vlmc_reader_needs_block(const vlmc_reader *reader, uint32_t entry, const bool *bad);

// Progress of vlmc_reader_read, over all calls. May be NULL.
void vlmc_reader_set_progress(vlmc_reader *reader, vlmc_progress_fn progress, void *user);

#endif
