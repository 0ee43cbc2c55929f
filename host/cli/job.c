// SPDX-License-Identifier: Apache-2.0
#include "job.h"

#include "interrupt.h"
#include "status_line.h"

#include <unistd.h>

void cli_job_begin(cli_job *job, const cli *cli, const char *phase, uint64_t total)
{
    const bool mixed = cli->json && isatty(STDOUT_FILENO);
    const bool shown = !cli->quiet && cli->terminal && !mixed;
    cli_status_set(phase);
    vlmc_progress_begin(&job->progress, shown ? stderr : NULL, phase, total);
}

bool cli_job_progress(void *user, uint64_t bytes_done, uint64_t packed_bytes)
{
    cli_job *job = user;
    const uint64_t now = vlmc_progress_now_ns();
    if (vlmc_progress_update(&job->progress, now, bytes_done, packed_bytes)) {
        char text[VLMC_PROGRESS_TEXT_BYTES];
        vlmc_progress_text(&job->progress, now, 0, text, sizeof text);
        cli_status_set(text);
    }
    return cli_interrupt_signal() == 0;
}

bool cli_job_found(cli_job *job, uint64_t n_files, uint64_t bytes)
{
    if (vlmc_progress_found(&job->progress, vlmc_progress_now_ns(), n_files, bytes)) {
        char text[VLMC_PROGRESS_TEXT_BYTES];
        vlmc_progress_found_text(&job->progress, 0, text, sizeof text);
        cli_status_set(text);
    }
    return cli_interrupt_signal() == 0;
}

void cli_job_hide(cli_job *job)
{
    vlmc_progress_end(&job->progress);
    job->progress.stream = NULL;
}

void cli_job_end(cli_job *job)
{
    vlmc_progress_end(&job->progress);
}

double cli_job_seconds(const cli_job *job)
{
    return (double)(vlmc_progress_now_ns() - job->progress.start_ns) / 1e9;
}
