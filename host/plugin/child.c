// SPDX-License-Identifier: Apache-2.0
// The child's life: bounded, then one message after the other until the parent is gone.
#include "session.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXIT_USAGE 64
#define EXIT_SETUP 2

// Ends this process as soon as the parent is gone, also in the middle of a plugin's call. Not
// PR_SET_PDEATHSIG, which fires when the thread ends that started the child.
static void *watch_parent(void *unused)
{
    struct pollfd poll_fd = {.fd = VLMC_CHILD_CONTROL_FD};
    for (;;)
        if (poll(&poll_fd, 1, -1) > 0 && poll_fd.revents & (POLLHUP | POLLERR | POLLNVAL))
            _exit(0);
    return unused;
}

// What the terminal sends to all of its group is for the parent to decide.
static void ignore_signals(void)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
}

// No plugin has anything to say, and the C library's last words are not for the user.
static bool close_descriptors(void)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool fine = null >= 0;
    for (int fd = 0; fine && fd <= STDERR_FILENO; fd++)
        fine = dup2(null, fd) == fd;
    // Nothing should be open up there; kernels before 5.9 cannot make sure of it.
    (void)close_range(VLMC_CHILD_SHARED_FD + 1, ~0u, 0);
    return fine;
}

static uint64_t address_space_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%llu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool set_limits(uint64_t memory_bytes)
{
    struct rlimit none = {0, 0};
    struct rlimit space;
    const rlim_t bytes = (rlim_t)(address_space_bytes() + memory_bytes);
    if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_AS, &space) < 0)
        return false;
    if (space.rlim_max != RLIM_INFINITY && space.rlim_max < bytes)
        return true; // the user's own limit is lower
    space.rlim_cur = space.rlim_max = bytes;
    return setrlimit(RLIMIT_AS, &space) == 0;
}

static bool map_memory(vlmc_session_memory *memory)
{
    const int fd = VLMC_CHILD_SHARED_FD;
    const int both = PROT_READ | PROT_WRITE;
    void *head = mmap(NULL, sizeof(vlmc_shared_head), both, MAP_SHARED, fd, 0);
    void *window = mmap(NULL, VLMC_SHARED_WINDOW_BYTES, PROT_READ, MAP_SHARED, fd,
                        (off_t)VLMC_SHARED_WINDOW_AT);
    void *tokens =
        mmap(NULL, VLMC_SHARED_TOKEN_BYTES, both, MAP_SHARED, fd, (off_t)VLMC_SHARED_TOKENS_AT);
    *memory = (vlmc_session_memory){head, window, tokens};
    return head != MAP_FAILED && window != MAP_FAILED && tokens != MAP_FAILED;
}

static bool start_watch(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, watch_parent, NULL) == 0 && pthread_detach(thread) == 0;
}

// Notices reach the user through the parent, which asks for them by the file's number.
static void note_refusal(void *user, const char *text)
{
    vlmc_shared_head *head = user;
    snprintf(head->why[atomic_load(&head->file)], VLMC_SHARED_WHY_BYTES, "%s", text);
}

static void serve_all(vlmc_session *session)
{
    vlmc_message request;
    vlmc_message reply;
    for (;;) {
        const ssize_t n = recv(VLMC_CHILD_CONTROL_FD, &request, sizeof request, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof request)
            return;
        request.id[sizeof request.id - 1] = 0;
        vlmc_session_serve(session, &request, &reply);
        if (send(VLMC_CHILD_CONTROL_FD, &reply, sizeof reply, MSG_NOSIGNAL) < 0)
            return;
    }
}

int vlmc_worker_main(int argc, char **argv)
{
    vlmc_session_memory memory;
    vlmc_plugins *plugins;
    vlmc_error error;
    struct rlimit limit;
    if (argc < 2 || fcntl(VLMC_CHILD_SHARED_FD, F_GETFD) < 0 || getrlimit(RLIMIT_CORE, &limit) < 0)
        return EXIT_USAGE;
    ignore_signals();
    if (!close_descriptors() || !map_memory(&memory) || !start_watch())
        return EXIT_SETUP;
    const vlmc_plugin_notices notices = {note_refusal, memory.head};
    if (vlmc_plugins_open_files((const char *const *)argv + 2, (uint32_t)argc - 2, notices,
                                &plugins, &error) != VLMC_OK)
        return EXIT_SETUP;
    vlmc_session *session = vlmc_session_create(plugins, memory);
    if (!session || !set_limits(strtoull(argv[1], NULL, 10)))
        return EXIT_SETUP;
    serve_all(session);
    // The end of the process frees more surely than a plugin's destroy.
    _exit(0);
}
