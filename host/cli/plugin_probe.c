// SPDX-License-Identifier: Apache-2.0
// vlmc plugin probe
#include "interrupt.h"
#include "plugin.h"
#include "util/json_out.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct probe_run {
    cli *cli;
    vlmc_worker *worker;
    const char *path;
    int fd;
    bool at_end;      // the window holds the rest of the file
    uint64_t offset;  // of the window in the file
    json_t *segments; // NULL: a report for people
} probe_run;

static vlmc_status fill(probe_run *run, size_t limit, vlmc_error *error)
{
    while (!run->at_end) {
        const uint8_t *window;
        uint8_t *room;
        size_t held;
        size_t capacity;
        vlmc_worker_window(run->worker, &window, &held);
        if (held >= limit)
            return VLMC_OK;
        vlmc_worker_room(run->worker, &room, &capacity);
        if (capacity > limit - held)
            capacity = limit - held;
        const ssize_t n = read(run->fd, room, capacity);
        if (n < 0 && errno != EINTR)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read \"%s\"", run->path);
        if (n > 0)
            vlmc_worker_add(run->worker, (size_t)n);
        run->at_end = n == 0;
    }
    return VLMC_OK;
}

// One line of the table. `why`: the tokenizer gave no tokens, and the bytes stay bytes.
static void show(const probe_run *run, uint64_t bytes, const vlmc_tokenizer *tokenizer,
                 uint32_t params_bytes, uint64_t tokens, const char *why)
{
    char text[3][CLI_COUNT_BYTES];
    if (!run->segments) {
        printf("  %15s %15s  %-20s %15s", cli_count(run->offset, text[0]),
               cli_count(bytes, text[1]), tokenizer && !why ? tokenizer->id : "plain bytes",
               cli_count(why ? bytes : tokens, text[2]));
        if (why) {
            printf("  ");
            cli_print_escaped(why, stdout);
        }
        putchar('\n');
        return;
    }
    json_t *object = json_object();
    vlmc_json_set_number(object, "offset", run->offset);
    vlmc_json_set_number(object, "bytes", bytes);
    if (tokenizer) {
        vlmc_json_set_bytes(object, "tokenizer", tokenizer->id);
        vlmc_json_set_number(object, "version", tokenizer->version);
        vlmc_json_set_number(object, "params_bytes", params_bytes);
    }
    if (why)
        vlmc_json_set_bytes(object, "refused", why);
    else
        vlmc_json_set_number(object, "tokens", tokens);
    json_array_append_new(run->segments, object);
}

// The analysis is over: the rest is plain bytes.
static vlmc_status show_rest(probe_run *run, const char *why, vlmc_error *error)
{
    const uint64_t begin = run->offset;
    const uint8_t *window;
    size_t held;
    vlmc_worker_window(run->worker, &window, &held);
    while (held > 0) {
        vlmc_worker_skip(run->worker, held);
        run->offset += held;
        VLMC_TRY(fill(run, VLMC_WORKER_WINDOW_BYTES, error));
        vlmc_worker_window(run->worker, &window, &held);
    }
    const uint64_t bytes = run->offset - begin;
    run->offset = begin;
    if (bytes > 0)
        show(run, bytes, NULL, 0, bytes, why);
    run->offset = begin + bytes;
    return VLMC_OK;
}

// Moves behind a segment, some of which may lie behind the window.
static vlmc_status pass(probe_run *run, uint64_t bytes, vlmc_error *error)
{
    while (bytes > 0) {
        const uint8_t *window;
        size_t held;
        VLMC_TRY(fill(run, VLMC_WORKER_WINDOW_BYTES, error));
        vlmc_worker_window(run->worker, &window, &held);
        if (held == 0)
            return VLMC_OK;
        const size_t n = bytes < held ? (size_t)bytes : held;
        vlmc_worker_skip(run->worker, n);
        run->offset += n;
        bytes -= n;
    }
    return VLMC_OK;
}

static vlmc_status show_segment(probe_run *run, const vlmc_worker_segment *segment, size_t held,
                                vlmc_error *error)
{
    vlmc_worker_tokens tokens = {.n = (size_t)segment->bytes};
    vlmc_error why;
    vlmc_status status = VLMC_OK;
    if (segment->tokenizer && segment->bytes > held)
        status = vlmc_fail(&why, VLMC_ERROR_UNSUPPORTED, "the segment is longer than the window");
    else if (segment->tokenizer)
        status = vlmc_worker_encode(run->worker, segment->tokenizer, segment->params,
                                    segment->params_bytes, (size_t)segment->bytes, &tokens, &why);
    if (status != VLMC_OK && status != VLMC_ERROR_PLUGIN && status != VLMC_ERROR_UNSUPPORTED) {
        *error = why;
        return status;
    }
    show(run, segment->bytes, segment->tokenizer, segment->params_bytes, tokens.n,
         status == VLMC_OK ? NULL : why.text);
    return pass(run, segment->bytes, error);
}

