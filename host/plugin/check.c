// SPDX-License-Identifier: Apache-2.0
#include "check_run.h"

#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
// As in sanitizer/allocator_interface.h, which not every compiler brings.
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

#define TURN_SECONDS 30u
#define POLL_NS 5000000
#define NS_PER_S 1000000000u
#define MEMORY_BYTES ((uint64_t)2 << 30)
#define JUNK 0xa5
#define NAME_BYTES 128u
#define CHILD_FAILED_LOAD 3

typedef struct check {
    const char *name;
    void (*run)(check_run *run);
    bool of_tokenizer;
    bool twice; // a second process must get the same digest
} check;

static const check checks[] = {
    {"analyser", check_analyser, false, true},
    {"parameters", check_parameters_found, true, false},
    {"lossless", check_lossless, true, false},
    {"pieces", check_pieces, true, false},
    {"interleaved", check_interleaved, true, false},
    {"same", check_same, true, true},
    {"contexts", check_contexts, true, false},
    {"hostile-tokens", check_hostile_tokens, true, false},
    {"hostile-params", check_hostile_params, true, false},
    {"memory", check_memory_use, true, false},
    {"speed", check_speed, true, false},
};
#define N_CHECKS (sizeof checks / sizeof *checks)

typedef struct checker {
    const vlmc_check_options *options;
    check_shared *shared;
    uint64_t share_ns; // of one check
    uint32_t failures;
    uint32_t done;
} checker;

// ---- In the child ----

uint64_t check_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void check_say(check_run *run, vlmc_check_verdict verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(run->shared->text, sizeof run->shared->text, format, args);
    va_end(args);
    run->shared->verdict = verdict;
}

_Noreturn void check_fail(check_run *run, const char *format, ...)
{
    char why[CHECK_TEXT_BYTES / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    check_say(run, VLMC_CHECK_FAIL, "%s%s%.150s%s", why, *run->shared->doing ? " (" : "",
              run->shared->doing, *run->shared->doing ? ")" : "");
    _exit(0);
}

void check_doing(check_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(run->shared->doing, sizeof run->shared->doing, format, args);
    va_end(args);
    atomic_fetch_add(&run->shared->steps, 1);
}

void check_begin(check_run *run, uint64_t turn)
{
    const uint64_t parts[] = {run->options->seed, turn};
    run->shared->turn = turn;
    run->shared->doing[0] = 0;
    atomic_fetch_add(&run->shared->steps, 1);
    run->random = check_digest(check_digest(0, run->name, strlen(run->name)), parts, sizeof parts);
}

bool check_turn(check_run *run, uint64_t turn)
{
    if (turn - run->first >= run->turns_max || (turn > run->first && check_now_ns() >= run->end_ns))
        return false;
    check_begin(run, turn);
    return true;
}

void *check_memory(check_run *run, size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) {
        check_say(run, VLMC_CHECK_FAIL, "there was no memory left for the check itself");
        _exit(0);
    }
    return memory;
}

int64_t check_memory_in_use(void)
{
#ifdef __SANITIZE_ADDRESS__
    return (int64_t)__sanitizer_get_current_allocated_bytes();
#else
    const struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
#endif
}

static void limit_child(void)
{
    struct rlimit none = {0, 0};
    struct rlimit space;
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%llu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_AS, &space) == 0) {
        space.rlim_cur = (rlim_t)(pages * (uint64_t)sysconf(_SC_PAGESIZE) + MEMORY_BYTES);
        setrlimit(RLIMIT_AS, &space);
    }
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    close_range(STDERR_FILENO + 1, ~0u, 0);
}

