// SPDX-License-Identifier: Apache-2.0
#include "worker.h"

#include "process.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THIS_PROGRAM "/proc/self/exe"
// What every plugin manages on every machine; together with the idle limit it bounds a call.
#define SLOWEST_BYTES_PER_SECOND ((uint64_t)64 << 10)
// Memory that was used beyond this is given back before the next file.
#define KEEP_BYTES ((size_t)16 << 20)

struct vlmc_worker {
    vlmc_worker_options options;
    int shared_fd; // -1: no child
    uint8_t *memory;
    vlmc_shared_head *head;
    vlmc_process process;
    vlmc_session *session; // without a child
    uint32_t strikes[VLMC_PLUGINS_MAX];
    bool refused; // a plugin failed while it was loaded, and was set aside

    size_t begin; // of the window, in its memory
    size_t end;
    size_t touched;        // of the window's memory
    size_t touched_tokens; // of the tokens' memory
    uint32_t file;         // whose analysis, VLMC_PLUGINS_MAX: nobody's
    uint8_t params[VLMC_PLUGIN_PARAMS_BYTES_MAX];

    const vlmc_tokenizer *decoding; // NULL: none
    uint32_t decoding_file;
};

static uint8_t *window_memory(const vlmc_worker *w)
{
    return w->memory + VLMC_SHARED_WINDOW_AT;
}

// ---- Memory ----

// Sealed against getting shorter, so that no fault of the child makes an access here fail.
static int make_shared_file(void)
{
    const int fd = memfd_create("vlmc plugins", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)VLMC_SHARED_BYTES) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

// Address space; pages come when they are touched.
static vlmc_status map_memory(vlmc_worker *w, vlmc_error *error)
{
    const char *program = w->options.program ? w->options.program : THIS_PROGRAM;
    w->shared_fd = -1;
    if (!w->options.in_process && access(program, X_OK) == 0)
        w->shared_fd = make_shared_file();
    const int flags = w->shared_fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
    void *memory = mmap(NULL, VLMC_SHARED_BYTES, PROT_READ | PROT_WRITE, flags, w->shared_fd, 0);
    if (memory == MAP_FAILED)
        return vlmc_fail_os(error, VLMC_ERROR_MEMORY, errno,
                            "not enough address space for the buffers of plugins");
    w->memory = memory;
    w->head = memory;
    return VLMC_OK;
}

static void give_back(uint8_t *memory, size_t *touched)
{
    if (*touched > KEEP_BYTES && madvise(memory, *touched, MADV_REMOVE) == 0)
        *touched = 0;
}

vlmc_status vlmc_worker_create(const vlmc_worker_options *options, vlmc_worker **worker,
                               vlmc_error *error)
{
    vlmc_worker *w = calloc(1, sizeof *w);
    *worker = NULL;
    if (!w)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for plugins");
    w->options = *options;
    if (w->options.seconds == 0)
        w->options.seconds = VLMC_WORKER_SECONDS;
    if (w->options.memory_bytes == 0)
        w->options.memory_bytes = VLMC_WORKER_MEMORY_BYTES;
    w->process.control = -1;
    w->file = VLMC_PLUGINS_MAX;
    vlmc_status status = map_memory(w, error);
    if (status != VLMC_OK)
        vlmc_worker_destroy(&w);
    *worker = w;
    return status;
}

void vlmc_worker_destroy(vlmc_worker **worker)
{
    vlmc_worker *w = *worker;
    if (!w)
        return;
    vlmc_process_stop(&w->process);
    vlmc_session_destroy(&w->session);
    if (w->memory)
        munmap(w->memory, VLMC_SHARED_BYTES);
    if (w->shared_fd >= 0)
        close(w->shared_fd);
    free(w);
    *worker = NULL;
}

bool vlmc_worker_isolated(const vlmc_worker *worker)
{
    return worker->shared_fd >= 0;
}

// ---- The window ----

