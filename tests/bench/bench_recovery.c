// SPDX-License-Identifier: Apache-2.0
// How often recovery data mend scattered damage: layouts as a writer chooses them, blocks of the
// file lost at random, and the order in which rows and XOR rows find lost cells. Nothing is coded.
//     bench_recovery MEGABYTES TRIALS [LOST_PERCENT [BLOCK_BYTES [RECOVERY_PERCENT]]]
#include "recovery/layout.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct trial {
    vlmc_recovery_layout layout;
    uint64_t block_bytes;
    uint64_t n_blocks; // of the file
    uint64_t *order;   // (n_blocks) of which the first are lost
    bool *lost;        // (n_blocks)
    bool *cells;       // (all_rows, data): lost
    uint32_t *n_lost;  // (all_rows) cells
    uint32_t *n_whole; // (all_rows) packets
    uint64_t state;
} trial;

static uint64_t next_number(trial *t)
{
    t->state ^= t->state << 13;
    t->state ^= t->state >> 7;
    t->state ^= t->state << 17;
    return t->state;
}

static void lose(trial *t, uint64_t n)
{
    memset(t->lost, 0, t->n_blocks);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t k = i + next_number(t) % (t->n_blocks - i), block = t->order[k];
        t->order[k] = t->order[i];
        t->order[i] = block;
        t->lost[block] = true;
    }
}

static bool is_lost(const trial *t, uint64_t at, uint64_t bytes)
{
    for (uint64_t b = at / t->block_bytes; bytes && b <= (at + bytes - 1) / t->block_bytes; b++)
        if (t->lost[b])
            return true;
    return false;
}

static void look(trial *t)
{
    const vlmc_recovery_layout *l = &t->layout;
    for (uint32_t row = 0; row < l->all_rows; row++) {
        t->n_lost[row] = t->n_whole[row] = 0;
        for (uint32_t c = 0; c < l->data; c++) {
            const bool lost =
                is_lost(t, vlmc_recovery_cell_at(l, c, row), vlmc_recovery_cell_size(l, c, row));
            t->cells[(size_t)row * l->data + c] = lost;
            t->n_lost[row] += lost;
        }
        for (uint32_t p = 0; p < l->parity; p++)
            t->n_whole[row] += !is_lost(t, vlmc_recovery_packet_at(l, p, row), l->packet_bytes);
    }
}

static bool mend_rows(trial *t)
{
    const vlmc_recovery_layout *l = &t->layout;
    bool any = false;
    for (uint32_t row = 0; row < l->all_rows; row++)
        if (t->n_lost[row] && t->n_lost[row] <= t->n_whole[row]) {
            memset(t->cells + (size_t)row * l->data, 0, l->data);
            t->n_lost[row] = 0;
            any = true;
        }
    return any;
}

static void count(const trial *t, uint32_t row, uint32_t c, uint32_t *n, uint32_t *last)
{
    if (!t->cells[(size_t)row * t->layout.data + c])
        return;
    ++*n;
    *last = row;
}

// The only lost one of a group's cells in a column and their XOR.
static bool mend_cell(trial *t, uint32_t group, uint32_t c)
{
    const vlmc_recovery_layout *l = &t->layout;
    uint32_t n = 0, row = 0;
    for (uint32_t r = group; r < l->rows; r += l->xor_rows)
        count(t, r, c, &n, &row);
    count(t, l->rows + group, c, &n, &row);
    if (n != 1)
        return false;
    t->cells[(size_t)row * l->data + c] = false;
    t->n_lost[row]--;
    return true;
}

static bool mend_columns(trial *t)
{
    bool any = false;
    for (uint32_t group = 0; group < t->layout.xor_rows; group++)
        for (uint32_t c = 0; c < t->layout.data; c++)
            any |= mend_cell(t, group, c);
    return any;
}

static bool survives(trial *t, uint64_t n)
{
    lose(t, n);
    look(t);
    for (bool any = true; any;) {
        any = mend_rows(t);
        any |= mend_columns(t);
    }
    for (uint32_t row = 0; row < t->layout.rows; row++)
        if (t->n_lost[row])
            return false;
    return true;
}

static void *allocate(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        abort();
    return p;
}

static void prepare(trial *t)
{
    const vlmc_recovery_layout *l = &t->layout;
    t->n_blocks = (l->end + t->block_bytes - 1) / t->block_bytes;
    t->order = allocate(t->n_blocks, sizeof *t->order);
    t->lost = allocate(t->n_blocks, sizeof *t->lost);
    t->cells = allocate((size_t)l->all_rows * l->data, sizeof *t->cells);
    t->n_lost = allocate(l->all_rows, sizeof *t->n_lost);
    t->n_whole = allocate(l->all_rows, sizeof *t->n_whole);
    for (uint64_t i = 0; i < t->n_blocks; i++)
        t->order[i] = i;
}

int main(int argc, char **argv)
{
    trial t = {.block_bytes = argc > 4 ? strtoull(argv[4], NULL, 10) : 4096,
               .state = UINT64_C(88172645463325252)};
    const uint64_t archive = argc > 1 ? (uint64_t)(atof(argv[1]) * 1e6) : 0;
    const unsigned long trials = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    const double percent = argc > 3 ? atof(argv[3]) : 5;
    const uint32_t recovery = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 10;
    if (!trials || !t.block_bytes || percent < 0 || percent > 100 ||
        !vlmc_recovery_plan(archive, 0, recovery, &t.layout)) {
        fputs("bench_recovery MEGABYTES TRIALS [LOST_PERCENT [BLOCK_BYTES [RECOVERY_PERCENT]]]\n",
              stderr);
        return 64;
    }
    prepare(&t);
    unsigned long failures = 0;
    for (unsigned long i = 0; i < trials; i++)
        failures += !survives(&t, (uint64_t)(percent / 100 * (double)t.n_blocks));
    const vlmc_recovery_layout *l = &t.layout;
    printf("%s MB: cells of %u, %u rows, %u XOR rows, %u + %u shards, %.2f %% longer: %lu of %lu "
           "not mended\n",
           argv[1], l->cell_bytes, l->rows, l->xor_rows, l->data, l->parity,
           100 * (double)(l->end - archive) / (double)archive, failures, trials);
    free(t.order);
    free(t.lost);
    free(t.cells);
    free(t.n_lost);
    free(t.n_whole);
    return 0;
}
