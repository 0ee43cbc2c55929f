// SPDX-License-Identifier: Apache-2.0
// What the golden archives hold. tests/golden/README.md says what they are for.
#ifndef VLMC_TESTS_GOLDEN_CONTENTS_H
#define VLMC_TESTS_GOLDEN_CONTENTS_H

#include "archive/archive.h"

#include <stddef.h>

#define GOLDEN_MODEL_SEED 20
#define GOLDEN_ENTRIES_MAX 6
#define GOLDEN_GROUPS_MAX 3
#define GOLDEN_ZEROS_BYTES 100000
#define GOLDEN_PASSPHRASE "golden \xc3\xbc passphrase"
#define GOLDEN_MASTER_BYTE 0x5A

typedef struct golden_entry {
    vlmc_entry entry;
    const char *content; // file in tests/golden/content; NULL: GOLDEN_ZEROS_BYTES zeros if
                         // `zeros`, else nothing
    bool zeros;
    uint32_t n_holes;
    vlmc_hole holes[3];
    uint64_t size_bytes; // with its holes, where there are any
} golden_entry;

typedef struct golden_archive {
    const char *name; // file in tests/golden
    bool model;       // written with tiny.gguf, and with the plugins of golden_open_plugins
    bool encrypted;   // with GOLDEN_PASSPHRASE and a master key of GOLDEN_MASTER_BYTE
    vlmc_group_method methods[GOLDEN_GROUPS_MAX]; // of its groups
    uint32_t n_groups;
    golden_entry entries[GOLDEN_ENTRIES_MAX];
    uint32_t n_entries;
} golden_archive;

// What GOLDEN_ARCHIVES name.
static const vlmc_xattr golden_xattrs[] = {
    {.name = "user.empty", .value = (const uint8_t *)"", .size = 0},
    {.name = "user.vlmc", .value = (const uint8_t *)"a\0\xff", .size = 3},
};
static const vlmc_attributes golden_owner = {
    .has_owner = true, .uid = 1000, .gid = 4294967294u, .user = "ann", .group = ""};
static const vlmc_attributes golden_all = {
    .has_owner = true,
    .user = "root",
    .group = "root",
    .acl_access = "user::rwx\nuser:ann:r-x:1000\ngroup::r-x\nmask::r-x\nother::r-x",
    .acl_default = "user::rwx\ngroup::r-x\nother::---",
    .xattrs = golden_xattrs,
    .n_xattrs = 2,
};

static const golden_archive golden_archives[] = {
    {
        .name = "v0-model.vlmc",
        .model = true,
        .methods = {VLMC_GROUP_MODEL},
        .n_groups = 1,
        .n_entries = 4,
        .entries =
            {
                {.entry = {.path = "said", .mode = 0644, .mtime_seconds = 1000000000},
                 .content = "said"},
                {.entry = {.path = "folder",
                           .type = VLMC_ENTRY_FOLDER,
                           .mode = 0755,
                           .mtime_seconds = 1,
                           .mtime_ns = 999999999}},
                {.entry = {.path = "folder/verse", .mode = 0600}, .content = "verse"},
                {.entry = {.path = "folder/empty", .mode = 0444, .mtime_seconds = -1}},
            },
    },
    {
        .name = "v0-stored.vlmc",
        .methods = {VLMC_GROUP_STORED},
        .n_groups = 1,
        .n_entries = 3,
        .entries =
            {
                {.entry = {.path = "noise", .mode = 04755}, .content = "noise"},
                {.entry =
                     {.path = "link", .type = VLMC_ENTRY_SYMLINK, .link = "noise", .mode = 0777}},
                {.entry = {.path = "\xc3\xbc\xff", .mode = 0}},
            },
    },
    {
        .name = "v0-zstd.vlmc",
        .methods = {VLMC_GROUP_ZSTD},
        .n_groups = 1,
        .n_entries = 1,
        .entries = {{.entry = {.path = "zeros", .mode = 0644}, .zeros = true}},
    },
    {
        // Tokens in a group of their own, plain bytes, and tokens of two files that share a group.
        .name = "v0-tokens.vlmc",
        .model = true,
        .methods = {VLMC_GROUP_MODEL, VLMC_GROUP_STORED, VLMC_GROUP_MODEL},
        .n_groups = 3,
        .n_entries = 3,
        .entries =
            {
                {.entry = {.path = "joined", .mode = 0644}, .content = "joined"},
                {.entry = {.path = "letters", .mode = 0644}, .content = "letters"},
                {.entry = {.path = "more/joined", .mode = 0644}, .content = "joined2"},
            },
    },
    {
        // Parts of one file in others, as tokens and as plain bytes; a whole file again. All of it
        // is noise, which no mixer packs.
        .name = "v0-copies.vlmc",
        .model = true,
        .methods = {VLMC_GROUP_STORED, VLMC_GROUP_STORED},
        .n_groups = 2,
        .n_entries = 4,
        .entries =
            {
                {.entry = {.path = "origin", .mode = 0644}, .content = "origin"},
                {.entry = {.path = "parts", .mode = 0644}, .content = "parts"},
                {.entry = {.path = "plain", .mode = 0644}, .content = "plain"},
                {.entry = {.path = "again", .mode = 0600}, .content = "origin"},
            },
    },
    {
        // Every kind of entry, and what an entry may have. The holes are before, in and behind the
        // data, and all there is.
        .name = "v0-whole.vlmc",
        .methods = {VLMC_GROUP_STORED},
        .n_groups = 1,
        .n_entries = 6,
        .entries =
            {
                {.entry = {.path = "all",
                           .type = VLMC_ENTRY_FOLDER,
                           .mode = 01777,
                           .mtime_seconds = INT64_MIN,
                           .attributes = &golden_all}},
                {.entry = {.path = "all/first",
                           .mode = 0640,
                           .mtime_seconds = INT64_MAX,
                           .attributes = &golden_owner},
                 .content = "noise"},
                {.entry = {.path = "all/hard", .type = VLMC_ENTRY_HARD_LINK, .target = 1}},
                {.entry = {.path = "all/hole", .mode = 0640, .attributes = &golden_owner},
                 .n_holes = 1,
                 .holes = {{0, 3000000}},
                 .size_bytes = 3000000},
                {.entry = {.path = "all/sparse", .mode = 0644},
                 .content = "noise",
                 .n_holes = 3,
                 .holes = {{0, 4096}, {5096, 65536}, {72632, 8}},
                 .size_bytes = 72640},
                {.entry = {.path = "link",
                           .type = VLMC_ENTRY_SYMLINK,
                           .link = "all/first",
                           .mode = 0777,
                           .attributes = &golden_owner}},
            },
    },
    {
        .name = "v0-sealed.vlmc",
        .encrypted = true,
        .methods = {VLMC_GROUP_STORED},
        .n_groups = 1,
        .n_entries = 3,
        .entries =
            {
                {.entry = {.path = "secret", .type = VLMC_ENTRY_FOLDER, .mode = 0700}},
                {.entry = {.path = "secret/link",
                           .type = VLMC_ENTRY_SYMLINK,
                           .link = "noise",
                           .mode = 0777}},
                {.entry = {.path = "secret/noise", .mode = 0600}, .content = "noise"},
            },
    },
};

#define GOLDEN_ARCHIVES (sizeof golden_archives / sizeof *golden_archives)

#endif