vlmc_status vlmc_worker_begin(vlmc_worker *worker, const char *name, vlmc_error *error)
{
    (void)error;
    give_back(window_memory(worker), &worker->touched);
    give_back(worker->memory + VLMC_SHARED_TOKENS_AT, &worker->touched_tokens);
    worker->begin = worker->end = 0;
    worker->file = VLMC_PLUGINS_MAX;
    // A name that is too long says as much by its end.
    const size_t n = name ? strlen(name) : 0;
    const size_t cut = n < VLMC_SHARED_NAME_BYTES ? 0 : n - VLMC_SHARED_NAME_BYTES + 1;
    snprintf(worker->head->name, VLMC_SHARED_NAME_BYTES, "%s", name ? name + cut : "");
    return VLMC_OK;
}

void vlmc_worker_room(vlmc_worker *worker, uint8_t **bytes, size_t *capacity)
{
    const size_t n = worker->end - worker->begin;
    *capacity = VLMC_WORKER_WINDOW_BYTES - n;
    if (VLMC_SHARED_WINDOW_BYTES - worker->end < *capacity) {
        memmove(window_memory(worker), window_memory(worker) + worker->begin, n);
        worker->begin = 0;
        worker->end = n;
    }
    *bytes = window_memory(worker) + worker->end;
}

void vlmc_worker_add(vlmc_worker *worker, size_t n)
{
    worker->end += n;
    if (worker->end > worker->touched)
        worker->touched = worker->end;
}

void vlmc_worker_window(const vlmc_worker *worker, const uint8_t **bytes, size_t *n)
{
    *bytes = window_memory(worker) + worker->begin;
    *n = worker->end - worker->begin;
}

void vlmc_worker_skip(vlmc_worker *worker, size_t n)
{
    const size_t held = worker->end - worker->begin;
    worker->begin += n < held ? n : held;
    if (worker->begin == worker->end)
        worker->begin = worker->end = 0;
}

// ---- Asking ----

static const char *const call_names[VLMC_CALLS] = {
    [VLMC_CALL_NONE] = "between two calls", [VLMC_CALL_LOAD] = "while it was loaded",
    [VLMC_CALL_PROBE] = "in probe",         [VLMC_CALL_ANALYSE] = "in its analyser",
    [VLMC_CALL_ENCODE] = "in encode",       [VLMC_CALL_PROOF] = "in decode",
    [VLMC_CALL_DECODE] = "in decode",
};

static vlmc_status start(vlmc_worker *w, vlmc_error *error)
{
    if (w->shared_fd < 0) {
        const vlmc_session_memory memory = {w->head, window_memory(w),
                                            w->memory + VLMC_SHARED_TOKENS_AT};
        if (!w->session)
            w->session = vlmc_session_create(w->options.plugins, memory);
        return w->session ? VLMC_OK
                          : vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for plugins");
    }
    if (w->process.pid > 0)
        return VLMC_OK;
    const vlmc_process_options options = {
        .program = w->options.program ? w->options.program : THIS_PROGRAM,
        .shared_fd = w->shared_fd,
        .memory_bytes = w->options.memory_bytes,
        .plugins = w->options.plugins,
    };
    atomic_store(&w->head->call, VLMC_CALL_NONE);
    return vlmc_process_start(&w->process, &options, error);
}

// What the child found out about files that this process has not tried.
static void take_refusals(vlmc_worker *w)
{
    for (uint32_t i = 0; i < vlmc_plugins_n_files(w->options.plugins); i++) {
        char *why = w->head->why[i];
        if (!*why)
            continue;
        why[VLMC_SHARED_WHY_BYTES - 1] = 0;
        vlmc_plugins_refuse(w->options.plugins, i, why);
        *why = 0;
    }
}

// Counts a failure.
static void strike(vlmc_worker *w, uint32_t file)
{
    char text[VLMC_ERROR_TEXT_BYTES];
    if (++w->strikes[file] != VLMC_WORKER_STRIKES)
        return;
    w->head->set_aside[file] = 1;
    snprintf(text, sizeof text, "the plugin %s has failed %u times; no more files are given to it",
             vlmc_plugins_file_id(w->options.plugins, file), VLMC_WORKER_STRIKES);
    vlmc_plugins_notice(w->options.plugins, text);
}

