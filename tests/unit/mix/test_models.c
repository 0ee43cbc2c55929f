// SPDX-License-Identifier: Apache-2.0
#include "mix/models.h"

#include "mix/logistic.h"
#include "mix_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define P_NODE ((1u << 19) - 1) // the highest probabilities
#define P_MAP ((1u << 22) - 1)

static uint32_t random_word(uint32_t *state)
{
    return next_random(state) << 16 ^ next_random(state);
}

// Models with tables of their own and one line each. // nodes: (n_lines, 16)
typedef struct rig {
    vlmc_models models;
    uint32_t n_lines;
} rig;

static rig *make_rig(uint32_t n)
{
    static int16_t stretch[65536];
    rig *r = calloc(1, sizeof *r);
    vlmc_models *m = &r->models;
    m->n = n;
    m->n_padded = (n + VLMC_MODELS_LANES - 1) / VLMC_MODELS_LANES * VLMC_MODELS_LANES;
    r->n_lines = 2 * VLMC_MODELS_MAX;
    m->nodes = calloc((size_t)r->n_lines * 16, sizeof *m->nodes);
    m->maps = calloc((size_t)m->n_padded * VLMC_NODE_HISTORIES, sizeof *m->maps);
    vlmc_stretch_table(stretch);
    for (uint32_t i = 0; i < 4096; i++)
        m->stretch[i] = stretch[i << 4 | 8];
    for (uint32_t i = 0; i <= VLMC_MAP_UPDATES_MAX; i++)
        m->rates[i] = 131072u / (2 * i + 3);
    return r;
}

static void free_rig(rig *r)
{
    free(r->models.nodes);
    free(r->models.maps);
    free(r);
}

enum style { NEW, LOWEST, HIGHEST, ANY, STYLES };

static uint32_t made_up_node(uint32_t style, uint32_t *state)
{
    const uint32_t r = random_word(state), updates = (r & VLMC_NODE_UPDATES_MAX) << 8;
    switch (r % 5 ? style : r / 5 % STYLES) {
    case NEW:
        return VLMC_NODE_NEW;
    case LOWEST:
        return updates | (r >> 8 & 255);
    case HIGHEST:
        return P_NODE << 13 | updates | (r >> 8 & 255);
    default:
        return random_word(state);
    }
}

static uint32_t made_up_map(uint32_t style, uint32_t *state)
{
    const uint32_t updates = random_word(state) % (VLMC_MAP_UPDATES_MAX + 1);
    return (style == LOWEST    ? 0
            : style == HIGHEST ? P_MAP
                               : random_word(state) & P_MAP)
               << 10 |
           updates;
}

static void fill_rig(rig *r, uint32_t style, uint32_t *state)
{
    vlmc_models *m = &r->models;
    for (uint32_t i = 0; i < r->n_lines * 16; i++)
        m->nodes[i] = made_up_node(style, state);
    for (uint32_t i = 0; i < m->n * VLMC_NODE_HISTORIES; i++)
        m->maps[i] = made_up_map(style, state);
}

// Each model gets another line. // lines (VLMC_MODELS_MAX)
static void choose_lines(rig *r, uint32_t *state)
{
    for (uint32_t i = 0; i < r->models.n; i++)
        r->models.lines[i] = 2 * i + (next_random(state) >> 23);
}

static void check_equal(const rig *a, const rig *b, uint32_t round)
{
    const vlmc_models *x = &a->models, *y = &b->models;
    cr_assert(memcmp(x->history, y->history, x->n * sizeof *x->history) == 0, "%u models, round %u",
              x->n, round);
    cr_assert(memcmp(x->nodes, y->nodes, (size_t)a->n_lines * 16 * sizeof *x->nodes) == 0,
              "%u models, round %u: nodes", x->n, round);
    cr_assert(
        memcmp(x->maps, y->maps, (size_t)x->n_padded * VLMC_NODE_HISTORIES * sizeof *x->maps) == 0,
        "%u models, round %u: maps", x->n, round);
}

