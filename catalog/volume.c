// SPDX-License-Identifier: Apache-2.0
// proc(5) has the format of mountinfo; udev keeps the links by UUID and by label.
#include "volume.h"

#include "volume_links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELDS_MAX 64

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the list of volumes");
}

// "\040" is a space: octal numbers stand for what would end a field.
static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
            p[3] >= '0' && p[3] <= '7') {
            *to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
            p += 3;
        } else {
            *to++ = *p;
        }
    }
    *to = 0;
}

static bool is_network(const char *filesystem)
{
    static const char *const names[] = {
        "nfs",       "nfs4",       "cifs",       "smb3",           "smbfs",     "ncpfs",
        "afs",       "ceph",       "glusterfs",  "lustre",         "9p",        "davfs",
        "fuse.ceph", "fuse.sshfs", "fuse.davfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(filesystem, names[i]) == 0)
            return true;
    return false;
}

static vlmc_status identify(vlmc_mount *mount, const vlmc_volume_links *links, vlmc_error *error)
{
    const char *kind = NULL, *name = NULL;
    char *uuid = NULL, *label = NULL;
    mount->is_network = is_network(mount->filesystem);
    if (mount->is_network) {
        kind = "net", name = mount->source;
    } else if (strcmp(mount->filesystem, "zfs") == 0) {
        kind = "zfs", name = mount->source;
    } else if (mount->source[0] == '/') {
        VLMC_TRY(vlmc_volume_links_find(links, mount->source, &uuid, &label, error));
        kind = uuid ? "uuid" : NULL, name = uuid;
    }
    const int size = kind ? asprintf(&mount->identity, "%s:%s", kind, name) : 0;
    mount->label = label;
    free(uuid);
    if (size < 0) {
        mount->identity = NULL;
        return no_memory(error);
    }
    return VLMC_OK;
}

// ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL…] - FILESYSTEM SOURCE OPTIONS
static bool parse_line(char *line, vlmc_mount *mount)
{
    char *fields[FIELDS_MAX], *rest = line;
    size_t n = 0, dash = 0;
    while (n < FIELDS_MAX && (fields[n] = strsep(&rest, " \n"))) {
        if (!dash && n >= 6 && strcmp(fields[n], "-") == 0)
            dash = n;
        n++;
    }
    if (!dash || dash + 2 >= n)
        return false;
    char *parts[] = {fields[3], fields[4], fields[dash + 1], fields[dash + 2]};
    for (size_t i = 0; i < 4; i++)
        unescape(parts[i]);
    if (parts[1][0] != '/')
        return false;
    mount->root = strdup(parts[0]);
    mount->point = strdup(parts[1]);
    mount->filesystem = strdup(parts[2]);
    mount->source = strdup(parts[3]);
    return true;
}

static void clear_mount(vlmc_mount *mount)
{
    free(mount->point);
    free(mount->root);
    free(mount->filesystem);
    free(mount->source);
    free(mount->identity);
    free(mount->label);
}

static vlmc_status add_line(vlmc_mounts *mounts, char *line, const vlmc_volume_links *links,
                            vlmc_error *error)
{
    vlmc_mount mount = {0};
    if (!parse_line(line, &mount))
        return VLMC_OK;
    vlmc_status status = VLMC_OK;
    if (!mount.point || !mount.root || !mount.filesystem || !mount.source)
        status = no_memory(error);
    if (status == VLMC_OK)
        status = identify(&mount, links, error);
    vlmc_mount *more = NULL;
    if (status == VLMC_OK &&
        !(more = reallocarray(mounts->mounts, mounts->n + 1, sizeof *mounts->mounts)))
        status = no_memory(error);
    if (status != VLMC_OK) {
        clear_mount(&mount);
        return status;
    }
    mounts->mounts = more;
    mounts->mounts[mounts->n++] = mount;
    return VLMC_OK;
}

static vlmc_status read_mounts(vlmc_mounts *mounts, const char *system, vlmc_error *error)
{
    char *path = NULL, *line = NULL;
    size_t capacity = 0;
    vlmc_volume_links *links = NULL;
    vlmc_status status = VLMC_OK;
    if (asprintf(&path, "%s/proc/self/mountinfo", system) < 0)
        return no_memory(error);
    FILE *file = fopen(path, "re");
    free(path);
    if (!file)
        return VLMC_OK;
    status = vlmc_volume_links_read(system, &links, error);
    while (status == VLMC_OK && getline(&line, &capacity, file) > 0)
        status = add_line(mounts, line, links, error);
    vlmc_volume_links_destroy(&links);
    free(line);
    fclose(file);
    return status;
}

// The machine's id, else its name.
static vlmc_status read_host(vlmc_mounts *mounts, const char *system, vlmc_error *error)
{
    char *path = NULL, text[256] = "";
    if (asprintf(&path, "%s/etc/machine-id", system) < 0)
        return no_memory(error);
    FILE *file = fopen(path, "re");
    free(path);
    if (file) {
        if (fgets(text, sizeof text, file))
            text[strcspn(text, "\n")] = 0;
        fclose(file);
    }
    if (!*text && gethostname(text, sizeof text - 1) != 0)
        strcpy(text, "unknown");
    if (asprintf(&mounts->host, "host:%s", text) < 0) {
        mounts->host = NULL;
        return no_memory(error);
    }
    return VLMC_OK;
}

vlmc_status vlmc_mounts_read(const char *system, vlmc_mounts **mounts_out, vlmc_error *error)
{
    vlmc_mounts *mounts = calloc(1, sizeof *mounts);
    *mounts_out = mounts;
    if (!mounts)
        return no_memory(error);
    vlmc_status status = read_host(mounts, system, error);
    if (status == VLMC_OK)
        status = read_mounts(mounts, system, error);
    if (status != VLMC_OK)
        vlmc_mounts_destroy(mounts_out);
    return status;
}

void vlmc_mounts_destroy(vlmc_mounts **mounts)
{
    if (*mounts) {
        for (size_t i = 0; i < (*mounts)->n; i++)
            clear_mount(&(*mounts)->mounts[i]);
        free((*mounts)->mounts);
        free((*mounts)->host);
        free(*mounts);
    }
    *mounts = NULL;
}

// Length of `folder` if `path` is that folder or below it, else -1. "/" counts as 0.
static long below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    if (size == 1 && folder[0] == '/')
        size = 0;
    if (strncmp(path, folder, size) != 0 || (path[size] && path[size] != '/'))
        return -1;
    return (long)size;
}

