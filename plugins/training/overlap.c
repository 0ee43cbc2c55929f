// SPDX-License-Identifier: Apache-2.0
// What training files share with files that measure: every run of 64 or more bytes that occurs in
// both. usage: overlap [-w FOLDER] BENCHMARK… -- CORPUS…
// With -w, FOLDER gets a copy of each corpus without the lines that hold such a run. Runs of fewer
// than 10 different bytes (blanks, rules of tables, zeros) say nothing and stay. Exit code: 0, or
// 1 where something was found and no copy was asked for.
//
//   cc -O2 -o overlap overlap.c
//
// A run of 64 bytes covers a whole aligned block of 32 bytes of the benchmark file. So those blocks
// are in a hash table, and a hash of the last 32 bytes rolls over the corpus. Blocks of one byte
// are left out: a run with no other whole block (a word after a row of blanks) is not seen.
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN 64u
#define BLOCK 32u
#define DIFFERENT_MIN 10u
#define MULTIPLIER 0x9E3779B97F4A7C15u
#define FILTER_LOG2 27u

typedef struct file {
    const char *path;
    uint8_t *bytes;
    size_t size;
} file;

typedef struct block {
    uint64_t hash;
    uint32_t file, next; // next: index + 1 of the next block in the chain
    uint64_t at;
} block;

typedef struct index {
    const file *files;
    block *blocks;
    size_t n_blocks, capacity;
    uint32_t *heads; // index + 1
    uint32_t heads_log2;
    uint64_t *filter; // one bit for each hash
} index_of;

static void die(const char *what, const char *path)
{
    fprintf(stderr, "overlap: %s: %s\n", path, what);
    exit(2);
}

static void *allocate(size_t n, size_t size)
{
    void *memory = calloc(n ? n : 1, size);
    if (!memory)
        die("out of memory", "overlap");
    return memory;
}

static file read_file(const char *path)
{
    file f = {.path = path};
    FILE *in = fopen(path, "rb");
    if (!in || fseek(in, 0, SEEK_END) != 0)
        die("cannot be read", path);
    const long size = ftell(in);
    if (size < 0)
        die("cannot be read", path);
    f.size = (size_t)size;
    f.bytes = allocate(f.size, 1);
    rewind(in);
    if (fread(f.bytes, 1, f.size, in) != f.size)
        die("cannot be read", path);
    fclose(in);
    return f;
}

static bool says_nothing(const uint8_t *bytes, size_t n)
{
    bool seen[256] = {false};
    uint32_t different = 0;
    for (size_t i = 0; i < n && different < DIFFERENT_MIN; i++) {
        different += !seen[bytes[i]];
        seen[bytes[i]] = true;
    }
    return different < DIFFERENT_MIN;
}

static bool one_byte(const uint8_t *bytes, size_t n)
{
    return memcmp(bytes, bytes + 1, n - 1) == 0;
}

static uint64_t push(uint64_t hash, uint8_t byte)
{
    return hash * MULTIPLIER + byte + 1;
}

static uint64_t block_hash(const uint8_t *bytes)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < BLOCK; i++)
        hash = push(hash, bytes[i]);
    return hash;
}

// The upper bits depend on every byte of the block.
static size_t slot(uint64_t hash, uint32_t log2)
{
    return (size_t)((hash ^ hash >> 29) * MULTIPLIER >> (64 - log2));
}

static void build_index(index_of *x, const file *files, size_t n_files)
{
    size_t most = 1;
    for (size_t i = 0; i < n_files; i++)
        most += files[i].size / BLOCK;
    if (most >= UINT32_MAX)
        die("too large together", "benchmark files");
    x->files = files;
    x->blocks = allocate(most, sizeof *x->blocks);
    x->filter = allocate((size_t)1 << (FILTER_LOG2 - 6), sizeof *x->filter);
    for (x->heads_log2 = 10; (size_t)1 << x->heads_log2 < most; x->heads_log2++)
        ;
    x->heads = allocate((size_t)1 << x->heads_log2, sizeof *x->heads);
    for (size_t i = 0; i < n_files; i++)
        for (size_t at = 0; at + BLOCK <= files[i].size; at += BLOCK) {
            if (one_byte(files[i].bytes + at, BLOCK))
                continue;
            const uint64_t hash = block_hash(files[i].bytes + at);
            uint32_t *head = &x->heads[slot(hash, x->heads_log2)];
            x->blocks[x->n_blocks] =
                (block){.hash = hash, .file = (uint32_t)i, .next = *head, .at = at};
            *head = (uint32_t)++x->n_blocks;
            const size_t bit = slot(hash, FILTER_LOG2);
            x->filter[bit >> 6] |= (uint64_t)1 << (bit & 63);
        }
}

typedef struct run {
    size_t begin, end; // in the corpus
    uint32_t file;     // of the benchmark
    size_t at;
} run;

