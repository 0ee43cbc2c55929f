// SPDX-License-Identifier: Apache-2.0
#include "job.h"

#include "interrupt.h"

#include <unistd.h>

void cli_job_begin(cli_job *job, const cli *cli, const char *phase, uint64_t total)
{
    const bool show = !cli->quiet && isatty(STDERR_FILENO);
    job->status_stream = stderr;
    vlmc_progress_begin(&job->progress, show ? stderr : NULL, phase, total);
}

bool cli_job_progress(void *user, uint64_t bytes_done, uint64_t packed_bytes)
{
    cli_job *job = user;
    const uint64_t now = vlmc_progress_now_ns();
    vlmc_progress_update(&job->progress, now, bytes_done, packed_bytes);
    if (cli_interrupt_status_wanted()) {
        char text[200];
        vlmc_progress_text(&job->progress, now, text, sizeof text);
        vlmc_progress_end(&job->progress);
        fprintf(job->status_stream, "vlmc: %s\n", text);
    }
    return cli_interrupt_signal() == 0;
}

void cli_job_end(cli_job *job)
{
    vlmc_progress_end(&job->progress);
}

double cli_job_seconds(const cli_job *job)
{
    return (double)(vlmc_progress_now_ns() - job->progress.start_ns) / 1e9;
}
