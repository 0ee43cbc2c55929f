// SPDX-License-Identifier: Apache-2.0
// vlmc bench: what models and plugins are worth on chunks that share nothing.
#include "archive/format.h"
#include "cli.h"
#include "codec/chunks.h"
#include "codec/level.h"
#include "engines.h"
#include "interrupt.h"
#include "job.h"
#include "options.h"
#include "plugins.h"
#include "util/json_out.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_CHUNK_BYTES 2048u
#define VERIFIED_BYTES 16384u // of the file's begin, without --verify
// What a group costs in an archive beside its code: the record, and the numbers of model, tokenizer
// and first token before the code (docs/format.md).
#define GROUP_BYTES (VLMC_RECORD_BYTES + 4u) // with a tag of three bytes and one of settings

typedef struct bench_options {
    cli_common common;
    const char *action;
    const char *file;
    const char *as;
    const char *model; // NULL: the tokenizer's; "none": the mixer alone
    uint64_t chunk_bytes;
    uint64_t limit; // chunks
    bool verify;
} bench_options;

enum { KEY_SIZE = 0x200, KEY_AS, KEY_LIMIT };

static const struct argp_option option_table[] = {
    {"size", KEY_SIZE, "BYTES", 0, "Bytes of a chunk; default: 2048", 1},
    {"as", KEY_AS, "SPEC", 0,
     "What the file holds: bytes (default), or a tokenizer or plugin with its parameters", 1},
    {"limit", KEY_LIMIT, "N", 0, "The first N chunks only", 1},
    {"model", 'm', "MODEL", 0, "A model's name or file, or none; default: the tokenizer's", 2},
    {"verify", CLI_KEY_VERIFY, 0, 0, "Decode every chunk; otherwise the first few", 3},
    CLI_OPTIONS_COMPUTE,
    CLI_OPTIONS_OUTPUT,
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    bench_options *options = state->input;
    switch (key) {
    case KEY_SIZE:
        options->chunk_bytes = cli_parse_bytes(state, arg);
        if (options->chunk_bytes < 1 || options->chunk_bytes > VLMC_CHUNK_BYTES_MAX)
            argp_error(state, "--size wants 1 to %u bytes", VLMC_CHUNK_BYTES_MAX);
        return 0;
    case KEY_AS:
        options->as = arg;
        return 0;
    case KEY_LIMIT:
        options->limit = cli_parse_bytes(state, arg);
        return 0;
    case 'm':
        options->model = arg;
        return 0;
    case CLI_KEY_VERIFY:
        options->verify = true;
        return 0;
    case ARGP_KEY_ARG:
        if (!options->action)
            options->action = arg;
        else if (!options->file)
            options->file = arg;
        else
            argp_error(state, "one file at a time");
        return 0;
    case ARGP_KEY_END:
        if (!options->action || strcmp(options->action, "chunks") != 0)
            argp_error(state, "\"vlmc bench\" can measure chunks: vlmc bench chunks FILE");
        if (!options->file)
            argp_error(state, "no file named");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp bench_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "chunks FILE",
    .doc = "Cuts a file into chunks of equal size, codes each alone, with nothing learnt from the "
           "others, and sums up: the bytes of the codes, and what the chunks would take as groups "
           "of an archive."
           "\vExamples:\n"
           "  vlmc bench chunks --as image:width=64,grey pictures.u8\n"
           "  vlmc bench chunks --as audio:u8,mono,rate=16000 speech.u8\n"
           "  vlmc bench chunks --size 4096 -m none --json notes.txt\n",
};

typedef struct bench {
    const bench_options *options;
    vlmc_plugins *plugins; // NULL: plain bytes
    const vlmc_tokenizer *tokenizer;
    uint8_t params[VLMC_PLUGIN_PARAMS_BYTES_MAX];
    uint32_t params_bytes;
    cli_engines engines;
    bool engines_open;
    vlmc_engine *engine; // NULL: the mixer alone
    vlmc_chunks *chunks;
    uint8_t *buffer; // (batch, chunk_bytes)
    size_t buffer_bytes;
    cli_job job;
} bench;

typedef struct sums {
    uint64_t chunks, verified;
    uint64_t raw_bytes, coded_bytes;
    double seconds;
} sums;

static vlmc_status open_tokenizer(bench *b, vlmc_error *error)
{
    if (!b->options->as || strcmp(b->options->as, "bytes") == 0)
        return VLMC_OK;
    VLMC_TRY(cli_plugins_open(b->options->common.cli, &b->plugins, error));
    return vlmc_plugins_parse(b->plugins, b->options->as, &b->tokenizer, b->params,
                              &b->params_bytes, error);
}

// The model that was asked for, else the tokenizer's own; a missing one of these is no failure.
static vlmc_status open_engine(bench *b, uint32_t streams, vlmc_error *error)
{
    const bench_options *options = b->options;
    const char *own = b->tokenizer ? b->tokenizer->default_model : CLI_DEFAULT_MODEL;
    const char *name = options->model ? options->model : own;
    if (!name || strcmp(name, "none") == 0)
        return VLMC_OK;
    VLMC_TRY(cli_engines_create(&b->engines, &options->common, name, error));
    b->engines_open = true;
    const vlmc_status status = cli_engines_load(&b->engines, error);
    if (status == VLMC_ERROR_MODEL_MISSING && !options->model) {
        cli_notice(options->common.cli, "no model \"%s\" was found; the mixer codes alone", name);
        return VLMC_OK;
    }
    if (status != VLMC_OK)
        return status;
    const vlmc_engine_source source = cli_engines_source(&b->engines);
    return source.open(source.user, NULL, streams, VLMC_CHUNKS_STEPS, &b->engine, error);
}

static vlmc_status open_all(bench *b, vlmc_error *error)
{
    const bench_options *options = b->options;
    const uint32_t chunk_bytes = (uint32_t)options->chunk_bytes;
    const uint32_t batch = vlmc_chunks_batch(chunk_bytes);
    VLMC_TRY(open_tokenizer(b, error));
    VLMC_TRY(open_engine(b, batch, error));
    const vlmc_chunks_params params = {
        .engine = b->engine,
        .tokenizer = b->tokenizer,
        .params = b->params,
        .params_bytes = b->params_bytes,
        .settings = vlmc_level_of(VLMC_LEVEL_DEFAULT)->mix,
        .chunk_bytes = chunk_bytes,
        .threads = options->common.threads,
    };
    VLMC_TRY(vlmc_chunks_create(&params, &b->chunks, error));
    b->buffer_bytes = (size_t)batch * chunk_bytes;
    b->buffer = malloc(b->buffer_bytes);
    return b->buffer ? VLMC_OK : vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory");
}

static void close_all(bench *b)
{
    vlmc_chunks_destroy(&b->chunks);
    vlmc_engine_destroy(&b->engine);
    if (b->engines_open)
        cli_engines_destroy(&b->engines);
    if (b->plugins)
        vlmc_plugins_close(&b->plugins);
    free(b->buffer);
}

static vlmc_status fill_buffer(bench *b, int fd, size_t wanted, size_t *got, vlmc_error *error)
{
    for (*got = 0; *got < wanted;) {
        const ssize_t n = read(fd, b->buffer + *got, wanted - *got);
        if (n < 0 && errno == EINTR && !cli_interrupt_signal())
            continue;
        if (n < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read %s", b->options->file);
        if (n == 0)
            return VLMC_OK;
        *got += (size_t)n;
    }
    return VLMC_OK;
}

static vlmc_status code_batch(bench *b, size_t n, sums *s, vlmc_error *error)
{
    const size_t each = b->options->chunk_bytes;
    const uint32_t count = (uint32_t)(n / each + (n % each != 0));
    size_t sizes[VLMC_CHUNKS_BATCH_MAX];
    VLMC_TRY(vlmc_chunks_encode(b->chunks, b->buffer, n, sizes, error));
    const uint64_t few = (VERIFIED_BYTES + each - 1) / each;
    const uint64_t left = s->chunks < few ? few - s->chunks : 0;
    const uint32_t verified = b->options->verify || left > count ? count : (uint32_t)left;
    VLMC_TRY(vlmc_chunks_verify(b->chunks, 0, verified, error));
    for (uint32_t i = 0; i < count; i++)
        s->coded_bytes += sizes[i];
    s->raw_bytes += n;
    s->chunks += count;
    s->verified += verified;
    return VLMC_OK;
}

// Bytes of the file that are to be coded, 0 where that is not known.
static uint64_t to_code(const bench *b, int fd)
{
    const uint64_t limit = b->options->limit, each = b->options->chunk_bytes;
    struct stat info;
    const uint64_t size = fstat(fd, &info) == 0 && info.st_size > 0 ? (uint64_t)info.st_size : 0;
    return limit && limit < size / each ? limit * each : size;
}

static vlmc_status code_file(bench *b, int fd, sums *s, vlmc_error *error)
{
    const uint64_t limit = b->options->limit, each = b->options->chunk_bytes;
    for (;;) {
        size_t wanted = b->buffer_bytes, n;
        if (limit && (limit - s->chunks) < wanted / each)
            wanted = (size_t)((limit - s->chunks) * each);
        VLMC_TRY(fill_buffer(b, fd, wanted, &n, error));
        if (n)
            VLMC_TRY(code_batch(b, n, s, error));
        cli_job_progress(&b->job, s->raw_bytes, s->coded_bytes);
        VLMC_TRY(cli_interrupt_check(error));
        if (n < b->buffer_bytes)
            return VLMC_OK;
    }
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static uint64_t archived(const sums *s)
{
    return s->coded_bytes + s->chunks * GROUP_BYTES;
}

static double bits_per_byte(const sums *s)
{
    return s->raw_bytes ? 8.0 * (double)s->coded_bytes / (double)s->raw_bytes : 0;
}

static vlmc_status print_json(const bench *b, const sums *s, vlmc_error *error)
{
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "file", b->options->file);
    vlmc_json_set_bytes(object, "as", b->options->as ? b->options->as : "bytes");
    if (b->tokenizer)
        vlmc_json_set_bytes(object, "tokenizer", b->tokenizer->id);
    if (b->engine) {
        vlmc_json_set_bytes(object, "model", b->engine->model->name);
        vlmc_json_set_hex(object, "model_digest", b->engine->model->digest, VLMC_DIGEST_BYTES);
    }
    vlmc_json_set_number(object, "chunk_bytes", b->options->chunk_bytes);
    vlmc_json_set_number(object, "chunks", s->chunks);
    vlmc_json_set_number(object, "verified_chunks", s->verified);
    vlmc_json_set_number(object, "raw_bytes", s->raw_bytes);
    vlmc_json_set_number(object, "coded_bytes", s->coded_bytes);
    json_object_set_new(object, "rate_percent", json_real(percent(s->coded_bytes, s->raw_bytes)));
    json_object_set_new(object, "bits_per_byte", json_real(bits_per_byte(s)));
    vlmc_json_set_number(object, "archived_bytes", archived(s));
    json_object_set_new(object, "archived_percent", json_real(percent(archived(s), s->raw_bytes)));
    json_object_set_new(object, "seconds", json_real(s->seconds));
    return vlmc_json_line(stdout, object, error);
}

static void print_text(const bench *b, const sums *s)
{
    printf("file      ");
    cli_print_path(b->options->file);
    printf("\ncoded as  %s, %s%s\n", b->tokenizer ? b->tokenizer->id : "plain bytes",
           b->engine ? "model " : "the mixer alone", b->engine ? b->engine->model->name : "");
    printf("chunks    %" PRIu64 " of %" PRIu64 " bytes, %" PRIu64 " verified\n", s->chunks,
           b->options->chunk_bytes, s->verified);
    printf("raw       %" PRIu64 " bytes\n", s->raw_bytes);
    printf("coded     %" PRIu64 " bytes, %.2f %%, %.4f bits per byte\n", s->coded_bytes,
           percent(s->coded_bytes, s->raw_bytes), bits_per_byte(s));
    printf("archived  %" PRIu64 " bytes, %.2f %%, with %u bytes for each chunk's group\n",
           archived(s), percent(archived(s), s->raw_bytes), GROUP_BYTES);
    printf("time      %.1f s\n", s->seconds);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static vlmc_status run(const bench_options *options, vlmc_error *error)
{
    bench *b = calloc(1, sizeof *b);
    if (!b)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory");
    b->options = options;
    sums s = {0};
    const int fd = open(options->file, O_RDONLY | O_CLOEXEC);
    vlmc_status status =
        fd < 0 ? vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot open %s", options->file)
               : open_all(b, error);
    const double start = now();
    cli_job_begin(&b->job, options->common.cli, "coding", status == VLMC_OK ? to_code(b, fd) : 0);
    if (status == VLMC_OK)
        status = code_file(b, fd, &s, error);
    cli_job_end(&b->job);
    s.seconds = now() - start;
    if (status == VLMC_OK && s.raw_bytes == 0)
        status = vlmc_fail(error, VLMC_ERROR_USAGE, "%s is empty", options->file);
    if (status == VLMC_OK && options->common.cli->json)
        status = print_json(b, &s, error);
    else if (status == VLMC_OK)
        print_text(b, &s);
    if (fd >= 0)
        close(fd);
    close_all(b);
    free(b);
    return status;
}

void cli_bench(cli *cli, int argc, char **argv)
{
    bench_options options = {.chunk_bytes = DEFAULT_CHUNK_BYTES};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&bench_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
