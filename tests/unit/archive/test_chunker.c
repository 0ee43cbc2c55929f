// SPDX-License-Identifier: Apache-2.0
#include "archive/chunk_table.h"
#include "archive/chunker.h"
#include "tiny_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define N ((size_t)1 << 20)

// Where chunks of bytes // (n) end. ends // (n / VLMC_CHUNK_BYTES_LEAST + 1)
static uint32_t cut(const uint8_t *bytes, size_t n, size_t *ends)
{
    vlmc_chunker chunker;
    uint32_t count = 0;
    vlmc_chunker_init(&chunker);
    for (size_t at = 0; at < n; at = ends[count - 1]) {
        const size_t length = vlmc_chunker_next(&chunker, bytes + at, n - at, true);
        cr_assert(length >= 1 && length <= VLMC_CHUNK_BYTES_MAX);
        cr_assert(length >= VLMC_CHUNK_BYTES_LEAST || at + length == n);
        // The same, whatever follows.
        cr_assert_eq(vlmc_chunker_next(&chunker, bytes + at, n - at, false),
                     n - at < VLMC_CHUNK_BYTES_MAX ? 0 : length);
        if (n - at > VLMC_CHUNK_BYTES_MAX)
            cr_assert_eq(vlmc_chunker_next(&chunker, bytes + at, VLMC_CHUNK_BYTES_MAX, true),
                         length);
        ends[count++] = at + length;
    }
    return count;
}

static bool is_end(const size_t *ends, uint32_t n, size_t end)
{
    for (uint32_t i = 0; i < n; i++)
        if (ends[i] == end)
            return true;
    return false;
}

Test(chunker, chunks_gather_around_their_mean)
{
    uint8_t *bytes = malloc(N);
    size_t *ends = malloc((N / VLMC_CHUNK_BYTES_LEAST + 1) * sizeof *ends), at = 0;
    uint32_t near_mean = 0;
    fill_random(bytes, N, 1);
    const uint32_t n = cut(bytes, N, ends);
    for (uint32_t i = 0; i < n; at = ends[i++])
        near_mean +=
            ends[i] - at > VLMC_CHUNK_BYTES_MEAN / 2 && ends[i] - at < 2 * VLMC_CHUNK_BYTES_MEAN;
    cr_assert(N / n > VLMC_CHUNK_BYTES_MEAN * 3 / 4 && N / n < VLMC_CHUNK_BYTES_MEAN * 3 / 2,
              "%zu bytes on average", N / n);
    cr_assert_gt(near_mean, n * 3 / 4);
    free(bytes);
    free(ends);
}

// Everywhere and always: archives depend on it.
Test(chunker, the_numbers_are_those_of_version_0)
{
    vlmc_chunker chunker;
    uint8_t bytes[20000];
    vlmc_chunker_init(&chunker);
    cr_assert_eq(chunker.gear[0], UINT64_C(0xB9F93EC9EF974B6C));
    cr_assert_eq(chunker.gear[255], UINT64_C(0x200F43916CD38F0D));
    fill_random(bytes, sizeof bytes, 7);
    cr_assert_eq(vlmc_chunker_next(&chunker, bytes, sizeof bytes, true), 1025);
}

Test(chunker, what_stands_elsewhere_is_cut_alike)
{
    uint8_t *bytes = malloc(N + 1000);
    size_t *here = malloc((N / VLMC_CHUNK_BYTES_LEAST + 3) * sizeof *here);
    size_t *there = malloc((N / VLMC_CHUNK_BYTES_LEAST + 3) * sizeof *there);
    for (uint32_t moved = 1; moved < 1000; moved += 99) {
        fill_random(bytes, moved, 2);
        fill_random(bytes + moved, N, 3);
        const uint32_t n_here = cut(bytes + moved, N, here), n_there = cut(bytes, N + moved, there);
        uint32_t same = 0;
        for (uint32_t i = 0; i < n_here; i++)
            same += is_end(there, n_there, here[i] + moved);
        cr_assert_gt(same + 8, n_here, "%u of %u", same, n_here);
    }
    free(bytes);
    free(here);
    free(there);
}