// One that cannot even be loaded would fail for each file, and here too.
static void refuse(vlmc_worker *w, uint32_t file, const vlmc_error *why)
{
    w->head->set_aside[file] = 1;
    w->refused = true;
    vlmc_plugins_refuse(w->options.plugins, file, why->text);
}

// A sentence about a child that gave no answer.
static vlmc_status describe(vlmc_worker *w, vlmc_process_end end, int wait_status,
                            vlmc_error *error)
{
    const uint32_t call = atomic_load(&w->head->call);
    const uint32_t file = atomic_load(&w->head->file);
    if (call == VLMC_CALL_NONE || call >= VLMC_CALLS ||
        file >= vlmc_plugins_n_files(w->options.plugins))
        return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                         "the process that plugins run in ended without an answer");
    const char *id = vlmc_plugins_file_id(w->options.plugins, file);
    const char *where = call_names[call];
    vlmc_error why;
    if (end == VLMC_PROCESS_HUNG)
        vlmc_fail(&why, VLMC_ERROR_PLUGIN,
                  "the plugin %s was ended %s, where it took longer than %u seconds", id, where,
                  (unsigned)w->options.seconds);
    else if (WIFSIGNALED(wait_status))
        vlmc_fail(&why, VLMC_ERROR_PLUGIN, "the plugin %s crashed %s (%s)", id, where,
                  strsignal(WTERMSIG(wait_status)));
    else
        vlmc_fail(&why, VLMC_ERROR_PLUGIN, "the plugin %s ended its process %s", id, where);
    if (error)
        *error = why;
    if (call == VLMC_CALL_LOAD)
        refuse(w, file, &why);
    else
        strike(w, file);
    return VLMC_ERROR_PLUGIN;
}

static vlmc_status ask(vlmc_worker *w, const vlmc_message *request, uint64_t work_bytes,
                       vlmc_message *reply, vlmc_error *error)
{
    VLMC_TRY(start(w, error));
    if (w->session) {
        vlmc_session_serve(w->session, request, reply);
    } else {
        const vlmc_process_limits limits = {
            .idle_seconds = w->options.seconds,
            .seconds = w->options.seconds + work_bytes / SLOWEST_BYTES_PER_SECOND,
            .stop_wanted = w->options.stop_wanted,
            .user = w->options.user,
        };
        int wait_status;
        const vlmc_process_end end = vlmc_process_ask(&w->process, request, reply,
                                                      &w->head->progress, &limits, &wait_status);
        take_refusals(w);
        if (end == VLMC_PROCESS_STOPPED)
            return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
        if (end != VLMC_PROCESS_ANSWERED)
            return describe(w, end, wait_status, error);
    }
    return reply->operation == VLMC_OK
               ? VLMC_OK
               : vlmc_fail(error, (vlmc_status)reply->operation, "%s", reply->text);
}

// While writing, data that a plugin finds broken is plain bytes, and worth a notice.
static vlmc_status writing(vlmc_status status, vlmc_error *error)
{
    if (status != VLMC_ERROR_DAMAGED)
        return status;
    if (error)
        error->status = VLMC_ERROR_PLUGIN;
    return VLMC_ERROR_PLUGIN;
}

// An answer that makes no sense: something wrote over the child's memory.
static vlmc_status nonsense(vlmc_worker *w, vlmc_error *error)
{
    vlmc_process_stop(&w->process);
    return vlmc_fail(error, VLMC_ERROR_PLUGIN, "the process that plugins run in was out of order");
}

// ---- Writing ----