// Other addresses and other bytes in fresh memory than in the first process.
static void stir_memory(void)
{
    mallopt(M_PERTURB, JUNK);
    for (size_t i = 1; i < 40; i++) {
        void *block = malloc(i * 1237);
        void *pages = mmap(NULL, i << 12, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (i % 3 == 0)
            free(block);
        if (pages == MAP_FAILED)
            return;
    }
}

static void note_refusal(void *user, const char *text)
{
    check_run *run = user;
    check_say(run, VLMC_CHECK_FAIL, "%s", text);
}

static void load(check_run *run)
{
    vlmc_error error;
    const vlmc_plugin_notices notices = {note_refusal, run};
    if (vlmc_plugins_open_files(&run->options->file, 1, notices, &run->plugins, &error) !=
        VLMC_OK) {
        check_say(run, VLMC_CHECK_FAIL, "%s", error.text);
        _exit(CHILD_FAILED_LOAD);
    }
    run->loaded = vlmc_plugins_load(run->plugins, 0);
    if (!run->loaded)
        _exit(CHILD_FAILED_LOAD);
}

static _Noreturn void run_child(checker *c, const char *name, const check *which, uint32_t index,
                                bool second)
{
    check_run run = {
        .options = c->options,
        .name = name,
        .shared = c->shared,
        .index = index,
        .first = c->options->from,
        .turns_max = second ? c->shared->turns : UINT64_MAX,
        .end_ns = second ? UINT64_MAX : check_now_ns() + c->share_ns,
    };
    c->shared->digest = 0;
    c->shared->turns = 0;
    limit_child();
    if (second)
        stir_memory();
    load(&run);
    if (which->of_tokenizer)
        run.tokenizer = run.loaded->tokenizers[index];
    which->run(&run);
    _exit(0);
}

// ---- In the parent ----

static bool stop_wanted(const checker *c)
{
    return c->options->stop_wanted && c->options->stop_wanted(c->options->user);
}

// Waits; kills a child in whose turn nothing goes on. False: killed.
static bool wait_for(const checker *c, pid_t pid, int *status)
{
    const uint32_t limit = c->options->turn_seconds ? c->options->turn_seconds : TURN_SECONDS;
    uint64_t steps = 0;
    uint64_t since = check_now_ns();
    for (;;) {
        const pid_t got = waitpid(pid, status, WNOHANG);
        if (got == pid || (got < 0 && errno != EINTR))
            return true;
        const uint64_t now = check_now_ns();
        const uint64_t seen = atomic_load(&c->shared->steps);
        if (seen != steps)
            since = now;
        steps = seen;
        if (now - since > limit * (uint64_t)NS_PER_S || stop_wanted(c)) {
            kill(pid, SIGKILL);
            waitpid(pid, status, 0);
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
}

static void tell(checker *c, const char *name, vlmc_check_verdict verdict, const char *text)
{
    const vlmc_check_result result = {
        .name = name,
        .verdict = verdict,
        .text = text,
        .has_turn = verdict == VLMC_CHECK_FAIL && strcmp(name, "loads") != 0,
        .turn = c->shared->turn,
    };
    c->done++;
    c->failures += verdict == VLMC_CHECK_FAIL;
    c->options->report(c->options->user, &result);
}

static bool run_process(checker *c, const char *name, const check *which, uint32_t index,
                        bool second)
{
    check_shared *shared = c->shared;
    char text[2 * CHECK_TEXT_BYTES];
    int status;
    shared->text[0] = shared->doing[0] = 0;
    shared->verdict = VLMC_CHECK_OK;
    shared->turn = c->options->from;
    const pid_t pid = fork();
    if (pid == 0)
        run_child(c, name, which, index, second);
    const bool ended = pid > 0 && wait_for(c, pid, &status);
    const char *doing = *shared->doing ? shared->doing : "in no input in particular";
    if (pid < 0)
        snprintf(text, sizeof text, "no process could be started: %s", strerror(errno));
    else if (!ended)
        snprintf(text, sizeof text, "it hangs: a turn took too long (%s)", doing);
    else if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "it crashes: %s (%s)", strsignal(WTERMSIG(status)), doing);
    else if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != CHILD_FAILED_LOAD)
        snprintf(text, sizeof text, "it ended the process (%s)", doing);
    else
        return true;
    if (stop_wanted(c))
        return false;
    tell(c, name, VLMC_CHECK_FAIL, text);
    return false;
}

static bool wanted(const checker *c, const char *name)
{
    const char *only = c->options->only;
    const size_t n = only ? strlen(only) : 0;
    return !only || strcmp(name, only) == 0 || (strncmp(name, only, n) == 0 && name[n] == '/');
}

// Cases are gathered even when their checks are not asked for.
static bool gathers(const check *which)
{
    return which->run == check_analyser || which->run == check_parameters_found;
}

static void ignore_result(void *user, const vlmc_check_result *result)
{
    (void)user;
    (void)result;
}

// The same cases as when the check runs for its own sake: they do not depend on its time.
static void gather(const checker *c, const char *name, const check *which, uint32_t index)
{
    checker quiet = *c;
    vlmc_check_options options = *c->options;
    options.report = ignore_result;
    options.from = 0;
    quiet.options = &options;
    quiet.share_ns = 0;
    run_process(&quiet, name, which, index, false);
}

static void run_check(checker *c, const check *which, uint32_t index)
{
    char name[NAME_BYTES];
    check_shared *shared = c->shared;
    if (which->of_tokenizer)
        snprintf(name, sizeof name, "%s/%s", shared->tokenizers[index], which->name);
    else
        snprintf(name, sizeof name, "%s", which->name);
    const bool silent = !wanted(c, name);
    if (silent && !gathers(which))
        return;
    if (silent) {
        gather(c, name, which, index);
        return;
    }
    if (!run_process(c, name, which, index, false))
        return;
    if (which->twice && shared->verdict == VLMC_CHECK_OK) {
        const uint64_t digest = shared->digest;
        char text[CHECK_TEXT_BYTES];
        memcpy(text, shared->text, sizeof text);
        if (!run_process(c, name, which, index, true))
            return;
        if (shared->verdict == VLMC_CHECK_OK && shared->digest != digest) {
            tell(c, name, VLMC_CHECK_FAIL,
                 "a second process with other addresses and other bytes in fresh memory gets "
                 "other results");
            return;
        }
        if (shared->verdict == VLMC_CHECK_OK)
            memcpy(shared->text, text, sizeof text);
    }
    tell(c, name, (vlmc_check_verdict)shared->verdict, shared->text);
}

// ---- Loading and trust ----

static void find_out(check_run *run)
{
    check_shared *shared = run->shared;
    shared->n_tokenizers = run->loaded->n_tokenizers;
    shared->has_analyser = run->loaded->analyser != NULL;
    for (uint32_t i = 0; i < run->loaded->n_tokenizers; i++)
        snprintf(shared->tokenizers[i], sizeof shared->tokenizers[i], "%s",
                 run->loaded->tokenizers[i]->id);
    check_say(run, VLMC_CHECK_OK, "%s %s, %u tokenizer%s%s", run->loaded->plugin->id,
              run->loaded->plugin->version, (unsigned)run->loaded->n_tokenizers,
              run->loaded->n_tokenizers == 1 ? "" : "s",
              run->loaded->analyser ? " and an analyser" : ", no analyser");
}

static bool check_loads(checker *c)
{
    const check loads = {"loads", find_out, false, false};
    if (!run_process(c, loads.name, &loads, 0, false))
        return false;
    const bool fine = c->shared->verdict == VLMC_CHECK_OK;
    if (!fine || wanted(c, loads.name))
        tell(c, loads.name, (vlmc_check_verdict)c->shared->verdict, c->shared->text);
    return fine;
}

static void check_trust(checker *c)
{
    char real[PATH_MAX];
    vlmc_error why;
    if (!wanted(c, "trust"))
        return;
    const bool fine = vlmc_trust_file(c->options->file, real, &why) == VLMC_OK;
    tell(c, "trust", fine ? VLMC_CHECK_OK : VLMC_CHECK_NOTE,
         fine ? "only root and you can write the file and its folder" : why.text);
}

static uint64_t share_ns(const checker *c)
{
    uint32_t n = 0;
    for (size_t i = 0; i < N_CHECKS; i++)
        n += (checks[i].of_tokenizer ? c->shared->n_tokenizers : 1) * (checks[i].twice ? 2 : 1);
    return (uint64_t)c->options->seconds * NS_PER_S / (c->options->only ? 1 : n);
}

static void run_all(checker *c)
{
    c->share_ns = NS_PER_S;
    if (!check_loads(c))
        return;
    check_trust(c);
    c->share_ns = share_ns(c);
    for (size_t i = 0; i < N_CHECKS; i++) {
        if (checks[i].run == check_analyser && !c->shared->has_analyser)
            continue;
        const uint32_t n = checks[i].of_tokenizer ? c->shared->n_tokenizers : 1;
        for (uint32_t k = 0; k < n && !stop_wanted(c); k++)
            run_check(c, &checks[i], k);
    }
}

vlmc_status vlmc_plugin_check(const vlmc_check_options *options, uint32_t *failures,
                              vlmc_error *error)
{
    checker c = {.options = options};
    *failures = 0;
    if (access(options->file, R_OK) < 0)
        return vlmc_fail_os(error, VLMC_ERROR_PLUGIN_MISSING, errno,
                            "cannot read the plugin \"%s\"", options->file);
    c.shared =
        mmap(NULL, sizeof *c.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c.shared == MAP_FAILED)
        return vlmc_fail_os(error, VLMC_ERROR_MEMORY, errno, "not enough memory for the check");
    run_all(&c);
    munmap(c.shared, sizeof *c.shared);
    *failures = c.failures;
    if (stop_wanted(&c))
        return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    if (c.done == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "there is no check \"%s\"", options->only);
    return c.failures ? vlmc_fail(error, VLMC_ERROR_PLUGIN, "%u check%s failed", c.failures,
                                  c.failures == 1 ? "" : "s")
                      : VLMC_OK;
}
