// SPDX-License-Identifier: Apache-2.0
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

// A signal handler can reach nothing but static storage.
static volatile sig_atomic_t stop_signal;

static void on_stop(int signal_number)
{
    stop_signal = signal_number;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}

// Stays in place: messages on the way out may meet the same closed pipe.
static void on_pipe(int signal_number)
{
    if (!stop_signal)
        stop_signal = signal_number;
}

// A job started with "nohup" or in the background keeps ignoring what it ignores.
static void handle_unless_ignored(int signal_number, void (*handler)(int))
{
    // Without SA_RESTART a read that waits for a pipe returns, and the stop is seen.
    struct sigaction action = {.sa_handler = handler}, previous;
    sigemptyset(&action.sa_mask);
    if (sigaction(signal_number, NULL, &previous) == 0 && previous.sa_handler != SIG_IGN)
        sigaction(signal_number, &action, NULL);
}

void cli_interrupt_install(void)
{
    struct sigaction stop = {.sa_handler = on_stop};
    sigemptyset(&stop.sa_mask);
    sigaction(SIGTERM, &stop, NULL);
    handle_unless_ignored(SIGINT, on_stop);
    handle_unless_ignored(SIGHUP, on_stop);
    handle_unless_ignored(SIGPIPE, on_pipe);
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
