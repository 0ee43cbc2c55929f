// SPDX-License-Identifier: Apache-2.0
#include "volume_links.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct disk_link {
    char *name;   // UUID or label
    char *target; // the device, symlinks resolved
} disk_link;

typedef struct link_list {
    disk_link *links;
    size_t n;
} link_list;

struct vlmc_volume_links {
    char *system;
    link_list uuids;
    link_list labels;
};

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the list of volumes");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// udev writes what a name of a file cannot hold as "\x20".
static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        const int high = p[0] == '\\' && p[1] == 'x' ? hex_digit(p[2]) : -1;
        const int low = high >= 0 ? hex_digit(p[3]) : -1;
        if (low >= 0 && (high || low)) {
            *to++ = (char)(high << 4 | low);
            p += 3;
        } else {
            *to++ = *p;
        }
    }
    *to = 0;
}

static vlmc_status add_link(link_list *list, const char *folder, const char *name,
                            vlmc_error *error)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return no_memory(error);
    char *target = realpath(path, NULL);
    free(path);
    if (!target)
        return VLMC_OK; // a link to nothing
    disk_link *more = reallocarray(list->links, list->n + 1, sizeof *list->links);
    char *copy = strdup(name);
    if (more)
        list->links = more;
    if (!more || !copy) {
        free(copy);
        free(target);
        return no_memory(error);
    }
    unescape(copy);
    list->links[list->n++] = (disk_link){.name = copy, .target = target};
    return VLMC_OK;
}

static vlmc_status read_folder(link_list *list, const char *system, const char *name,
                               vlmc_error *error)
{
    char *path = NULL;
    if (asprintf(&path, "%s/dev/disk/%s", system, name) < 0)
        return no_memory(error);
    vlmc_status status = VLMC_OK;
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && status == VLMC_OK && (entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            status = add_link(list, path, entry->d_name, error);
    if (folder)
        closedir(folder);
    free(path);
    return status;
}

vlmc_status vlmc_volume_links_read(const char *system, vlmc_volume_links **links_out,
                                   vlmc_error *error)
{
    vlmc_volume_links *links = calloc(1, sizeof *links);
    *links_out = links;
    vlmc_status status = VLMC_OK;
    if (!links || !(links->system = strdup(system)))
        status = no_memory(error);
    if (status == VLMC_OK)
        status = read_folder(&links->uuids, system, "by-uuid", error);
    if (status == VLMC_OK)
        status = read_folder(&links->labels, system, "by-label", error);
    if (status != VLMC_OK)
        vlmc_volume_links_destroy(links_out);
    return status;
}

static void clear_list(link_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->links[i].name);
        free(list->links[i].target);
    }
    free(list->links);
}

void vlmc_volume_links_destroy(vlmc_volume_links **links)
{
    if (*links) {
        clear_list(&(*links)->uuids);
        clear_list(&(*links)->labels);
        free((*links)->system);
        free(*links);
    }
    *links = NULL;
}

static vlmc_status find_link(const link_list *list, const char *device, char **name,
                             vlmc_error *error)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->links[i].target, device) == 0)
            return (*name = strdup(list->links[i].name)) ? VLMC_OK : no_memory(error);
    return VLMC_OK;
}

vlmc_status vlmc_volume_links_find(const vlmc_volume_links *links, const char *device, char **uuid,
                                   char **label, vlmc_error *error)
{
    *uuid = *label = NULL;
    if (links->uuids.n == 0)
        return VLMC_OK;
    // /dev/mapper/NAME and the links lead to the same node.
    char *path = NULL;
    if (asprintf(&path, "%s%s", links->system, device) < 0)
        return no_memory(error);
    char *resolved = realpath(path, NULL);
    free(path);
    if (!resolved)
        return VLMC_OK;
    vlmc_status status = find_link(&links->uuids, resolved, uuid, error);
    if (status == VLMC_OK)
        status = find_link(&links->labels, resolved, label, error);
    free(resolved);
    if (status != VLMC_OK) {
        free(*uuid);
        *uuid = NULL;
    }
    return status;
}
