// SPDX-License-Identifier: Apache-2.0
// Volumes: which file system a path lies on, by a name that stays when it is mounted elsewhere.
//
// A volume's identity is "uuid:" and the file system's UUID, "net:" and the server's name for it,
// "zfs:" and the dataset, or, for what has none of its own (memory, overlays), "host:" and the
// machine's id. Below one of the latter kind a path is what it is for this machine; below the
// others it begins at the root of the file system, so that it does not change with the mount point.
#ifndef VLMC_CATALOG_VOLUME_H
#define VLMC_CATALOG_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <vlmc/status.h>

typedef struct vlmc_mount {
    char *point;      // where it is mounted
    char *root;       // which folder of the file system is seen there
    char *filesystem; // "ext4"
    char *source;     // "/dev/sda1", "server:/export"
    char *identity;   // of its volume, NULL: the machine's own
    char *label;      // of the file system, or NULL
    bool is_network;  // where locks of files cannot be trusted
} vlmc_mount;

typedef struct vlmc_mounts {
    vlmc_mount *mounts; // (n), in the order of mounting
    size_t n;
    char *host; // identity of the machine
} vlmc_mounts;

// Looks at what is mounted now. `system` stands before /proc, /dev and /etc, "" for the machine
// itself. What cannot be read is taken for empty; the only error is VLMC_ERROR_MEMORY.
vlmc_status vlmc_mounts_read(const char *system, vlmc_mounts **mounts, vlmc_error *error);
void vlmc_mounts_destroy(vlmc_mounts **mounts);

// The mount that the absolute path lies on, or NULL.
const vlmc_mount *vlmc_mounts_of(const vlmc_mounts *mounts, const char *path);

// A path by its volume. Strings but `path` belong to the mounts.
typedef struct vlmc_place {
    const char *identity;
    const char *label;      // or NULL
    const char *filesystem; // or NULL
    const char *point;      // where it is mounted now; NULL: the machine's own
    char *path;             // on the volume; owned by whoever asked, free()
} vlmc_place;

vlmc_status vlmc_mounts_place(const vlmc_mounts *mounts, const char *path, vlmc_place *place,
                              vlmc_error *error);

// The other way: where `path` of a volume is now, to be freed; *absolute NULL: nowhere, the volume
// is not mounted. An error is VLMC_ERROR_MEMORY.
vlmc_status vlmc_mounts_locate(const vlmc_mounts *mounts, const char *identity, const char *path,
                               char **absolute, vlmc_error *error);

#endif
