// SPDX-License-Identifier: Apache-2.0
#include "codec/cut.h"

#include <criterion/criterion.h>

// Every rule of a group's cut, each against the simplest way to say it.
static void check_cut(uint32_t n, uint32_t streams, uint32_t align)
{
    vlmc_cut cut;
    cr_assert(vlmc_cut_make(n, streams, align, &cut), "%u tokens, %u streams, align %u", n, streams,
              align);
    uint32_t at = 0, before = UINT32_MAX, shortest = UINT32_MAX;
    for (uint32_t s = 0; s < streams; s++) {
        const uint32_t length = vlmc_cut_length(&cut, s);
        cr_assert_eq(vlmc_cut_offset(&cut, s), at);
        cr_assert_eq(at % align, 0);
        cr_assert(length >= 1 && length <= before);
        cr_assert(length <= vlmc_cut_length(&cut, 0));
        before = length;
        shortest = length < shortest ? length : shortest;
        at += length;
    }
    cr_assert_eq(at, n);
    cr_assert_eq(vlmc_cut_offset(&cut, streams), n);
    cr_assert(vlmc_cut_length(&cut, 0) - shortest < 2 * align);
    const uint32_t steps = vlmc_cut_length(&cut, 0);
    const uint32_t stride = steps < 3000 ? 1 : steps / 997;
    for (uint32_t t = 0; t < steps; t += stride) {
        uint32_t active = 0;
        while (active < streams && t < vlmc_cut_length(&cut, active))
            active++;
        cr_assert_eq(vlmc_cut_active(&cut, t), active, "step %u of %u", t, steps);
    }
    cr_assert_eq(vlmc_cut_active(&cut, steps), 0);
    cr_assert_eq(vlmc_cut_active(&cut, steps + align), 0);
}

Test(cut, streams_cover_a_group_once_and_in_order)
{
    for (uint32_t n = 1; n <= VLMC_GROUP_BYTES_MAX; n = n < 500 ? n + 7 : n * 2 + 13) {
        check_cut(n, vlmc_cut_streams(n, 1, 6144), 1);
        check_cut(n, 1, 1);
        check_cut(n, n < VLMC_STREAMS_MAX ? n : VLMC_STREAMS_MAX, 1);
    }
    check_cut(VLMC_GROUP_BYTES_MAX, vlmc_cut_streams(VLMC_GROUP_BYTES_MAX, 1, 6144), 1);
}

Test(cut, streams_begin_at_multiples_of_the_alignment)
{
    const uint32_t aligns[] = {2, 3, 64, 192, 1000, 6144, 100003, 1u << 20};
    for (uint32_t i = 0; i < sizeof aligns / sizeof *aligns; i++)
        for (uint32_t n = 1; n <= VLMC_GROUP_BYTES_MAX; n = n < 50 ? n + 1 : n * 2 + 13) {
            check_cut(n, 1, aligns[i]);
            check_cut(n, vlmc_cut_streams(n, aligns[i], 2048), aligns[i]);
        }
    check_cut(VLMC_GROUP_BYTES_MAX, 128, 8192);
    check_cut(VLMC_GROUP_BYTES_MAX - 1, 128, 8192);
}

Test(cut, a_group_has_no_more_streams_than_units)
{
    vlmc_cut cut;
    cr_assert(vlmc_cut_make(1000, 10, 100, &cut));
    cr_assert_not(vlmc_cut_make(1000, 11, 100, &cut));
    cr_assert(vlmc_cut_make(1001, 11, 100, &cut));
    cr_assert_not(vlmc_cut_make(1000, 0, 1, &cut));
    cr_assert_not(vlmc_cut_make(1000, VLMC_STREAMS_MAX + 1, 1, &cut));
    cr_assert_not(vlmc_cut_make(0, 1, 1, &cut));
    cr_assert_not(vlmc_cut_make(VLMC_GROUP_BYTES_MAX + 1, 1, 1, &cut));
    cr_assert_not(vlmc_cut_make(UINT32_MAX, UINT32_MAX, UINT32_MAX, &cut));
}

