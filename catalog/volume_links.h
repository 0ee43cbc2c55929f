// SPDX-License-Identifier: Apache-2.0
// UUIDs and labels of file systems by device, from the links that udev keeps.
#ifndef VLMC_CATALOG_VOLUME_LINKS_H
#define VLMC_CATALOG_VOLUME_LINKS_H

#include <vlmc/status.h>

typedef struct vlmc_volume_links vlmc_volume_links;

// Reads SYSTEM/dev/disk/by-uuid and by-label; folders that are missing are empty.
vlmc_status vlmc_volume_links_read(const char *system, vlmc_volume_links **links,
                                   vlmc_error *error);
void vlmc_volume_links_destroy(vlmc_volume_links **links);

// UUID and label of the file system on `device`, a path as in mountinfo; NULL where there is none,
// else to be freed.
vlmc_status vlmc_volume_links_find(const vlmc_volume_links *links, const char *device, char **uuid,
                                   char **label, vlmc_error *error);

#endif
