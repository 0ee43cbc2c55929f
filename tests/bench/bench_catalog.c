// SPDX-License-Identifier: Apache-2.0
// What the catalog costs: makes archives of made-up home folders, records them, and asks.
//
//     bench_catalog FOLDER [ARCHIVES [PATHS [VLMC]]]
//
// FOLDER is an empty folder on the disk to measure, or one of an earlier run, whose archives and
// catalog are taken; default: 200 archives with 5000 paths each. With VLMC, the program, "vlmc
// find" is timed as a command as well.
#include "catalog/catalog.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define QUERIES 400
#define COMMANDS 20
#define PATH_BYTES 512

typedef struct bench {
    const char *folder;
    const char *program;
    unsigned n_archives;
    unsigned n_paths; // of an archive
    char database[4096];
} bench;

static void fail(const char *what, const vlmc_error *error)
{
    fprintf(stderr, "bench_catalog: %s: %s\n", what, error ? error->text : "failed");
    exit(2);
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t mixed(uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

// Words of one to four syllables.
static const char *word(char *to, uint64_t seed)
{
    static const char *const syllables[] = {
        "an",  "ar",  "ba",  "be", "bo",  "ca",  "che", "con", "da", "de", "di",  "el",
        "en",  "fi",  "for", "ga", "ge",  "ha",  "in",  "ka",  "la", "le", "ma",  "men",
        "mo",  "na",  "ne",  "or", "pa",  "per", "pro", "qua", "ra", "re", "ri",  "sa",
        "sen", "ser", "sta", "ta", "ter", "ti",  "tor", "tra", "un", "va", "ver", "zo",
    };
    uint64_t x = mixed(seed);
    const unsigned n = 1 + (unsigned)(x % 4);
    char *end = to;
    for (unsigned i = 0; i < n; i++) {
        x = mixed(x);
        end = stpcpy(end, syllables[x % (sizeof syllables / sizeof *syllables)]);
    }
    return to;
}

// Path `i` of archive `a`: source trees, photos, music, documents. Folders repeat, names do not.
static void make_path(char path[PATH_BYTES], unsigned a, unsigned i)
{
    char w[6][64];
    const uint64_t s = mixed((uint64_t)a << 32 | i), folder = mixed((uint64_t)a << 32 | i / 40);
    const unsigned day = 1 + (unsigned)(folder % 28), month = 1 + (unsigned)(folder / 28 % 12);
    for (unsigned k = 0; k < 3; k++) {
        word(w[k], folder % 100003 + k);
        word(w[3 + k], s + k);
    }
    switch (a % 4) {
    case 0:
        snprintf(path, PATH_BYTES, "home/kim/src/%s-%u/lib/%s/%s/%s_%s_%u.c", w[0], a, w[1], w[2],
                 w[3], w[4], i);
        break;
    case 1:
        snprintf(path, PATH_BYTES, "home/kim/Photos/%u/%u-%02u-%02u %s/IMG_%u%05u.JPG",
                 2000 + a / 8, 2000 + a / 8, month, day, w[0], a, i);
        break;
    case 2:
        snprintf(path, PATH_BYTES, "srv/music/%s %s/%s %u/%02u - %s %s %s.flac", w[0], w[1], w[2],
                 a, i % 40, w[3], w[4], w[5]);
        break;
    default:
        snprintf(path, PATH_BYTES, "home/kim/Documents/%s/%s/%u-%02u-%02u %s %s v%u.pdf", w[0],
                 w[1], 2000 + a / 8, month, day, w[3], w[4], i);
    }
}

// One content in ten is that of another archive as well.
static void make_content(char text[64], unsigned a, unsigned i)
{
    if (i % 10 == 0)
        snprintf(text, 64, "shared %u", i);
    else
        snprintf(text, 64, "file %u of %u", i, a);
}

static vlmc_status read_text(void *user, void *buffer, size_t capacity, size_t *got,
                             vlmc_error *error)
{
    const char **text = user;
    (void)error;
    *got = strlen(*text) < capacity ? strlen(*text) : capacity;
    memcpy(buffer, *text, *got);
    *text += *got;
    return VLMC_OK;
}

static void archive_path(const bench *b, unsigned a, char path[4096])
{
    snprintf(path, 4096, "%s/archive-%03u.vlmc", b->folder, a);
}

static void make_archive(const bench *b, unsigned a)
{
    vlmc_error error;
    vlmc_writer *writer;
    uint64_t bytes;
    char file[4096], path[PATH_BYTES], content[64];
    archive_path(b, a, file);
    const vlmc_writer_params params = {.path = file, .replace = true};
    if (access(file, F_OK) == 0)
        return;
    if (vlmc_writer_create(&params, &writer, &error) != VLMC_OK)
        fail(file, &error);
    for (unsigned i = 0; i < b->n_paths; i++) {
        const vlmc_entry entry = {.path = path,
                                  .type = VLMC_ENTRY_FILE,
                                  .mode = 0644,
                                  .mtime_seconds = 1500000000 + (int64_t)(mixed(i) % 200000000),
                                  .mtime_ns = (uint32_t)(mixed(i) % 1000000000)};
        const char *text = content;
        make_path(path, a, i);
        make_content(content, a, i);
        if (vlmc_writer_add(writer, &entry, read_text, &text, &error) != VLMC_OK)
            fail(path, &error);
    }
    if (vlmc_writer_finish(writer, &bytes, &error) != VLMC_OK)
        fail(file, &error);
    vlmc_writer_destroy(&writer);
}

static vlmc_catalog *open_catalog(const bench *b)
{
    vlmc_error error;
    vlmc_catalog *catalog;
    const vlmc_catalog_params params = {.path = b->database, .create = true};
    if (vlmc_catalog_open(&params, &catalog, &error) != VLMC_OK)
        fail("open", &error);
    return catalog;
}

static void load(const bench *b)
{
    vlmc_error error;
    const vlmc_engine_source no_engine = {0};
    vlmc_catalog *catalog = open_catalog(b);
    double wall = 0, processor = 0;
    vlmc_catalog_stats stats;
    if (vlmc_catalog_count(catalog, &stats, &error) != VLMC_OK)
        fail("count", &error);
    if (stats.n_archives == b->n_archives) {
        vlmc_catalog_close(&catalog);
        return;
    }
    for (unsigned a = 0; a < b->n_archives; a++) {
        char file[4096];
        vlmc_reader *reader;
        archive_path(b, a, file);
        const double start = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
        if (vlmc_reader_open(file, &no_engine, &reader, &error) != VLMC_OK ||
            vlmc_catalog_record(catalog, reader, file, VLMC_CATALOG_WITH_NAMES, &error) != VLMC_OK)
            fail(file, &error);
        vlmc_reader_destroy(&reader);
        wall += now(CLOCK_MONOTONIC) - start;
        processor += now(CLOCK_PROCESS_CPUTIME_ID) - used;
    }
    vlmc_catalog_close(&catalog);
    struct stat st;
    stat(b->database, &st);
    printf("load: %.1f s (%.1f s of a processor), %.1f MB\n", wall, processor,
           (double)st.st_size / 1e6);
}

static vlmc_status count_hit(void *user, const vlmc_catalog_hit *hit, vlmc_error *error)
{
    (void)hit;
    (void)error;
    ++*(uint64_t *)user;
    return VLMC_OK;
}

// What is asked in a query of a kind.
typedef struct question {
    vlmc_find_params params;
    char text[PATH_BYTES];
} question;

static void any_path(const bench *b, unsigned q, char path[PATH_BYTES])
{
    const uint64_t x = mixed(q + 1000);
    make_path(path, (unsigned)(x % b->n_archives), (unsigned)(x / 1000 % b->n_paths));
}

static void ask_path(const bench *b, unsigned q, question *question)
{
    any_path(b, q, question->text);
    question->params.kind = VLMC_FIND_EXACT;
}

// The name without its folder and ending: what somebody remembers.
static void ask_name(const bench *b, unsigned q, question *question)
{
    char path[PATH_BYTES];
    any_path(b, q, path);
    char *name = strrchr(path, '/') + 1;
    *strrchr(name, '.') = 0;
    strcpy(question->text, name);
}

// Any twelve bytes of a path.
static void ask_part(const bench *b, unsigned q, question *question)
{
    char path[PATH_BYTES];
    any_path(b, q, path);
    const size_t size = strlen(path);
    snprintf(question->text, 13, "%s", path + mixed(q) % (size - 12));
}

static void ask_glob(const bench *b, unsigned q, question *question)
{
    ask_name(b, q, question);
    char name[PATH_BYTES];
    strcpy(name, question->text);
    snprintf(question->text, PATH_BYTES, "*/%.200s.*", name);
    question->params.kind = VLMC_FIND_GLOB;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Digests of some files, from their archives.
static char (*digests)[65];

static void find_digests(const bench *b)
{
    vlmc_error error;
    const vlmc_engine_source no_engine = {0};
    digests = calloc(QUERIES, sizeof *digests);
    for (unsigned q = 0; q < QUERIES; q++) {
        char file[4096];
        vlmc_reader *reader;
        archive_path(b, q % b->n_archives, file);
        if (vlmc_reader_open(file, &no_engine, &reader, &error) != VLMC_OK)
            fail(file, &error);
        const uint32_t index = (uint32_t)(mixed(q) % b->n_paths);
        for (unsigned i = 0; i < 32; i++)
            sprintf(digests[q] + 2 * i, "%02x", vlmc_reader_entry(reader, index)->sha256[i]);
        vlmc_reader_destroy(&reader);
    }
}

static void ask_digest(const bench *b, unsigned q, question *question)
{
    (void)b;
    strcpy(question->text, digests[q]);
    question->params.kind = VLMC_FIND_HASH;
}

static void ask(const bench *b, vlmc_catalog *catalog, const char *what, unsigned n,
                void (*make)(const bench *b, unsigned q, question *question))
{
    double times[QUERIES], processor = now(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t hits = 0;
    for (unsigned q = 0; q < n; q++) {
        vlmc_error error;
        question question = {.params = {.pattern = question.text}};
        make(b, q, &question);
        const double start = now(CLOCK_MONOTONIC);
        if (vlmc_catalog_find(catalog, &question.params, count_hit, &hits, &error) != VLMC_OK)
            fail(question.text, &error);
        times[q] = now(CLOCK_MONOTONIC) - start;
    }
    qsort(times, n, sizeof *times, ascending);
    processor = now(CLOCK_PROCESS_CPUTIME_ID) - processor;
    printf("%-22s median %8.3f ms, 99 %% %8.3f ms, most %8.3f ms; %.3f ms of a processor, %.1f "
           "hits\n",
           what, 1e3 * times[n / 2], 1e3 * times[n * 99 / 100], 1e3 * times[n - 1],
           1e3 * processor / n, (double)hits / n);
}

static void ask_fixed(vlmc_catalog *catalog, vlmc_find_kind kind, const char *text)
{
    vlmc_error error;
    uint64_t hits = 0;
    const vlmc_find_params params = {.kind = kind, .pattern = text};
    const double start = now(CLOCK_MONOTONIC);
    if (vlmc_catalog_find(catalog, &params, count_hit, &hits, &error) != VLMC_OK)
        fail(text, &error);
    printf("%-22s %8.1f ms; %llu hits\n", text, 1e3 * (now(CLOCK_MONOTONIC) - start),
           (unsigned long long)hits);
}

static void run_commands(const bench *b, const char *what, const char *option,
                         void (*make)(const bench *b, unsigned q, question *question))
{
    extern char **environ;
    double times[COMMANDS];
    setenv("VLMC_CATALOG", b->database, 1);
    for (unsigned q = 0; q < COMMANDS; q++) {
        question question = {0};
        make(b, q, &question);
        char *const arguments[] = {(char *)"vlmc",
                                   (char *)"find",
                                   (char *)"--quiet",
                                   (char *)option,
                                   (char *)"--",
                                   question.text,
                                   NULL};
        posix_spawn_file_actions_t actions;
        pid_t child;
        int result;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
        const double start = now(CLOCK_MONOTONIC);
        if (posix_spawn(&child, b->program, &actions, NULL, arguments, environ) != 0 ||
            waitpid(child, &result, 0) < 0 || result != 0)
            fail(b->program, NULL);
        times[q] = now(CLOCK_MONOTONIC) - start;
        posix_spawn_file_actions_destroy(&actions);
    }
    qsort(times, COMMANDS, sizeof *times, ascending);
    printf("vlmc find, %-11s median %8.1f ms, most %8.1f ms\n", what, 1e3 * times[COMMANDS / 2],
           1e3 * times[COMMANDS - 1]);
}

static vlmc_status ignore_content(void *user, const vlmc_catalog_content *content,
                                  vlmc_error *error)
{
    (void)user;
    (void)content;
    (void)error;
    return VLMC_OK;
}

static void look(const bench *b)
{
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(b);
    ask(b, catalog, "exact path", QUERIES, ask_path);
    ask(b, catalog, "hash", QUERIES, ask_digest);
    ask(b, catalog, "name of a file", QUERIES, ask_name);
    ask(b, catalog, "any 12 bytes", QUERIES, ask_part);
    ask(b, catalog, "glob */NAME.*", QUERIES, ask_glob);
    ask_fixed(catalog, VLMC_FIND_TEXT, "IMG_");
    ask_fixed(catalog, VLMC_FIND_TEXT, "zz");
    ask_fixed(catalog, VLMC_FIND_REGEX, "[0-9]+zozo");
    double start = now(CLOCK_MONOTONIC);
    if (vlmc_catalog_duplicates(catalog, 20, ignore_content, NULL, &error) != VLMC_OK)
        fail("duplicates", &error);
    printf("duplicates             %8.1f ms\n", 1e3 * (now(CLOCK_MONOTONIC) - start));
    start = now(CLOCK_MONOTONIC);
    if (vlmc_catalog_check(catalog, &error) != VLMC_OK)
        fail("check", &error);
    printf("check                  %8.1f s\n", now(CLOCK_MONOTONIC) - start);
    vlmc_catalog_close(&catalog);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: bench_catalog FOLDER [ARCHIVES [PATHS [VLMC]]]\n", stderr);
        return 64;
    }
    bench b = {.folder = argv[1],
               .n_archives = argc > 2 ? (unsigned)atoi(argv[2]) : 200,
               .n_paths = argc > 3 ? (unsigned)atoi(argv[3]) : 5000,
               .program = argc > 4 ? argv[4] : NULL};
    char first[PATH_BYTES];
    size_t bytes = 0;
    snprintf(b.database, sizeof b.database, "%s/catalog.db", b.folder);
    for (unsigned i = 0; i < 1000; i++) {
        any_path(&b, i, first);
        bytes += strlen(first);
    }
    printf("%u archives with %u paths each, %.1f bytes on average, such as %s\n", b.n_archives,
           b.n_paths, (double)bytes / 1000, first);
    for (unsigned a = 0; a < b.n_archives; a++)
        make_archive(&b, a);
    find_digests(&b);
    load(&b);
    look(&b);
    if (b.program) {
        run_commands(&b, "exact path", "--exact", ask_path);
        run_commands(&b, "hash", "--hash", ask_digest);
        run_commands(&b, "name", "--quiet", ask_name);
        run_commands(&b, "any 12 bytes", "--quiet", ask_part);
    }
    free(digests);
    return 0;
}