// The longest run around the block that ends before `end`.
static bool find_run(const index_of *x, const file *corpus, size_t end, uint64_t hash, run *found)
{
    const size_t bit = slot(hash, FILTER_LOG2);
    if (!(x->filter[bit >> 6] >> (bit & 63) & 1))
        return false;
    *found = (run){0};
    for (uint32_t i = x->heads[slot(hash, x->heads_log2)]; i; i = x->blocks[i - 1].next) {
        const block *b = &x->blocks[i - 1];
        const file *f = &x->files[b->file];
        if (b->hash != hash || memcmp(f->bytes + b->at, corpus->bytes + end - BLOCK, BLOCK) != 0)
            continue;
        size_t from = end - BLOCK, at = b->at, to = end, until = b->at + BLOCK;
        while (from && at && corpus->bytes[from - 1] == f->bytes[at - 1])
            from--, at--;
        while (to < corpus->size && until < f->size && corpus->bytes[to] == f->bytes[until])
            to++, until++;
        if (to - from > found->end - found->begin)
            *found = (run){from, to, b->file, at};
    }
    const size_t length = found->end - found->begin;
    return length >= RUN && !says_nothing(corpus->bytes + found->begin, length);
}

typedef struct totals {
    size_t runs, bytes, longest, cut;
} totals;

static void show(const file *corpus, const index_of *x, const run *r)
{
    printf("%s:%zu %zu bytes of %s:%zu \"", corpus->path, r->begin, r->end - r->begin,
           x->files[r->file].path, r->at);
    for (size_t i = r->begin; i < r->begin + RUN; i++)
        putchar(corpus->bytes[i] >= ' ' && corpus->bytes[i] < 127 ? corpus->bytes[i] : '.');
    puts("\"");
}

// Copies all up to the line of the run and returns where the next line begins.
static size_t cut_lines(const file *corpus, size_t kept, const run *r, FILE *out, totals *t)
{
    size_t begin = r->begin, end = r->end;
    while (begin > kept && corpus->bytes[begin - 1] != '\n')
        begin--;
    while (end < corpus->size && corpus->bytes[end - 1] != '\n')
        end++;
    if (begin < kept)
        begin = kept;
    if (out && fwrite(corpus->bytes + kept, 1, begin - kept, out) != begin - kept)
        die("cannot be written", corpus->path);
    t->cut += end > begin ? end - begin : 0;
    return end > kept ? end : kept;
}

static totals search(const index_of *x, const file *corpus, FILE *out)
{
    uint64_t drop = 1, hash = 0; // drop: MULTIPLIER^BLOCK
    for (size_t i = 0; i < BLOCK; i++)
        drop *= MULTIPLIER;
    totals t = {0};
    size_t kept = 0;
    for (size_t i = 0, filled = 0; i < corpus->size; i++) {
        hash = push(hash, corpus->bytes[i]);
        if (++filled > BLOCK)
            hash -= drop * ((uint64_t)corpus->bytes[i - BLOCK] + 1);
        run r;
        if (filled < BLOCK || !find_run(x, corpus, i + 1, hash, &r))
            continue;
        if (t.runs++ < 20)
            show(corpus, x, &r);
        t.bytes += r.end - r.begin;
        t.longest = r.end - r.begin > t.longest ? r.end - r.begin : t.longest;
        kept = cut_lines(corpus, kept, &r, out, &t);
        i = r.end - 1;
        hash = 0;
        filled = 0;
    }
    if (out && fwrite(corpus->bytes + kept, 1, corpus->size - kept, out) != corpus->size - kept)
        die("cannot be written", corpus->path);
    return t;
}

static FILE *open_copy(const char *folder, const char *path)
{
    char name[4096];
    const char *base = strrchr(path, '/');
    const int n = snprintf(name, sizeof name, "%s/%s", folder, base ? base + 1 : path);
    FILE *out = n > 0 && (size_t)n < sizeof name ? fopen(name, "wbx") : NULL;
    if (!out)
        die("a copy cannot be made (it is not overwritten either)", path);
    return out;
}

int main(int argc, char **argv)
{
    int first = 1, split;
    const char *folder = NULL;
    if (argc > 2 && strcmp(argv[1], "-w") == 0) {
        folder = argv[2];
        first = 3;
    }
    for (split = first; split < argc && strcmp(argv[split], "--") != 0; split++)
        ;
    if (split == first || split + 1 >= argc) {
        fputs("usage: overlap [-w FOLDER] BENCHMARK… -- CORPUS…\n", stderr);
        return 64;
    }
    const size_t n_files = (size_t)(split - first);
    file *files = allocate(n_files, sizeof *files);
    size_t bytes = 0;
    for (size_t i = 0; i < n_files; i++) {
        files[i] = read_file(argv[first + (int)i]);
        bytes += files[i].size;
    }
    index_of x = {0};
    build_index(&x, files, n_files);
    printf("%zu benchmark files, %zu bytes, %zu blocks\n", n_files, bytes, x.n_blocks);
    bool any = false;
    for (int i = split + 1; i < argc; i++) {
        file corpus = read_file(argv[i]);
        FILE *out = folder ? open_copy(folder, argv[i]) : NULL;
        const totals t = search(&x, &corpus, out);
        if (out && fclose(out) != 0)
            die("cannot be written", argv[i]);
        printf("%s: %zu bytes, %zu runs of %zu bytes in common, the longest %zu; lines of %zu "
               "bytes%s\n",
               argv[i], corpus.size, t.runs, t.bytes, t.longest, t.cut, folder ? " cut" : "");
        any |= t.runs > 0;
        free(corpus.bytes);
    }
    for (size_t i = 0; i < n_files; i++)
        free(files[i].bytes);
    free(files);
    free(x.blocks);
    free(x.heads);
    free(x.filter);
    return any && !folder;
}