Test(chunker, text_is_cut_between_lines)
{
    uint8_t *bytes = malloc(2 * N);
    size_t *ends = malloc((2 * N / VLMC_CHUNK_BYTES_LEAST + 1) * sizeof *ends);
    fill_text(bytes, N, 1);
    for (size_t i = 0; i < N; i++) // lines of 200 bytes at most
        if (i % 200 == 199)
            bytes[i] = '\n';
    uint32_t n = cut(bytes, N, ends);
    cr_assert_gt(n, 100);
    for (uint32_t i = 0; i + 1 < n; i++)
        cr_assert_eq(bytes[ends[i] - 1], '\n');
    for (size_t i = N; i-- > 0;) { // the same in UTF-16
        bytes[2 * i] = i % 100 == 99 ? '\n' : bytes[i];
        bytes[2 * i + 1] = 0;
    }
    n = cut(bytes, 2 * N, ends);
    cr_assert_gt(n, 100);
    for (uint32_t i = 0; i + 1 < n; i++)
        cr_assert(ends[i] % 2 == 0 && bytes[ends[i] - 2] == '\n', "%zu", ends[i]);
    free(bytes);
    free(ends);
}

static void digest_of(uint32_t number, uint8_t digest[VLMC_CHUNK_DIGEST_BYTES])
{
    fill_random(digest, VLMC_CHUNK_DIGEST_BYTES, number);
    memcpy(digest + 20, &number, sizeof number); // no two are the same
    digest[0] &= 15;                             // and many in one list
}

Test(chunk_table, finds_what_was_added_until_it_is_forgotten)
{
    vlmc_chunk_table *table;
    vlmc_error error = {0};
    uint8_t digest[VLMC_CHUNK_DIGEST_BYTES];
    vlmc_chunk_place place;
    cr_assert_eq(vlmc_chunk_table_create(&table, &error), VLMC_OK);
    uint64_t mark = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        digest_of(i, digest);
        cr_assert_not(vlmc_chunk_table_find(table, digest, &place));
        place = (vlmc_chunk_place){i, 3 * i};
        cr_assert_eq(vlmc_chunk_table_add(table, digest, place, &error), VLMC_OK);
        if (i == 3999)
            mark = vlmc_chunk_table_mark(table);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        digest_of(i, digest);
        cr_assert(vlmc_chunk_table_find(table, digest, &place));
        cr_assert(place.piece == i && place.offset == 3 * i);
        digest[31] ^= 1;
        cr_assert_not(vlmc_chunk_table_find(table, digest, &place));
    }
    vlmc_chunk_table_forget(table, mark);
    for (uint32_t i = 0; i < 10000; i++) {
        digest_of(i, digest);
        cr_assert_eq(vlmc_chunk_table_find(table, digest, &place), i < 4000);
    }
    vlmc_chunk_table_destroy(&table);
}

Test(chunk_table, forgets_the_oldest_when_it_is_full)
{
    vlmc_chunk_table *table;
    vlmc_error error = {0};
    uint8_t digest[VLMC_CHUNK_DIGEST_BYTES] = {0};
    vlmc_chunk_place place = {0};
    const uint32_t more = 70000, n = VLMC_CHUNKS_MAX + more;
    cr_assert_eq(vlmc_chunk_table_create(&table, &error), VLMC_OK);
    for (uint32_t i = 0; i < n; i++) {
        place.piece = i;
        memcpy(digest, &i, sizeof i);
        cr_assert_eq(vlmc_chunk_table_add(table, digest, place, &error), VLMC_OK);
    }
    const uint64_t mark = vlmc_chunk_table_mark(table) - 10;
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < n; i++) {
            memcpy(digest, &i, sizeof i);
            const bool there = i >= more && (round == 0 || i < n - 10);
            cr_assert_eq(vlmc_chunk_table_find(table, digest, &place), there, "%u", i);
            cr_assert(!there || place.piece == i);
        }
        vlmc_chunk_table_forget(table, mark);
    }
    vlmc_chunk_table_destroy(&table);
}
