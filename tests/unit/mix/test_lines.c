// SPDX-License-Identifier: Apache-2.0
#include "mix/lines.h"

#include "mix_support.h"

#include <criterion/criterion.h>

#define LOG2 10u

static vlmc_lines create(void)
{
    vlmc_lines lines;
    cr_assert(vlmc_lines_create(&lines, 1u << LOG2));
    vlmc_lines_clear(&lines, 1u << LOG2);
    return lines;
}

// A node that was updated so often.
static uint32_t updated(uint32_t times)
{
    return 1u << 31 | times << 8 | 1;
}

static void check_empty(const vlmc_line *line)
{
    for (uint32_t i = 0; i < VLMC_LINE_NODES; i++)
        cr_assert_eq(line->nodes[i], VLMC_NODE_NEW);
}

Test(lines, a_context_finds_its_line_again)
{
    enum { CONTEXTS = 200 };
    vlmc_lines lines = create();
    vlmc_line *found[CONTEXTS] = {0};
    uint8_t pairs[1u << (LOG2 - 1)] = {0};
    uint32_t kept = 0;
    for (uint64_t hash = 0; hash < CONTEXTS; hash++) {
        const vlmc_line_place place = vlmc_line_place_of(hash * 7919, hash % 16, LOG2);
        if (pairs[place.index / 2]++ == 2) {
            pairs[place.index / 2] = 2;
            continue; // a third one would take the line of another
        }
        found[hash] = vlmc_line_find(lines.first, place);
        check_empty(found[hash]);
        found[hash]->nodes[0] = updated(1);
        found[hash]->nodes[14] = (uint32_t)hash;
        kept++;
    }
    for (uint64_t hash = 0; hash < CONTEXTS; hash++)
        if (found[hash]) {
            const vlmc_line_place place = vlmc_line_place_of(hash * 7919, hash % 16, LOG2);
            const vlmc_line *again = vlmc_line_find(lines.first, place);
            cr_assert_eq(again, found[hash]);
            cr_assert(again->nodes[14] == hash && again->check == place.check);
            cr_assert(again == lines.first + place.index ||
                      again == lines.first + (place.index ^ 1));
        }
    cr_assert_gt(kept, CONTEXTS * 3 / 4);
    vlmc_lines_destroy(&lines);
    cr_assert_null(lines.first);
}

Test(lines, places_lie_in_the_table_and_differ_by_context_and_nibble)
{
    for (uint32_t log2 = LOG2; log2 <= 24; log2 += 7) {
        uint32_t same = 0;
        for (uint64_t hash = 0; hash < 1000; hash++)
            for (uint32_t nibble = 0; nibble < 32; nibble += nibble ? 1 : 16) {
                const vlmc_line_place a = vlmc_line_place_of(hash << 40, nibble, log2);
                const vlmc_line_place b = vlmc_line_place_of(hash << 40, nibble ^ 1, log2);
                cr_assert(a.index < 1u << log2 && a.check != 0);
                cr_assert(a.index != b.index || a.check != b.check);
                same += a.index == b.index;
            }
        cr_assert_lt(same, 100, "%u of 17000 in tables of 2^%u", same, log2);
    }
}

Test(lines, a_line_of_another_context_is_emptied)
{
    vlmc_lines lines = create();
    vlmc_line *line = vlmc_line_find(lines.first, (vlmc_line_place){6, 11});
    cr_assert_eq(line, lines.first + 6);
    line->nodes[0] = updated(3);
    line->nodes[7] = updated(9);
    vlmc_line *beside = vlmc_line_find(lines.first, (vlmc_line_place){6, 13});
    cr_assert_eq(beside, lines.first + 7, "an empty one is worth less");
    beside->nodes[0] = updated(3);
    line = vlmc_line_find(lines.first, (vlmc_line_place){6, 15});
    cr_assert_eq(line, lines.first + 6, "the place itself when both are worth the same");
    cr_assert_eq(line->check, 15);
    check_empty(line);
    cr_assert_eq(beside->check, 13);
    cr_assert_eq(beside->nodes[0], updated(3), "the other one is left alone");
    vlmc_lines_destroy(&lines);
}

Test(lines, the_line_with_fewer_updates_gives_way)
{
    for (uint32_t at = 6; at <= 7; at++)
        for (uint32_t weak = 6; weak <= 7; weak++) {
            vlmc_lines lines = create();
            for (uint32_t i = 6; i <= 7; i++) {
                lines.first[i].check = i;
                lines.first[i].nodes[0] = updated(i == weak ? 4 : 5);
            }
            const vlmc_line *line = vlmc_line_find(lines.first, (vlmc_line_place){at, 99});
            cr_assert_eq(line, lines.first + weak);
            cr_assert_eq(line->check, 99);
            cr_assert_eq(lines.first[weak ^ 1].check, weak ^ 1);
            vlmc_lines_destroy(&lines);
        }
}

Test(lines, a_new_line_is_worth_more_than_an_empty_one)
{
    vlmc_lines lines = create();
    vlmc_line_find(lines.first, (vlmc_line_place){8, 21}); // never updated
    cr_assert_eq(vlmc_line_find(lines.first, (vlmc_line_place){8, 23}), lines.first + 9);
    cr_assert_eq(lines.first[8].check, 21);
    vlmc_lines_destroy(&lines);
}

static uint32_t not_zero(const vlmc_lines *lines)
{
    uint32_t n = 0;
    for (size_t i = 0; i < lines->capacity; i++) {
        uint32_t bits = lines->first[i].check;
        for (uint32_t k = 0; k < VLMC_LINE_NODES; k++)
            bits |= lines->first[i].nodes[k];
        n += bits != 0;
    }
    return n;
}

Test(lines, clear_empties_what_was_used)
{
    const size_t sizes[] = {100, 1000, 3, 1u << LOG2, 500};
    vlmc_lines lines;
    cr_assert(vlmc_lines_create(&lines, 1u << LOG2));
    cr_assert_eq((uintptr_t)lines.first % 64, 0, "a line of the cache each");
    cr_assert_eq(not_zero(&lines), 0);
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        vlmc_lines_clear(&lines, sizes[i]);
        cr_assert_eq(not_zero(&lines), 0, "before %zu are used", sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            lines.first[k].check = lines.first[k].nodes[k % VLMC_LINE_NODES] = 7;
    }
    vlmc_lines_destroy(&lines);
}