vlmc_status vlmc_worker_probe_file(vlmc_worker *worker, vlmc_worker_probe *probe, vlmc_error *error)
{
    const size_t held = worker->end - worker->begin;
    vlmc_message reply;
    vlmc_message request = {
        .operation = VLMC_OPERATION_PROBE,
        .offset = worker->begin,
        .n = held < VLMC_WORKER_PROBE_BYTES ? held : VLMC_WORKER_PROBE_BYTES,
    };
    *probe = (vlmc_worker_probe){0};
    worker->file = VLMC_PLUGINS_MAX;
    if (vlmc_plugins_n_files(worker->options.plugins) == 0)
        return VLMC_OK;
    vlmc_status status;
    do { // each time without one plugin more
        worker->refused = false;
        status = ask(worker, &request, request.n * VLMC_PLUGINS_MAX, &reply, error);
    } while (worker->refused);
    VLMC_TRY(status);
    if (reply.n == 0)
        return VLMC_OK;
    if (reply.n > 100 || reply.file >= vlmc_plugins_n_files(worker->options.plugins))
        return nonsense(worker, error);
    probe->plugin = vlmc_plugins_load(worker->options.plugins, reply.file);
    probe->confidence = probe->plugin ? (uint32_t)reply.n : 0;
    worker->file = probe->plugin ? reply.file : VLMC_PLUGINS_MAX;
    return VLMC_OK;
}

static vlmc_status take_segment(vlmc_worker *w, const vlmc_message *reply, size_t held, bool at_end,
                                vlmc_worker_segment *segment, vlmc_error *error)
{
    const vlmc_loaded_plugin *loaded = vlmc_plugins_load(w->options.plugins, w->file);
    if (reply->bytes == 0 || (at_end && reply->bytes > held) ||
        reply->params_bytes > VLMC_PLUGIN_PARAMS_BYTES_MAX)
        return nonsense(w, error);
    segment->bytes = reply->bytes;
    if (reply->index == VLMC_INDEX_BYTES)
        return VLMC_OK;
    const vlmc_tokenizer *t =
        reply->index < loaded->n_tokenizers ? loaded->tokenizers[reply->index] : NULL;
    if (!t || strcmp(t->id, reply->id) != 0 || t->version != reply->version)
        return nonsense(w, error);
    memcpy(w->params, w->head->params, reply->params_bytes);
    segment->tokenizer = t;
    segment->params = w->params;
    segment->params_bytes = reply->params_bytes;
    return VLMC_OK;
}

vlmc_status vlmc_worker_next_segment(vlmc_worker *worker, bool at_end, vlmc_worker_segment *segment,
                                     vlmc_error *error)
{
    const size_t held = worker->end - worker->begin;
    vlmc_message reply;
    const vlmc_message request = {
        .operation = VLMC_OPERATION_NEXT,
        .file = worker->file,
        .offset = worker->begin,
        .n = held,
        .flag = at_end,
    };
    *segment = (vlmc_worker_segment){0};
    if (worker->file == VLMC_PLUGINS_MAX)
        return vlmc_fail(error, VLMC_ERROR_UNSUPPORTED, "no plugin takes this file");
    vlmc_status status = writing(ask(worker, &request, held, &reply, error), error);
    if (status == VLMC_OK)
        status = take_segment(worker, &reply, held, at_end, segment, error);
    if (status != VLMC_OK)
        worker->file = VLMC_PLUGINS_MAX;
    return status;
}

static vlmc_status name_tokenizer(vlmc_worker *w, const vlmc_tokenizer *tokenizer,
                                  const void *params, uint32_t params_bytes, vlmc_message *request,
                                  vlmc_error *error)
{
    if (!vlmc_plugins_locate(w->options.plugins, tokenizer, &request->file, &request->index) ||
        params_bytes > VLMC_PLUGIN_PARAMS_BYTES_MAX)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN, "%s has no such plugin or parameters",
                         tokenizer->id);
    request->version = tokenizer->version;
    snprintf(request->id, sizeof request->id, "%s", tokenizer->id);
    request->params_bytes = params_bytes;
    if (params_bytes > 0)
        memcpy(w->head->params, params, params_bytes);
    return VLMC_OK;
}