Test(cut, plain_bytes_get_a_stream_for_each_so_many_of_them)
{
    cr_assert_eq(vlmc_cut_streams(0, 1, 6144), 1);
    cr_assert_eq(vlmc_cut_streams(6144 + 3071, 1, 6144), 1);
    cr_assert_eq(vlmc_cut_streams(6144 + 3072, 1, 6144), 2);
    cr_assert_eq(vlmc_cut_streams(100 * 6144, 1, 6144), 100);
    cr_assert_eq(vlmc_cut_streams(UINT32_MAX, 1, 6144), 128);
}

Test(cut, tokens_get_as_many_streams_as_their_geometry_asks_for)
{
    cr_assert_eq(vlmc_cut_streams(100000, 1, 10000), 10);
    cr_assert_eq(vlmc_cut_streams(104999, 1, 10000), 10);
    cr_assert_eq(vlmc_cut_streams(105000, 1, 10000), 11);
    cr_assert_eq(vlmc_cut_streams(104, 1, 11), 9);
    cr_assert_eq(vlmc_cut_streams(105, 1, 11), 10);
    cr_assert_eq(vlmc_cut_streams(10, 1, 10000), 1);
    cr_assert_eq(vlmc_cut_streams(100000, 50000, 10000), 2);
    cr_assert_eq(vlmc_cut_streams(100001, 50000, 10000), 3);
    cr_assert_eq(vlmc_cut_streams(100000, 2u << 20, 10000), 10);
    cr_assert_eq(vlmc_cut_streams(1u << 20, 1, 0), 128);
    cr_assert_eq(vlmc_cut_streams(1u << 20, 0, UINT32_MAX), 1);
}

static void check_groups(uint64_t n, uint32_t align, uint32_t limit)
{
    const uint64_t groups = vlmc_cut_groups(n, align, limit);
    const uint32_t multiple = align > VLMC_ALIGN_TOKENS_MAX ? 1 : align;
    const uint32_t most = limit > multiple ? limit : multiple;
    uint64_t shortest = UINT64_MAX, longest = 0;
    cr_assert(groups >= n / most);
    for (uint64_t g = 0; g < groups; g++) {
        const uint64_t at = vlmc_cut_group_offset(n, align, limit, g);
        const uint64_t next = vlmc_cut_group_offset(n, align, limit, g + 1);
        cr_assert_eq(at % multiple, 0);
        cr_assert(next > at && next - at <= most, "group %llu of %llu", (unsigned long long)g,
                  (unsigned long long)groups);
        shortest = next - at < shortest ? next - at : shortest;
        longest = next - at > longest ? next - at : longest;
    }
    cr_assert_eq(vlmc_cut_group_offset(n, align, limit, 0), 0);
    cr_assert_eq(vlmc_cut_group_offset(n, align, limit, groups), n);
    cr_assert(longest - shortest < 2 * (uint64_t)multiple);
}

Test(cut, groups_cover_a_segment_and_differ_by_less_than_two_units)
{
    const uint32_t aligns[] = {1, 3, 192, 5000, 700000, (1u << 20) - 1, 1u << 20, UINT32_MAX};
    const uint32_t limits[] = {VLMC_GROUP_BYTES_LEAST, VLMC_GROUP_BYTES_DEFAULT, 3000000,
                               VLMC_GROUP_BYTES_MAX};
    for (uint32_t i = 0; i < sizeof aligns / sizeof *aligns; i++)
        for (uint64_t n = 1; n < UINT64_C(1) << 31; n = n * 3 + 1)
            for (uint32_t j = 0; j < sizeof limits / sizeof *limits; j++)
                check_groups(n, aligns[i], limits[j]);
    const uint32_t limit = 1u << 20;
    cr_assert_eq(vlmc_cut_groups(0, 1, limit), 0);
    cr_assert_eq(vlmc_cut_groups(limit, 1, limit), 1);
    cr_assert_eq(vlmc_cut_groups(limit + 1, 1, limit), 2);
    cr_assert_eq(vlmc_cut_groups(1500000, 700000, limit), 3, "two units would be too long");
    cr_assert_eq(vlmc_cut_groups(1500000, 700000, 3 * limit), 1);
    cr_assert_eq(vlmc_cut_groups(1500000, 700000, 1u << 16), 3, "a unit is never cut");
}