static vlmc_status show_segments(probe_run *run, vlmc_error *error)
{
    if (!run->segments)
        printf("  %15s %15s  %-20s %15s\n", "offset", "bytes", "tokenizer", "tokens");
    for (;;) {
        const uint8_t *window;
        size_t held;
        vlmc_worker_segment segment;
        vlmc_error why;
        VLMC_TRY(fill(run, VLMC_WORKER_WINDOW_BYTES, error));
        vlmc_worker_window(run->worker, &window, &held);
        if (held == 0)
            return VLMC_OK;
        vlmc_status status = vlmc_worker_next_segment(run->worker, run->at_end, &segment, &why);
        if (status == VLMC_ERROR_PLUGIN || status == VLMC_ERROR_UNSUPPORTED)
            return show_rest(run, status == VLMC_ERROR_PLUGIN ? why.text : NULL, error);
        if (status != VLMC_OK) {
            *error = why;
            return status;
        }
        VLMC_TRY(show_segment(run, &segment, held, error));
    }
}

static void show_head(const probe_run *run, const vlmc_worker_probe *probe)
{
    cli_print_path(run->path);
    if (!probe->plugin) {
        puts(": no plugin takes it; plain bytes");
        return;
    }
    printf(": %s (", probe->plugin->plugin->id);
    cli_print_escaped(probe->plugin->plugin->name, stdout);
    printf("), confidence %u\n", (unsigned)probe->confidence);
}

static vlmc_status probe_open(probe_run *run, vlmc_error *error)
{
    vlmc_worker_probe probe;
    const char *slash = strrchr(run->path, '/');
    VLMC_TRY(vlmc_worker_begin(run->worker, slash ? slash + 1 : run->path, error));
    VLMC_TRY(fill(run, VLMC_WORKER_PROBE_BYTES, error));
    vlmc_status status = vlmc_worker_probe_file(run->worker, &probe, error);
    if (status == VLMC_ERROR_PLUGIN) {
        cli_warn(run->cli, "%s: %s", run->path, error->text);
        return VLMC_OK;
    }
    VLMC_TRY(status);
    if (!run->cli->json) {
        show_head(run, &probe);
        return probe.plugin ? show_segments(run, error) : VLMC_OK;
    }
    json_t *object = json_object();
    run->segments = json_array();
    vlmc_json_set_bytes(object, "path", run->path);
    if (probe.plugin) {
        vlmc_json_set_bytes(object, "plugin", probe.plugin->plugin->id);
        vlmc_json_set_number(object, "confidence", probe.confidence);
        status = show_segments(run, error);
    } else {
        status = show_rest(run, NULL, error);
    }
    json_object_set_new(object, "segments", run->segments);
    if (status == VLMC_OK)
        return vlmc_json_line(stdout, object, error);
    json_decref(object);
    return status;
}

static vlmc_status probe_file(cli *cli, vlmc_worker *worker, const char *path, vlmc_error *error)
{
    probe_run run = {.cli = cli, .worker = worker, .path = path};
    struct stat info;
    run.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (run.fd < 0 || fstat(run.fd, &info) < 0) {
        const int os_error = errno;
        if (run.fd >= 0)
            close(run.fd);
        return vlmc_fail_os(error, VLMC_ERROR_IO, os_error, "cannot read \"%s\"", path);
    }
    vlmc_status status = S_ISDIR(info.st_mode)
                             ? vlmc_fail(error, VLMC_ERROR_IO, "\"%s\" is a folder", path)
                             : probe_open(&run, error);
    close(run.fd);
    return status;
}

vlmc_status cli_plugin_probe(const cli_plugin_options *options, vlmc_error *error)
{
    cli *cli = options->common.cli;
    vlmc_plugins *plugins;
    vlmc_worker *worker = NULL;
    VLMC_TRY(cli_plugins_open(cli, &plugins, error));
    vlmc_status status = cli_worker_create(cli, plugins, &worker, error);
    for (uint32_t i = 0; status == VLMC_OK && i < options->n_arguments; i++) {
        status = probe_file(cli, worker, options->arguments[i], error);
        if (status != VLMC_OK && !cli_interrupt_signal()) {
            cli_error(cli, error);
            status = VLMC_OK;
        }
    }
    if (cli_interrupt_signal())
        status = cli_interrupt_check(error);
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
    return status;
}