vlmc_status vlmc_worker_encode(vlmc_worker *worker, const vlmc_tokenizer *tokenizer,
                               const void *params, uint32_t params_bytes, size_t bytes,
                               vlmc_worker_tokens *tokens, vlmc_error *error)
{
    vlmc_message reply;
    vlmc_message request = {
        .operation = VLMC_OPERATION_ENCODE, .offset = worker->begin, .n = bytes};
    *tokens = (vlmc_worker_tokens){0};
    if (bytes == 0 || bytes > worker->end - worker->begin)
        return vlmc_fail(error, VLMC_ERROR_UNSUPPORTED, "the segment is longer than the window");
    VLMC_TRY(name_tokenizer(worker, tokenizer, params, params_bytes, &request, error));
    // Tokens and bytes, there and back.
    const uint64_t work = 4 * (uint64_t)bytes;
    const bool alive = worker->process.pid > 0;
    vlmc_status status = writing(ask(worker, &request, work, &reply, error), error);
    if (alive && worker->process.pid == 0)
        worker->file = VLMC_PLUGINS_MAX; // its analysis is gone with the child
    if (status != VLMC_OK)
        return status;
    if (reply.n == 0 || reply.n > VLMC_WORKER_TOKENS_MAX)
        return nonsense(worker, error);
    if (reply.n > worker->touched_tokens)
        worker->touched_tokens = (size_t)reply.n;
    *tokens = (vlmc_worker_tokens){worker->memory + VLMC_SHARED_TOKENS_AT, (size_t)reply.n};
    return VLMC_OK;
}

// ---- Reading ----

// What decoding a token may cost is bounded by the bytes that it may make.
static vlmc_status ask_decoder(vlmc_worker *w, const vlmc_message *request, vlmc_message *reply,
                               vlmc_error *error)
{
    vlmc_status status = ask(w, request, 2 * VLMC_SHARED_OUT_BYTES, reply, error);
    if (status == VLMC_OK && reply->n > VLMC_SHARED_OUT_BYTES)
        status = nonsense(w, error);
    if (status == VLMC_ERROR_UNSUPPORTED) {
        status = VLMC_ERROR_DAMAGED;
        if (error)
            error->status = status;
    }
    return status;
}

vlmc_status vlmc_worker_decode_begin(vlmc_worker *worker, const vlmc_tokenizer *tokenizer,
                                     const void *params, uint32_t params_bytes, uint64_t bytes,
                                     vlmc_error *error)
{
    vlmc_message reply;
    vlmc_message request = {.operation = VLMC_OPERATION_DECODE_BEGIN, .bytes = bytes};
    worker->decoding = NULL;
    VLMC_TRY(name_tokenizer(worker, tokenizer, params, params_bytes, &request, error));
    VLMC_TRY(ask_decoder(worker, &request, &reply, error));
    worker->decoding = tokenizer;
    worker->decoding_file = request.file;
    return VLMC_OK;
}

// One piece that fits the shared buffer.
static vlmc_status decode_piece(vlmc_worker *w, size_t n, bool ended, vlmc_worker_sink sink,
                                void *user, vlmc_error *error)
{
    vlmc_message reply;
    vlmc_message request = {
        .operation = VLMC_OPERATION_DECODE, .file = w->decoding_file, .n = n, .flag = ended};
    do {
        VLMC_TRY(ask_decoder(w, &request, &reply, error));
        if (reply.n > 0)
            VLMC_TRY(sink(user, w->head->out, (size_t)reply.n, error));
        request.operation = VLMC_OPERATION_DECODE_MORE;
    } while (reply.flag);
    return VLMC_OK;
}

vlmc_status vlmc_worker_decode(vlmc_worker *worker, const uint8_t *tokens, size_t n, bool ended,
                               vlmc_worker_sink sink, void *user, vlmc_error *error)
{
    vlmc_status status = VLMC_OK;
    if (!worker->decoding)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN, "no segment is being decoded");
    for (size_t i = 0; i < n && status == VLMC_OK; i++)
        if (tokens[i] >= worker->decoding->alphabet)
            status = vlmc_fail(error, VLMC_ERROR_DAMAGED, "a token is outside the alphabet of %s",
                               worker->decoding->id);
    size_t at = 0;
    do {
        const size_t left = n - at;
        const size_t piece = left < VLMC_SHARED_OUT_BYTES ? left : VLMC_SHARED_OUT_BYTES;
        if (status != VLMC_OK)
            break;
        if (piece > 0)
            memcpy(worker->head->in, tokens + at, piece);
        at += piece;
        status = decode_piece(worker, piece, ended && at == n, sink, user, error);
    } while (at < n);
    if (status != VLMC_OK || ended)
        worker->decoding = NULL;
    return status;
}