const vlmc_mount *vlmc_mounts_of(const vlmc_mounts *mounts, const char *path)
{
    const vlmc_mount *best = NULL;
    long longest = -1;
    // The last of those at one point hides the others.
    for (size_t i = 0; i < mounts->n; i++) {
        const long size = below(path, mounts->mounts[i].point);
        if (size >= longest && size >= 0) {
            longest = size;
            best = &mounts->mounts[i];
        }
    }
    return best;
}

// `folder` and what `path` has beyond its first `skip` bytes.
static char *join(const char *folder, const char *path, long skip)
{
    char *joined = NULL;
    if (strcmp(folder, "/") == 0)
        folder = "";
    const char *rest = path + skip;
    if (!*folder && !*rest)
        rest = "/";
    return asprintf(&joined, "%s%s", folder, rest) < 0 ? NULL : joined;
}

vlmc_status vlmc_mounts_place(const vlmc_mounts *mounts, const char *path, vlmc_place *place,
                              vlmc_error *error)
{
    const vlmc_mount *mount = vlmc_mounts_of(mounts, path);
    *place = (vlmc_place){.identity = mounts->host};
    if (mount && mount->identity) {
        place->identity = mount->identity;
        place->label = mount->label;
        place->filesystem = mount->filesystem;
        place->point = mount->point;
        place->path = join(mount->root, path, below(path, mount->point));
    } else {
        place->path = strdup(path);
    }
    return place->path ? VLMC_OK : no_memory(error);
}

vlmc_status vlmc_mounts_locate(const vlmc_mounts *mounts, const char *identity, const char *path,
                               char **absolute, vlmc_error *error)
{
    *absolute = NULL;
    if (strcmp(identity, mounts->host) == 0) {
        *absolute = strdup(path);
        return *absolute ? VLMC_OK : no_memory(error);
    }
    for (size_t i = 0; i < mounts->n; i++) {
        const vlmc_mount *mount = &mounts->mounts[i];
        if (!mount->identity || strcmp(mount->identity, identity) != 0)
            continue;
        const long skip = below(path, mount->root);
        if (skip < 0)
            continue; // a part of the file system that does not hold the path
        char *here = join(mount->point, path, skip);
        if (!here)
            return no_memory(error);
        if (vlmc_mounts_of(mounts, here) == mount) { // not hidden by another mount
            *absolute = here;
            return VLMC_OK;
        }
        free(here);
    }
    return VLMC_OK;
}
