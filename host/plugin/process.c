// SPDX-License-Identifier: Apache-2.0
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLICE_MS 200
#define NS_PER_MS 1000000u
#define NS_PER_S 1000000000u
#define STOP_NS (2 * (uint64_t)NS_PER_S)
#define FIXED_ARGUMENTS 3 // program, "plugin-worker", the memory limit

// ---- Start ----

// The child starts with no signal blocked or handled, whatever this thread does with them.
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t set;
    sigemptyset(&set);
    int failed = posix_spawnattr_setsigmask(attributes, &set);
    sigfillset(&set);
    if (!failed)
        failed = posix_spawnattr_setsigdefault(attributes, &set);
    return failed ? failed
                  : posix_spawnattr_setflags(attributes,
                                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(pid_t *pid, const char *program, int control, int shared, char **argv)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (failed) {
        posix_spawn_file_actions_destroy(&actions);
        return failed;
    }
    failed = posix_spawn_file_actions_adddup2(&actions, control, VLMC_CHILD_CONTROL_FD);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, shared, VLMC_CHILD_SHARED_FD);
    if (!failed)
        failed = set_attributes(&attributes);
    if (!failed)
        failed = posix_spawn(pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

// Above the two numbers that they get in the child, so that neither dup2 hits the other.
static int move_up(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, VLMC_CHILD_SHARED_FD + 1);
}

static int start(vlmc_process *process, const vlmc_process_options *options, char **argv)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return errno;
    const int control = move_up(pair[1]);
    const int shared = move_up(options->shared_fd);
    int failed = control < 0 || shared < 0 ? errno : 0;
    if (!failed)
        failed = spawn(&process->pid, options->program, control, shared, argv);
    if (control >= 0)
        close(control);
    if (shared >= 0)
        close(shared);
    close(pair[1]);
    if (failed)
        close(pair[0]);
    else
        process->control = pair[0];
    return failed;
}

vlmc_status vlmc_process_start(vlmc_process *process, const vlmc_process_options *options,
                               vlmc_error *error)
{
    const uint32_t n_files = vlmc_plugins_n_files(options->plugins);
    char name[] = "vlmc";
    char command[] = "plugin-worker";
    char memory[24];
    snprintf(memory, sizeof memory, "%" PRIu64, options->memory_bytes);
    *process = (vlmc_process){.control = -1};
    char **argv = calloc(FIXED_ARGUMENTS + (size_t)n_files + 1, sizeof *argv);
    if (!argv)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the list of plugins");
    argv[0] = name;
    argv[1] = command;
    argv[2] = memory;
    for (uint32_t i = 0; i < n_files; i++)
        argv[FIXED_ARGUMENTS + i] = (char *)vlmc_plugins_file(options->plugins, i);
    const int failed = start(process, options, argv);
    free(argv);
    if (!failed)
        return VLMC_OK;
    process->pid = 0;
    return vlmc_fail_os(error, VLMC_ERROR_PLUGIN, failed,
                        "the process that plugins run in could not be started");
}

// ---- End ----

static int reap(vlmc_process *process)
{
    int status = 0;
    if (process->control >= 0)
        close(process->control);
    while (process->pid > 0 && waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        ;
    *process = (vlmc_process){.control = -1};
    return status;
}

void vlmc_process_stop(vlmc_process *process)
{
    if (process->pid == 0)
        return;
    kill(process->pid, SIGKILL);
    reap(process);
}

// ---- Questions ----

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

// Time that this process stood still as well (stopped by the terminal, machine asleep) is not
// the plugin's.
static uint64_t slice_ns(uint64_t began)
{
    const uint64_t ns = now_ns() - began;
    return ns < 2 * (uint64_t)SLICE_MS * NS_PER_MS ? ns : (uint64_t)SLICE_MS * NS_PER_MS;
}

static bool send_message(int fd, const vlmc_message *message)
{
    ssize_t n;
    do
        n = send(fd, message, sizeof *message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *message;
}

static bool receive(int fd, vlmc_message *message)
{
    ssize_t n;
    do
        n = recv(fd, message, sizeof *message, 0);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *message;
}

static vlmc_process_end wait_for_answer(const vlmc_process *process, _Atomic uint64_t *progress,
                                        const vlmc_process_limits *limits)
{
    uint64_t idle = 0;
    uint64_t all = 0;
    uint64_t stopping = 0;
    uint64_t seen = atomic_load(progress);
    while (idle < limits->idle_seconds * (uint64_t)NS_PER_S && all / NS_PER_S < limits->seconds) {
        struct pollfd poll_fd = {.fd = process->control, .events = POLLIN};
        const uint64_t began = now_ns();
        if (poll(&poll_fd, 1, SLICE_MS) > 0)
            return VLMC_PROCESS_ANSWERED; // or at its end
        const uint64_t ns = slice_ns(began);
        const uint64_t progressed = atomic_load(progress);
        idle = progressed == seen ? idle + ns : 0;
        seen = progressed;
        all += ns;
        if (limits->stop_wanted && limits->stop_wanted(limits->user))
            stopping += ns;
        if (stopping > STOP_NS)
            return VLMC_PROCESS_STOPPED;
    }
    return VLMC_PROCESS_HUNG;
}

vlmc_process_end vlmc_process_ask(vlmc_process *process, const vlmc_message *request,
                                  vlmc_message *reply, _Atomic uint64_t *progress,
                                  const vlmc_process_limits *limits, int *wait_status)
{
    *wait_status = 0;
    if (send_message(process->control, request)) {
        const vlmc_process_end end = wait_for_answer(process, progress, limits);
        if (end != VLMC_PROCESS_ANSWERED) {
            vlmc_process_stop(process);
            return end;
        }
        if (receive(process->control, reply)) {
            reply->text[sizeof reply->text - 1] = 0;
            reply->id[sizeof reply->id - 1] = 0;
            return VLMC_PROCESS_ANSWERED;
        }
    }
    *wait_status = reap(process);
    return VLMC_PROCESS_DIED;
}
