// SPDX-License-Identifier: Apache-2.0
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

// A signal handler can reach nothing but static storage.
static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t status_wanted;

static void on_stop(int signal_number)
{
    stop_signal = signal_number;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static void on_status(int signal_number)
{
    (void)signal_number;
    status_wanted = 1;
}

void cli_interrupt_install(void)
{
    // Without SA_RESTART a read that waits for a pipe returns, and the stop is seen.
    struct sigaction stop = {.sa_handler = on_stop};
    sigemptyset(&stop.sa_mask);
    struct sigaction previous;
    // A job started with "nohup" or in the background keeps ignoring what it ignores.
    if (sigaction(SIGINT, NULL, &previous) == 0 && previous.sa_handler != SIG_IGN)
        sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    struct sigaction status = {.sa_handler = on_status, .sa_flags = SA_RESTART};
    sigemptyset(&status.sa_mask);
    sigaction(SIGUSR1, &status, NULL);
    signal(SIGXFSZ, SIG_IGN);
}

int cli_interrupt_signal(void)
{
    return stop_signal;
}

vlmc_status cli_interrupt_check(vlmc_error *error)
{
    if (!stop_signal)
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped by a signal");
}

bool cli_interrupt_status_wanted(void)
{
    if (!status_wanted)
        return false;
    status_wanted = 0;
    return true;
}
