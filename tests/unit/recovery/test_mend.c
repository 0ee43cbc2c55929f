// SPDX-License-Identifier: Apache-2.0
// Ten percent of recovery data mend damage of any five percent of the blocks.
// VLMC_TEST_ROUNDS=N: N random patterns of each kind instead of a few.
#include "recovery_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 4096u

// One row; rows of small cells; rows of pages; rows of pages with XOR rows.
static const size_t sizes[] = {120000, 1500000, 9000000, 30000000};
#define SIZES (sizeof sizes / sizeof *sizes)

static unsigned long rounds(unsigned long usual)
{
    const char *text = getenv("VLMC_TEST_ROUNDS");
    return text ? strtoul(text, NULL, 10) : usual;
}

static void spoil(uint8_t *bytes, size_t size, uint64_t *state)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] ^= (uint8_t)(next_number(state) % 255 + 1);
}

static uint8_t *copy_of(const protected_file *file)
{
    uint8_t *bytes = malloc(file->size);
    memcpy(bytes, file->bytes, file->size);
    return bytes;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Spoils `n` different blocks of the file.
static void spoil_blocks(uint8_t *bytes, size_t size, size_t block, size_t n, uint64_t *state)
{
    const size_t blocks = (size + block - 1) / block;
    bool *hit = calloc(blocks, sizeof *hit);
    while (n > 0) {
        const size_t i = next_number(state) % blocks;
        if (hit[i])
            continue;
        hit[i] = true;
        n--;
        spoil(bytes + i * block, smaller(block, size - i * block), state);
    }
    free(hit);
}

Test(mend, any_five_percent_of_the_blocks_wherever_they_lie)
{
    uint64_t state = 5;
    for (size_t s = 0; s < SIZES; s++) {
        protected_file file = make_protected(sizes[s], 10);
        const size_t block = sizes[s] < 1000000 ? 1024 : BLOCK_BYTES;
        for (unsigned long round = 0; round < rounds(s < 3 ? 3 : 1); round++) {
            uint8_t *bytes = copy_of(&file);
            spoil_blocks(bytes, file.size, block, file.size / block / 20, &state);
            cr_expect(mends(&file, bytes, file.size, NULL), "%zu bytes, round %lu", sizes[s],
                      round);
            free(bytes);
        }
        free_protected(&file);
    }
}

Test(mend, ten_percent_promise_five_at_every_size)
{
    for (uint64_t n = VLMC_RECOVERY_ARCHIVE_BYTES_MIN; n < VLMC_RECOVERY_ARCHIVE_BYTES_MAX;
         n += 1 + n / 997) {
        vlmc_recovery_layout l;
        cr_assert(vlmc_recovery_plan(n, 0, 10, &l));
        cr_expect_geq(l.parity - l.pieces, (l.data + l.parity) / 20, "%llu bytes",
                      (unsigned long long)n);
        const uint64_t most = n > 46000000 ? 110 * n / 1000 : 165 * n / 1000;
        cr_expect(l.end - n <= most || n < 25000, "%llu bytes: %llu", (unsigned long long)n,
                  (unsigned long long)(l.end - n));
    }
}

static void spoil_shard(const protected_file *file, uint8_t *bytes, uint32_t shard, uint64_t *state)
{
    const vlmc_recovery_layout *l = &file->layout;
    const size_t data_bytes = (size_t)l->rows * l->cell_bytes;
    const size_t parity_bytes = (size_t)l->all_rows * l->packet_bytes;
    if (shard < l->data)
        spoil(bytes + shard * data_bytes,
              smaller(data_bytes, file->archive_bytes - shard * data_bytes), state);
    else
        spoil(bytes + l->packets_at + (shard - l->data) * parity_bytes, parity_bytes, state);
}

// As many as info promises: these, in an order of their own, from `first` on.
static void lose_shards(const protected_file *file, uint32_t first, uint32_t step, uint64_t *state)
{
    const uint32_t shards = file->layout.data + file->layout.parity;
    const uint32_t spare = file->layout.parity - file->layout.pieces;
    uint8_t *bytes = copy_of(file);
    for (uint32_t i = 0; i < spare; i++)
        spoil_shard(file, bytes, (first + i * step) % shards, state);
    cr_expect(mends(file, bytes, file->size, NULL), "%u of %u shards, from %u by %u", spare, shards,
              first, step);
    free(bytes);
}

static bool is_prime(uint32_t n)
{
    for (uint32_t i = 2; i * i <= n; i++)
        if (n % i == 0)
            return false;
    return n > 1;
}

// A shard is what a row's code sees as one cell: the guarantee.
Test(mend, any_shards_up_to_the_number_that_is_promised)
{
    uint64_t state = 6;
    for (size_t s = 0; s < SIZES; s++) {
        protected_file file = make_protected(sizes[s], 10);
        const uint32_t shards = file.layout.data + file.layout.parity;

        lose_shards(&file, 0, 1, &state);
        lose_shards(&file, file.layout.data, 1, &state); // as many of the hashes as may be lost
        lose_shards(&file, file.layout.data - 4, 1, &state);
        for (unsigned long round = 0; round < rounds(1); round++) {
            uint32_t step = 2 + (uint32_t)(next_number(&state) % 200);
            while (!is_prime(step) || shards % step == 0) // so that no shard comes twice
                step++;
            lose_shards(&file, (uint32_t)(next_number(&state) % shards), step, &state);
        }
        free_protected(&file);
    }
}

Test(mend, one_run_of_five_percent_anywhere)
{
    uint64_t state = 7;
    for (size_t s = 0; s < 3; s++) {
        protected_file file = make_protected(sizes[s], 10);
        const size_t run = file.size / 20;
        for (size_t at = 0; at + run <= file.size; at += run / (s < 2 ? 2 : 1)) {
            uint8_t *bytes = copy_of(&file);
            spoil(bytes + at, run, &state);
            cr_expect(mends(&file, bytes, file.size, NULL), "%zu bytes at %zu", sizes[s], at);
            free(bytes);
        }
        free_protected(&file);
    }
}

// Every k-th block over a stretch, which without turned columns would all lie in the same rows.
Test(mend, regular_patterns_of_damage)
{
    uint64_t state = 8;
    protected_file file = make_protected(sizes[2], 10);
    const size_t blocks = file.size / BLOCK_BYTES;
    for (size_t step = 2; step <= 64; step *= 2) {
        uint8_t *bytes = copy_of(&file);
        const size_t n = step > 20 ? blocks / step : blocks / 20;
        for (size_t i = 0; i < n; i++)
            spoil(bytes + i * step % blocks * BLOCK_BYTES, BLOCK_BYTES, &state);
        cr_expect(mends(&file, bytes, file.size, NULL), "every %zu-th block", step);
        free(bytes);
    }
    free_protected(&file);
}

Test(mend, a_file_that_lost_its_end)
{
    for (size_t s = 0; s < 3; s++) {
        protected_file file = make_protected(sizes[s], 10);
        for (size_t cut = 1; cut <= file.size / 20; cut = cut * 5 + 3)
            cr_expect(mends(&file, file.bytes, file.size - cut, NULL), "%zu bytes cut", cut);
        free_protected(&file);
    }
}

Test(mend, bytes_that_came_in_or_went)
{
    protected_file file = make_protected(sizes[1], 10);
    uint8_t *bytes = malloc(file.size + 100);
    const size_t places[] = {0, 1000, sizes[1] / 2, sizes[1] - 10, sizes[1] + 60};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const size_t at = places[i];
        vlmc_recovery_report report;
        memcpy(bytes, file.bytes, at);
        memset(bytes + at, 'x', 77);
        memcpy(bytes + at + 77, file.bytes + at, file.size - at);
        cr_expect(mends(&file, bytes, file.size + 77, &report), "77 bytes came in at %zu", at);
        memcpy(bytes + at, file.bytes + at + 55, file.size - at - 55);
        cr_expect(mends(&file, bytes, file.size - 55, &report), "55 bytes went at %zu", at);
    }
    free(bytes);
    free_protected(&file);
}

Test(mend, more_than_can_be_mended_is_said_to_be_lost)
{
    uint64_t state = 9;
    protected_file file = make_protected(sizes[1], 10);
    uint8_t *bytes = copy_of(&file);
    vlmc_recovery_report report;
    spoil(bytes, file.size / 5, &state);
    cr_expect_not(mends(&file, bytes, file.size, &report));
    cr_expect_gt(report.lost_cells, 0u);
    cr_expect_leq(report.lost_cells, report.bad_cells);
    cr_expect_leq(report.lost_at, file.size / 5);
    free(bytes);
    free_protected(&file);
}

Test(mend, small_archives_are_mended_after_damage_to_any_byte)
{
    for (size_t size = 112; size < 3000; size += 1300) {
        protected_file file = make_protected(size, 10);
        for (size_t at = 0; at < file.size; at++) {
            file.bytes[at] ^= 0x10;
            uint8_t *bytes = copy_of(&file);
            file.bytes[at] ^= 0x10;
            cr_expect(mends(&file, bytes, file.size, NULL), "byte %zu of %zu", at, size);
            free(bytes);
        }
        free_protected(&file);
    }
}
