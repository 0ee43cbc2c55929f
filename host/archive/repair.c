// SPDX-License-Identifier: Apache-2.0
#include "repair.h"

#include "record_walk.h"
#include "recovery/bytes_at.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vlmc_repair {
    int fd;
    char *name;
    vlmc_repair_info info;
    vlmc_recovery_place place;
    vlmc_recovery_scan *scan; // NULL without recovery data
};

// The archive alone: by its records. Without recovery data there is nothing to mend it with.
static vlmc_status look_at_records(vlmc_repair *r, uint64_t file_bytes,
                                   vlmc_recovery_progress *progress, vlmc_error *error)
{
    bool found;
    uint64_t end;
    VLMC_TRY(vlmc_record_walk_end(r->fd, file_bytes, &end, &found, error));
    r->info.archive_bytes = found ? end : file_bytes;
    r->info.need = found && end < file_bytes ? VLMC_REPAIR_REST : VLMC_REPAIR_NOTHING;
    vlmc_error why;
    const vlmc_status status =
        vlmc_record_walk_check(r->fd, r->info.archive_bytes, r->name, progress, &why);
    if (status == VLMC_ERROR_DAMAGED)
        return vlmc_fail(error, status,
                         "%s, and there are no recovery data to mend it with; get another copy",
                         why.text);
    if (status != VLMC_OK)
        *error = why;
    return status;
}

// Is the header in front of the recovery data, which nothing else looks at, as it should be?
static vlmc_status head_whole(const vlmc_repair *r, bool *whole, vlmc_error *error)
{
    vlmc_recovery_place place;
    VLMC_TRY(vlmc_recovery_find_head(r->fd, r->place.layout.archive_bytes, &place, whole, error));
    *whole = *whole && place.layout.set == r->place.layout.set;
    return VLMC_OK;
}

static vlmc_status look_at_all(vlmc_repair *r, uint64_t file_bytes,
                               vlmc_recovery_progress *progress, vlmc_error *error)
{
    bool whole;
    vlmc_repair_info *info = &r->info;
    info->has_recovery = true;
    info->archive_bytes = r->place.layout.archive_bytes;
    info->recovery_bytes = r->place.layout.end - info->archive_bytes;
    info->shift = r->place.shift;
    VLMC_TRY(vlmc_recovery_scan_create(r->fd, file_bytes, &r->place, progress, &r->scan, error));
    VLMC_TRY(head_whole(r, &whole, error));
    info->report = *vlmc_recovery_scan_report(r->scan);
    info->need = info->report.bad_cells                                   ? VLMC_REPAIR_ARCHIVE
                 : info->report.bad_packets || !whole || !r->place.at_end ? VLMC_REPAIR_REST
                                                                          : VLMC_REPAIR_NOTHING;
    return VLMC_OK;
}

// Are these the recovery data of another archive, which this one holds as a file?
static bool of_another(const vlmc_repair *r)
{
    const vlmc_recovery_report *report = &r->info.report;
    return r->info.has_recovery && report->moved_cells == report->cells;
}

static vlmc_status look(vlmc_repair *r, uint64_t file_bytes, vlmc_recovery_progress *progress,
                        vlmc_error *error)
{
    bool found;
    VLMC_TRY(vlmc_recovery_find(r->fd, file_bytes, file_bytes, &r->place, &found, error));
    if (found)
        VLMC_TRY(look_at_all(r, file_bytes, progress, error));
    if (found && !of_another(r))
        return VLMC_OK;
    vlmc_recovery_scan_destroy(&r->scan);
    r->info = (vlmc_repair_info){0};
    return look_at_records(r, file_bytes, progress, error);
}

vlmc_status vlmc_repair_create(int fd, uint64_t file_bytes, const char *name,
                               vlmc_recovery_progress *progress, vlmc_repair **repair,
                               vlmc_error *error)
{
    vlmc_repair *r = *repair = calloc(1, sizeof *r);
    if (r) {
        r->fd = fd;
        r->name = strdup(name);
    }
    vlmc_status status = VLMC_ERROR_MEMORY;
    if (!r || !r->name)
        vlmc_fail(error, status, "not enough memory to repair %s", name);
    else
        status = look(r, file_bytes, progress, error);
    if (status != VLMC_OK)
        vlmc_repair_destroy(repair);
    return status;
}

void vlmc_repair_destroy(vlmc_repair **repair)
{
    vlmc_repair *r = *repair;
    if (!r)
        return;
    vlmc_recovery_scan_destroy(&r->scan);
    free(r->name);
    free(r);
    *repair = NULL;
}

const vlmc_repair_info *vlmc_repair_info_of(const vlmc_repair *repair)
{
    return &repair->info;
}

vlmc_status vlmc_repair_write(vlmc_repair *r, int to, vlmc_recovery_progress *progress, bool *whole,
                              vlmc_error *error)
{
    const uint64_t size = r->info.archive_bytes;
    *whole = false;
    if (r->scan) {
        VLMC_TRY(vlmc_recovery_mend(r->scan, to, progress, error));
        r->info.report = *vlmc_recovery_scan_report(r->scan);
    } else {
        VLMC_TRY(vlmc_recovery_copy(r->fd, to, 0, size, progress, error));
    }
    if (ftruncate(to, (off_t)size) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write the repaired archive");
    // The archive's own hashes have the last word, whatever recovery data say of themselves.
    const vlmc_status status = vlmc_record_walk_check(to, size, r->name, progress, error);
    if (status != VLMC_OK && status != VLMC_ERROR_DAMAGED && status != VLMC_ERROR_FORMAT)
        return status;
    *whole = status == VLMC_OK;
    if (*whole) {
        r->info.report.mended_cells = r->info.report.bad_cells;
        r->info.report.lost_cells = 0;
    }
    if (*whole && r->scan)
        return vlmc_recovery_append(to, &r->place.layout, progress, error);
    return VLMC_OK;
}
