// SPDX-License-Identifier: Apache-2.0
#include "recovery_check.h"

#include "archive/repair.h"
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

const char *cli_recovery_state_name(cli_recovery_state state)
{
    static const char *const names[] = {"none", "whole", "damaged", "needed"};
    return names[state];
}

static void say(cli *cli, const char *name, const vlmc_repair_info *info, cli_recovery_state *state)
{
    const vlmc_recovery_report *r = &info->report;
    *state = info->need == VLMC_REPAIR_NOTHING ? CLI_RECOVERY_WHOLE
             : r->bad_cells                    ? CLI_RECOVERY_NEEDED
                                               : CLI_RECOVERY_DAMAGED;
    if (*state == CLI_RECOVERY_NEEDED)
        cli_notice(cli,
                   "%" PRIu64 " of %" PRIu64 " blocks of \"%s\" are damaged; it has recovery data: "
                   "try \"vlmc repair\"",
                   r->bad_cells, r->cells, name);
    if (*state == CLI_RECOVERY_DAMAGED)
        cli_warn(cli, "the recovery data of \"%s\" are damaged; \"vlmc repair\" writes new ones",
                 name);
}

static vlmc_status check(cli *cli, int fd, const cli_archive *archive, cli_job *job,
                         cli_recovery_state *state, vlmc_error *error)
{
    vlmc_recovery_progress progress = {.tell = cli_job_progress, .user = job};
    vlmc_repair *repair;
    const vlmc_status status = vlmc_repair_create(fd, archive->info->archive_bytes, archive->name,
                                                  &progress, &repair, error);
    cli_job_end(job);
    if (status == VLMC_ERROR_DAMAGED) {
        *state = CLI_RECOVERY_DAMAGED;
        cli_warn(cli, "the recovery data of \"%s\" are damaged and of no use", archive->name);
        return VLMC_OK;
    }
    VLMC_TRY(status);
    say(cli, archive->name, vlmc_repair_info_of(repair), state);
    vlmc_repair_destroy(&repair);
    return VLMC_OK;
}

vlmc_status cli_recovery_check(cli *cli, const cli_archive *archive, const char *path,
                               cli_recovery_state *state, vlmc_error *error)
{
    cli_job job;
    const bool spooled = archive->spool >= 0;
    const int fd = spooled ? archive->spool : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot open %s", path);
    cli_job_begin(&job, cli, "checking recovery data", archive->info->archive_bytes);
    const vlmc_status status = check(cli, fd, archive, &job, state, error);
    if (!spooled)
        close(fd);
    return status;
}
