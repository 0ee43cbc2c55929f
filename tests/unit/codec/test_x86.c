// SPDX-License-Identifier: Apache-2.0
#include "codec/x86.h"

#include "codec/group.h"
#include "made_up.h"
#include "tiny_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void check_back(const uint8_t *bytes, size_t n)
{
    uint8_t *changed = malloc(n + 1);
    memcpy(changed, bytes, n);
    changed[n] = 0xE8;
    vlmc_x86_to_addresses(changed, n);
    vlmc_x86_to_distances(changed, n);
    cr_assert(memcmp(changed, bytes, n) == 0 && changed[n] == 0xE8, "%zu bytes", n);
    free(changed);
}

Test(x86, any_bytes_come_back)
{
    static const uint8_t usual[] = {0xE8, 0xE9, 0x00, 0xFF, 0xE8, 0x01, 0x00, 0xFF};
    uint8_t bytes[3000];
    for (uint32_t seed = 0; seed < 200; seed++) {
        fill_random(bytes, sizeof bytes, seed);
        for (size_t i = 0; i < sizeof bytes && seed % 2; i++)
            bytes[i] = usual[bytes[i] % 8]; // sites that overlap
        for (size_t n = 0; n < 40; n++)
            check_back(bytes, n);
        check_back(bytes, sizeof bytes);
    }
}

static void write_call(uint8_t *at, size_t from, size_t to)
{
    const uint32_t distance = (uint32_t)(to - from - 5);
    at[0] = 0xE8;
    for (uint32_t i = 0; i < 4; i++)
        at[1 + i] = (uint8_t)(distance >> 8 * i);
}

// Instructions with a call in 20 bytes or so, to few functions.
static void fill_code(uint8_t *bytes, size_t n)
{
    static const uint8_t filler[] = {0x48, 0x89, 0xC7, 0x8B, 0x45, 0x55, 0x5D, 0x31};
    uint8_t chance[2];
    fill_random(bytes, n, 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = filler[bytes[i] % 8];
    for (size_t at = 0, i = 0; at + 5 <= n; i++) {
        fill_random(chance, sizeof chance, i);
        write_call(bytes + at, at, 1000 * (1 + chance[0] % 40u));
        at += 12 + chance[1] % 16;
    }
}

Test(x86, calls_of_one_function_become_alike)
{
    uint8_t bytes[200] = {0};
    write_call(bytes + 20, 20, 7000);
    write_call(bytes + 90, 90, 7000);
    cr_assert(memcmp(bytes + 20, bytes + 90, 5) != 0);
    vlmc_x86_to_addresses(bytes, sizeof bytes);
    cr_assert(memcmp(bytes + 20, bytes + 90, 5) == 0);
}

Test(x86, code_is_told_from_what_is_none)
{
    enum { N = 60000 };
    uint8_t *bytes = malloc(N);
    fill_code(bytes, N);
    cr_assert(vlmc_x86_is_code(bytes, N));
    fill_text(bytes, N, 1);
    cr_assert_not(vlmc_x86_is_code(bytes, N));
    fill_random(bytes, N, 1);
    cr_assert_not(vlmc_x86_is_code(bytes, N));
    memset(bytes, 0, N);
    cr_assert_not(vlmc_x86_is_code(bytes, N));
    memset(bytes, 0xE8, N);
    cr_assert_not(vlmc_x86_is_code(bytes, N));
    for (size_t n = 0; n < 10; n++)
        cr_assert_not(vlmc_x86_is_code(bytes, n));
    free(bytes);
}

Test(x86, code_packs_smaller_and_comes_back)
{
    enum { N = 60000 };
    uint8_t *bytes = malloc(N), *again = malloc(N);
    fill_code(bytes, N);
    vlmc_group_packer *packer;
    vlmc_lockstep *lockstep;
    vlmc_packed_group packed;
    vlmc_error error = {0};
    size_t plain;
    cr_assert_eq(vlmc_group_packer_create(true, &packer, &error), VLMC_OK);
    cr_assert_eq(vlmc_lockstep_create(NULL, NULL, &made_up_settings, 128, N, &lockstep, &error),
                 VLMC_OK);
    cr_assert_eq(
        vlmc_lockstep_encode(lockstep, NULL, bytes, N, 1, again, N, &plain, NULL, NULL, &error),
        VLMC_OK);
    cr_assert_eq(vlmc_group_pack(packer, bytes, N, &packed, &error), VLMC_OK);
    cr_assert_eq(
        vlmc_group_pack_model(packer, lockstep, NULL, bytes, N, N, 0, &packed, NULL, NULL, &error),
        VLMC_OK);
    cr_assert(packed.method == VLMC_GROUP_MODEL && packed.bytes[0] & VLMC_GROUP_X86);
    cr_assert_lt(packed.size, plain - plain / 20, "%u, and %zu as it is", packed.size, plain);
    cr_assert_eq(vlmc_lockstep_decode(lockstep, NULL, packed.bytes, packed.size, packed.streams,
                                      again, N, NULL, NULL, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert(memcmp(bytes, again, N) == 0);
    vlmc_lockstep_destroy(&lockstep);
    vlmc_group_packer_destroy(&packer);
    free(bytes);
    free(again);
}