static void check_kernels(const vlmc_models_kernels *fast, uint32_t n, uint32_t style)
{
    enum { ROUNDS = 12, INPUTS = 3 * VLMC_MODELS_MAX };
    static int32_t inputs[INPUTS], other[INPUTS];
    uint32_t state = n * STYLES + style;
    rig *a = make_rig(n), *b = make_rig(n);
    fill_rig(a, style, &state);
    memcpy(b->models.nodes, a->models.nodes, (size_t)a->n_lines * 16 * sizeof *a->models.nodes);
    memcpy(b->models.maps, a->models.maps,
           (size_t)a->models.n_padded * VLMC_NODE_HISTORIES * sizeof *a->models.maps);
    const size_t used = 3 * a->models.n_padded * sizeof *inputs;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint32_t local = 1 + next_random(&state) % 15, bit = next_random(&state) >> 23;
        choose_lines(a, &state);
        memcpy(b->models.lines, a->models.lines, sizeof a->models.lines);
        memset(inputs, 0x55, sizeof inputs);
        memset(other, 0x55, sizeof other);
        const uint32_t known = vlmc_models_kernels_plain.look(&a->models, local, inputs);
        cr_assert_eq(fast->look(&b->models, local, other), known, "%u models, round %u", n, round);
        cr_assert(memcmp(inputs, other, sizeof inputs) == 0, "%u models, round %u: inputs", n,
                  round);
        cr_assert_eq(inputs[INPUTS - 1], used == sizeof inputs ? inputs[INPUTS - 1] : 0x55555555,
                     "beyond its end");
        vlmc_models_kernels_plain.learn(&a->models, local, bit);
        fast->learn(&b->models, local, bit);
        check_equal(a, b, round);
    }
    free_rig(a);
    free_rig(b);
}

static void check_all(const vlmc_models_kernels *fast)
{
    for (uint32_t n = 1; n <= VLMC_MODELS_MAX; n++)
        for (uint32_t style = 0; style < STYLES; style++)
            check_kernels(fast, n, style);
}

Test(models, the_fastest_kernels_compute_what_the_plain_ones_do)
{
    const vlmc_models_kernels *fast = vlmc_models_kernels_best();
    if (fast == &vlmc_models_kernels_plain)
        cr_log_warn("only the plain kernels run here, others are not tested");
    check_all(fast);
}

#if defined(__x86_64__)
Test(models, avx2_kernels_compute_what_the_plain_ones_do)
{
    if (__builtin_cpu_supports("avx2"))
        check_all(vlmc_models_kernels_avx2());
    else
        cr_log_warn("no AVX2 here: not tested");
}
#endif

Test(models, a_new_node_has_no_say_and_is_no_longer_new_once_it_has_learnt)
{
    rig *r = make_rig(3);
    vlmc_models *m = &r->models;
    int32_t inputs[3 * 8];
    for (uint32_t i = 0; i < r->n_lines * 16; i++)
        m->nodes[i] = VLMC_NODE_NEW;
    for (uint32_t i = 0; i < 3 * VLMC_NODE_HISTORIES; i++)
        m->maps[i] = 3u << 30; // three quarters
    for (uint32_t i = 0; i < 3; i++)
        m->lines[i] = i;
    cr_assert_eq(vlmc_models_kernels_plain.look(m, 5, inputs), 0);
    for (uint32_t i = 0; i < 3 * 8; i++)
        cr_assert_eq(inputs[i], 0);
    vlmc_models_kernels_plain.learn(m, 5, 1);
    cr_assert_eq(vlmc_models_kernels_plain.look(m, 4, inputs), 0, "its neighbours have not");
    cr_assert_eq(vlmc_models_kernels_plain.look(m, 5, inputs), 3);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert(inputs[i] > 0 && inputs[8 + i] > 0 && inputs[16 + i] > 0);
    for (uint32_t i = 3; i < 8; i++)
        cr_assert(inputs[i] == 0 && inputs[8 + i] == 0 && inputs[16 + i] == 0);
    free_rig(r);
}

// What a node's probability can be after some updates: from these zeros to these ones.
typedef struct range {
    uint32_t low, high;
} range;

static void check_node(uint32_t p, uint32_t updates, uint32_t history, const uint32_t *rates)
{
    const uint32_t node = p << 13 | updates << 8 | history;
    for (uint32_t bit = 0; bit < 2; bit++) {
        const uint32_t after = vlmc_node_after(node, bit, rates), q = after >> 13;
        cr_assert(bit ? q >= p : q <= p, "%u goes to %u at a %u, %u updates", p, q, bit, updates);
        cr_assert_eq(vlmc_node_updates(after), updates < VLMC_NODE_UPDATES_MAX ? updates + 1 : 31);
    }
}

Test(models, a_node_stays_in_its_range_from_every_probability_it_can_have)
{
    rig *r = make_rig(1);
    const uint32_t *rates = r->models.rates;
    range now = {1u << 18, 1u << 18};
    for (uint32_t updates = 0; updates <= VLMC_NODE_UPDATES_MAX; updates++) {
        if (updates == VLMC_NODE_UPDATES_MAX)
            now = (range){0, P_NODE}; // it may stay there for long
        for (uint32_t p = now.low; p <= now.high; p++)
            check_node(p, updates, 1 + p % 255, rates);
        now.low = vlmc_node_after(now.low << 13 | updates << 8 | 1, 0, rates) >> 13;
        now.high = vlmc_node_after(now.high << 13 | updates << 8 | 1, 1, rates) >> 13;
    }
    free_rig(r);
}

Test(models, a_node_remembers_its_last_seven_bits_in_order)
{
    rig *r = make_rig(1);
    for (uint32_t history = 1; history < 256; history++)
        for (uint32_t updates = 0; updates <= VLMC_NODE_UPDATES_MAX; updates++)
            for (uint32_t bit = 0; bit < 2; bit++) {
                const uint32_t node = 1u << 31 | updates << 8 | history;
                const uint32_t after = vlmc_node_after(node, bit, r->models.rates);
                uint32_t all = history << 1 | bit; // with a bit too many where it was full
                if (history >= 128)
                    all = 128 | (all & 127);
                cr_assert_eq(after & 255, all, "%u then %u", history, bit);
                cr_assert(vlmc_node_history(after) < VLMC_NODE_HISTORIES);
            }
    free_rig(r);
}

Test(models, seven_bits_of_an_old_node_and_fewer_of_a_young_one_select_different_places)
{
    static bool taken[VLMC_NODE_HISTORIES];
    for (uint32_t history = 1; history < 256; history++)
        for (uint32_t old = 0; old < 2; old++) {
            // A node has as many bits as updates, up to 7.
            if (old && history < 128)
                continue;
            const uint32_t place = vlmc_node_history((old ? 20u : 7u) << 8 | history);
            cr_assert(place < VLMC_NODE_HISTORIES && !taken[place], "%u", history);
            taken[place] = true;
        }
}

static void check_map(uint32_t p, uint32_t updates, const uint32_t *rates)
{
    for (uint32_t bit = 0; bit < 2; bit++) {
        const uint32_t after = vlmc_map_after(p << 10 | updates, bit, rates), q = after >> 10;
        cr_assert(bit ? q >= p : q <= p, "%u goes to %u at a %u, %u updates", p, q, bit, updates);
        cr_assert_eq(after & 1023, updates < VLMC_MAP_UPDATES_MAX ? updates + 1 : updates);
    }
}

// Maps begin with some updates and no probability near 0 or 1.
Test(models, a_map_stays_in_its_range_from_every_probability_it_can_have)
{
    rig *r = make_rig(1);
    const uint32_t *rates = r->models.rates;
    range now = {1u << 17, P_MAP - (1u << 17)};
    for (uint32_t updates = 4; updates <= VLMC_MAP_UPDATES_MAX; updates++) {
        const bool last = updates == VLMC_MAP_UPDATES_MAX;
        if (last)
            now = (range){0, P_MAP};
        for (uint32_t p = now.low; p <= now.high; p += last ? 7 : 1009)
            check_map(p, updates, rates);
        for (uint32_t i = 0; i < 3000; i++) {
            check_map(now.low + i, updates, rates);
            check_map(now.high - i, updates, rates);
        }
        now.low = vlmc_map_after(now.low << 10 | updates, 0, rates) >> 10;
        now.high = vlmc_map_after(now.high << 10 | updates, 1, rates) >> 10;
    }
    free_rig(r);
}

Test(models, what_always_comes_is_soon_almost_certain)
{
    rig *r = make_rig(1);
    uint32_t node = VLMC_NODE_NEW, map = 1u << 31 | 6;
    for (uint32_t i = 0; i < 300; i++) {
        node = vlmc_node_after(node, 1, r->models.rates);
        map = vlmc_map_after(map, 1, r->models.rates);
    }
    cr_assert(node >> 13 > P_NODE - 64 && vlmc_node_linear(node) >= 1020);
    cr_assert_gt(map >> 10, P_MAP - (P_MAP >> 6));
    free_rig(r);
}
