// SPDX-License-Identifier: Apache-2.0
#include "jpeg_mixing.h"

#include "jpeg_features.h"

#include <string.h>

#define SELECT_FIRST 512u
#define SELECT_SECOND 1024u

#define MIX(name)                                                                                  \
    {                                                                                              \
        name, "what is known of the block around this token, hashed", 0, VLMC_CONTEXT_MIX          \
    }

const vlmc_context_declaration jpeg_context_declarations[JPEG_CONTEXTS] = {
    MIX("c0"),
    MIX("c1"),
    MIX("c2"),
    MIX("c3"),
    MIX("c4"),
    MIX("c5"),
    MIX("c6"),
    MIX("c7"),
    MIX("c8"),
    MIX("c9"),
    MIX("c10"),
    MIX("c11"),
    MIX("c12"),
    MIX("c13"),
    MIX("c14"),
    MIX("c15"),
    MIX("c16"),
    MIX("c17"),
    MIX("c18"),
    MIX("c19"),
    {"place", "kind of the token, frequency, component", SELECT_FIRST, VLMC_CONTEXT_SELECT},
    {"scale", "how large the coefficient may be", SELECT_SECOND, VLMC_CONTEXT_SELECT},
};

// ---- Values that contexts are made of ----

static uint32_t absolute(int32_t x)
{
    return (uint32_t)(x < 0 ? -x : x);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int32_t clamp(int32_t x, int32_t limit)
{
    return x > limit ? limit : x < -limit ? -limit : x;
}

static uint32_t sign(int32_t x)
{
    return x > 0 ? 1 : x < 0 ? 2 : 0;
}

static uint32_t log2_of(uint32_t x)
{
    return 31u - (uint32_t)__builtin_clz(x);
}

// Logarithms in steps: two, four of them for each doubling.
static uint32_t halves(uint32_t x)
{
    if (x < 2)
        return x;
    const uint32_t k = log2_of(x);
    return 2 * k + (x >> (k - 1) & 1);
}

static uint32_t quarters(uint32_t x)
{
    if (x < 4)
        return x;
    const uint32_t k = log2_of(x);
    return 4 * k + (x >> (k - 2) & 3) - 4;
}

// Exact while small, then coarser.
static uint32_t rough(uint32_t x)
{
    static const uint8_t table[16] = {0, 1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 7, 8, 8, 8, 8};
    return x < 16 ? table[x] : 5 + log2_of(x);
}

static uint32_t rough_signed(int32_t x)
{
    return rough(absolute(x)) * 2 + (x < 0);
}

// ---- The contexts of one token ----

typedef struct list {
    uint32_t *contexts;
    uint32_t n;
    uint32_t kind; // of token, and component
} list;

// Values below 2^16.
static void add(list *l, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    uint64_t h = ((uint64_t)a << 48 | (uint64_t)b << 32 | (uint64_t)c << 16 | d) + l->kind;
    h *= UINT64_C(0x9E3779B97F4A7C15);
    h ^= h >> 29;
    h *= UINT64_C(0xBF58476D1CE4E5B9);
    l->contexts[l->n++] = (uint32_t)(h >> 32);
}

static void select_weights(list *l, uint32_t first, uint32_t second)
{
    l->contexts[JPEG_MIX_CONTEXTS] = first;
    l->contexts[JPEG_MIX_CONTEXTS + 1] = second;
}

static void count_contexts(list *l, const jpeg_walk *walk, uint32_t component)
{
    const jpeg_block *n = walk->north, *w = walk->west, *nw = walk->north_west,
                     *ne = walk->north_east;
    const jpeg_block *first = jpeg_peer(walk, 0), *second = jpeg_peer(walk, 1);
    const uint32_t low = walk->token == JPEG_TOKEN_COUNT_LOW;
    const uint32_t h = low ? 1u + walk->block->inner : 0;
    const uint32_t mean = (n->inner + w->inner + 1u) / 2;
    const uint32_t all = 2u * (n->inner + w->inner) + nw->inner + ne->inner;
    select_weights(l, 3 * low + component, 256 + 64 * low + mean);
    add(l, h, all / 2, 0, 0);
    add(l, h, n->inner / 2, w->inner / 2, 0);
    add(l, h, first->inner, second->inner / 2, 0);
    add(l, h, mean / 2, first->inner / 2, second->inner / 4);
    add(l, h, 0, 0, 0);
    add(l, h, n->inner, 0, 0);
    add(l, h, w->inner, 0, 0);
    add(l, h, ne->inner / 2, n->inner / 3, w->inner / 3);
    add(l, h, all / 4, (0u + n->row + w->row) / 2, (0u + n->column + w->column) / 2);
    add(l, h, mean / 4, rough(absolute(n->residual) + absolute(w->residual)), 0);
    add(l, h, first->inner / 3, mean / 3, (0u + first->row + first->column) / 2);
    add(l, h, nw->inner / 3, n->inner / 3, w->inner / 3);
    add(l, h, 0u + n->inner + w->inner + ne->inner, nw->inner / 4, 0);
    add(l, h, all / 6, first->inner / 3, 0);
    add(l, h, second->inner, mean / 2, 0);
    add(l, h, first->inner, 0, 0);
    add(l, h, 0u + n->row + n->column + w->row + w->column, mean / 4, 0);
    add(l, h, first->row + first->column, second->row + second->column, mean / 4);
}

static void edge_count_contexts(list *l, const jpeg_walk *walk, uint32_t component)
{
    const bool row = walk->token == JPEG_TOKEN_ROW_COUNT;
    const jpeg_block *b = walk->block, *n = walk->north, *w = walk->west;
    const jpeg_block *first = jpeg_peer(walk, 0), *second = jpeg_peer(walk, 1);
    const uint32_t from_n = row ? n->row : n->column, from_w = row ? w->row : w->column;
    const uint32_t from_1 = row ? first->row : first->column;
    const uint32_t from_2 = row ? second->row : second->column;
    const uint32_t other = row ? 0 : b->row;
    uint32_t near = 0, second_near = 0, furthest = 0; // the next two rows or columns
    for (uint32_t i = 1; i < 8; i++) {
        near += b->values[row ? 8 + i : 8 * i + 1] != 0;
        second_near += b->values[row ? 16 + i : 8 * i + 2] != 0;
        if (b->values[row ? 8 + i : 8 * i + 1] != 0)
            furthest = i;
    }
    select_weights(l, (row ? 9 : 6) + component, 384 + 8 * near + (from_n + from_w) / 2);
    add(l, b->inner, other, 0, 0);
    add(l, b->inner / 2, from_n, from_w, 0);
    add(l, near, second_near, from_n, from_w);
    add(l, near, b->inner / 3, 0, 0);
    add(l, from_1, from_2, b->inner / 4, 0);
    add(l, from_n, from_w, other, 0);
    add(l, b->inner / 4, from_n + from_w, from_1, 0);
    add(l, near, from_n + from_w, from_1, 0);
    add(l, b->inner / 4, near, from_n + from_w, 0);
    add(l, other, near, b->inner / 3, 0);
    add(l, furthest, near, from_n + from_w, 0);
    add(l, 0, 0, 0, 0);
    add(l, near, second_near, from_1, from_2);
    add(l, near, second_near, b->inner / 2, 0);
    add(l, b->inner, n->inner / 4, from_n, 0);
    add(l, b->inner, w->inner / 4, from_w, 0);
    add(l, other, from_1, from_2, from_n);
    add(l, furthest, second_near, other, from_1);
}

static uint32_t class_of(const jpeg_walk *walk)
{
    return walk->token == JPEG_TOKEN_REST ? 16 + walk->offset + 64 * walk->rest_bits : walk->size;
}

static void dc_contexts(list *l, const jpeg_walk *walk, uint32_t component)
{
    const jpeg_block *b = walk->block, *n = walk->north, *w = walk->west;
    const jpeg_block *first = jpeg_peer(walk, 0), *second = jpeg_peer(walk, 1);
    const uint32_t spread = walk->dc_spread;
    const int32_t apart = clamp(walk->dc_north - walk->dc_west, 32000);
    const int32_t r1 = first->residual, r2 = second->residual;
    const uint32_t rn = absolute(n->residual), rw = absolute(w->residual);
    const uint32_t ra =
        rn + rw + absolute(walk->north_west->residual) + absolute(walk->north_east->residual);
    if (walk->token == JPEG_TOKEN_SIZE) {
        select_weights(l, 12 + component, 512 + 3 * least(quarters(spread), 40) + component);
        add(l, quarters(spread), 0, 0, 0);
        add(l, quarters(spread + absolute(apart) / 2), 0, 0, 0);
        add(l, rough(spread), rough(absolute(apart) / 4), 0, 0);
        add(l, rough(rn), rough(rw), 0, 0);
        add(l, halves(spread), halves(rn + rw), 0, 0);
        add(l, rough(absolute(r1)), rough(absolute(r2)), 0, 0);
        add(l, rough(spread), rough(absolute(r1)), rough(absolute(r2)), 0);
        add(l, quarters(absolute(apart)), 0, 0, 0);
        add(l, b->inner / 2, 0, 0, 0);
        add(l, b->inner / 4, rough(spread), 0, 0);
        add(l, b->row + b->column, rough(spread), 0, 0);
        add(l, 0, 0, 0, 0);
        add(l, rough(absolute(apart)), rough(absolute(r1) + absolute(r2)), 0, 0);
        add(l, rough(absolute(b->values[1])), rough(absolute(b->values[8])), 0, 0);
        add(l, quarters(ra), 0, 0, 0);
        add(l, halves(ra), halves(spread), 0, 0);
        add(l, halves(absolute(apart)), halves(spread), 0, 0);
        add(l, rough(rn), rough(absolute(r1)), rough(absolute(r2)), 0);
        return;
    }
    const uint32_t s = class_of(walk);
    const int32_t north = clamp(walk->dc_north - walk->dc * 16, 32000);
    const int32_t west = clamp(walk->dc_west - walk->dc * 16, 32000);
    select_weights(l, (walk->token == JPEG_TOKEN_REST ? 31 : 15) + least(walk->size, 15),
                   640 + component);
    add(l, s, 0, 0, 0);
    add(l, s, rough_signed(north / 4), rough_signed(west / 4), 0);
    add(l, s, rough_signed(r1), 0, 0);
    add(l, s, rough_signed(r1), rough_signed(r2), 0);
    add(l, s, rough_signed(n->residual), rough_signed(w->residual), 0);
    add(l, s, rough(spread), 0, 0);
    add(l, s, rough_signed((north + west) / 2), 0, 0);
    add(l, s, rough_signed(r2), 0, 0);
    add(l, s, rough_signed(b->values[1]), rough_signed(b->values[8]), 0);
    add(l, s, rough_signed(w->residual), 0, 0);
    add(l, s, rough_signed(n->residual), 0, 0);
    add(l, s, rough_signed(north / 8), rough_signed(west / 8), rough_signed(r1));
    add(l, s, rough_signed(r1), rough(spread), 0);
    add(l, s, sign(b->values[1]) * 3 + sign(b->values[8]), sign(r1), sign(r2));
    add(l, s, rough_signed(apart), 0, 0);
}

static void inner_size_contexts(list *l, const jpeg_position *position, uint32_t component)
{
    const jpeg_walk *walk = &position->walk;
    const uint32_t i = walk->position, left = walk->left, rest = 50 - walk->index;
    const int16_t *own = walk->block->values;
    const uint32_t n = absolute(walk->north->values[i]), w = absolute(walk->west->values[i]);
    const uint32_t nw = absolute(walk->north_west->values[i]),
                   ne = absolute(walk->north_east->values[i]);
    const uint32_t p1 = absolute(jpeg_peer(walk, 0)->values[i]),
                   p2 = absolute(jpeg_peer(walk, 1)->values[i]);
    const uint32_t x1 = absolute(own[i - 1]), x8 = absolute(own[i - 8]), x9 = absolute(own[i - 9]);
    const uint32_t m = position->magnitude, e = absolute(position->expected);
    const uint32_t ratio = halves(left * 64 / rest);
    const uint32_t x7 = i % 8 < 7 && i >= 16 ? absolute(own[i - 7]) : 0,
                   x7b = i % 8 > 1 && i < 56 ? absolute(own[i + 7]) : 0;
    const uint32_t around = 6 * (n + w) + 2 * (nw + ne);
    select_weights(l, 64 + i + 64 * component, least(left, 15) * 16 + least(halves(m), 15));
    add(l, quarters(m), 0, 0, 0);
    add(l, quarters(m), i, 0, 0);
    add(l, quarters(m), ratio, 0, 0);
    add(l, quarters(m), least(left, 20), 0, 0);
    add(l, halves(m), i, left, 0);
    add(l, halves(m), i, quarters(e / 4), 0);
    add(l, i, quarters(around), left / 4, 0);
    add(l, i, left, 0, 0);
    add(l, i, least(n, 15), least(w, 15), 0);
    add(l, i, rough(x1), rough(x8), rough(x9));
    add(l, i, least(p1, 9), least(p2, 9), halves(m));
    add(l, left, rest, halves(m), 0);
    add(l, i, rough(x7), rough(x7b), rough(x1 + x8));
    add(l, i, left / 3, walk->north->inner / 6, walk->west->inner / 6);
    add(l, rough(p1), rough(p2), left / 2, halves(m));
    add(l, i, least(nw, 9), least(ne, 9), halves(m));
    add(l, quarters(m), rough(x1), rough(x8), 0);
    add(l, quarters(m), rough(n), rough(w), 0);
    add(l, halves(m), i, rough(x1 + x8 + x9), rough(around / 8));
}

static void inner_sign_contexts(list *l, const jpeg_position *position, uint32_t component)
{
    const jpeg_walk *walk = &position->walk;
    const uint32_t i = walk->position, s = class_of(walk), few = least(s, 5);
    const int16_t *own = walk->block->values;
    const int32_t n = walk->north->values[i], w = walk->west->values[i];
    const int32_t p1 = jpeg_peer(walk, 0)->values[i], p2 = jpeg_peer(walk, 1)->values[i];
    const int32_t e = position->expected;
    const uint32_t m = halves(position->magnitude);
    const uint32_t rest = walk->token == JPEG_TOKEN_REST;
    select_weights(l, 256 + 48 * rest + 16 * component + least(walk->size, 15),
                   704 + least(rough_signed(e / 2), 31) + (component ? 32 : 0));
    add(l, s, i, 0, 0);
    add(l, s, 0, 0, 0);
    add(l, s, rough_signed(e), 0, 0);
    add(l, s, rough_signed(e), i, 0);
    add(l, few, (uint32_t)(clamp(e, 255) / 4 + 64), m, 0);
    add(l, s, i, sign(n), sign(w));
    add(l, s, i, sign(p1), sign(p2));
    add(l, few, i, sign(own[i - 1]) * 3 + sign(own[i - 8]), sign(own[i - 9]));
    add(l, s, i, m, 0);
    add(l, s, rough_signed(p1), rough_signed(e / 4), i);
    add(l, s, rough_signed(p2), rough_signed(e / 4), i);
    add(l, s, rough_signed(p1), rough_signed(p2), rough_signed(e / 4));
    add(l, s, rough_signed(n), rough_signed(e / 4), 0);
    add(l, s, rough_signed(w), rough_signed(e / 4), 0);
    add(l, s, m, rough_signed(e / 2), 0);
    add(l, s, walk->left, m, 0);
}

static void edge_contexts(list *l, const jpeg_position *position, uint32_t component)
{
    const jpeg_walk *walk = &position->walk;
    const uint32_t i = walk->position, left = walk->left;
    const bool row = i < 8;
    const uint32_t k = row ? i : i / 8, along = row ? 1 : 8, across = row ? 8 : 1;
    const int16_t *own = walk->block->values;
    const int32_t n = walk->north->values[i], w = walk->west->values[i];
    const uint32_t around =
        6 * (absolute(n) + absolute(w)) +
        2 * (absolute(walk->north_west->values[i]) + absolute(walk->north_east->values[i]));
    const int32_t p1 = jpeg_peer(walk, 0)->values[i], p2 = jpeg_peer(walk, 1)->values[i];
    const int32_t before = k > 1 ? own[i - along] : 0, before2 = k > 2 ? own[i - 2 * along] : 0;
    const int32_t in1 = own[i + across], in2 = own[i + 2 * across];
    const int32_t other = row ? w : n;
    const int32_t e = position->expected;
    const uint32_t ae = absolute(e), u = i + 64 * row;
    const uint32_t inside = 4 * absolute(in1) + 2 * absolute(in2) + 3 * absolute(before) +
                            absolute(before2) + 2 * absolute(k < 7 ? own[i + across + along] : 0) +
                            2 * absolute(k > 1 ? own[i + across - along] : 0);
    const uint32_t energy = around + 2 * inside; //
    if (walk->token == JPEG_TOKEN_SIZE) {
        select_weights(l, 352 + 8 * component + k + 24 * row,
                       768 + 16 * left + least(rough(ae / 8), 15));
        add(l, u, left, quarters(ae), 0);
        add(l, u, quarters(ae), 0, 0);
        add(l, quarters(ae), halves(energy), 0, 0);
        add(l, u, quarters(energy), left, 0);
        add(l, u, least((ae + 8) / 16, 40), left, 0);
        add(l, u, least((ae + 4) / 8, 60), rough(around / 4), 0);
        add(l, u, rough(absolute(n)), rough(absolute(w)), 0);
        add(l, u, rough(absolute(before)), rough(absolute(in1)), left);
        add(l, u, least((ae + 8) / 16, 30), rough(absolute(p1)), rough(absolute(p2)));
        add(l, u, least((ae + 8) / 16, 30), rough(absolute(before)), left);
        add(l, u, least((ae + 8) / 16, 30), rough(absolute(in1)), rough(absolute(in2)));
        add(l, u, halves(ae), walk->block->inner / 3, 0);
        add(l, u, left, walk->block->inner / 4, 0);
        add(l, k, left, halves(ae), halves(energy));
        add(l, u, row ? 0 : rough(absolute(own[k])), left, halves(ae / 8));
        add(l, u, rough(absolute(other)), halves(ae), 0);
        add(l, u, rough(absolute(p1)), rough(absolute(p2)), left);
        add(l, halves(inside), halves(around), halves(ae), 0);
        add(l, left, 7 - k, halves(energy), 0);
        return;
    }
    const uint32_t s = class_of(walk), rest = walk->token == JPEG_TOKEN_REST;
    select_weights(l, 400 + 48 * rest + 16 * component + least(walk->size, 15),
                   896 + least(rough_signed(e / 4), 63) + 64 * row);
    add(l, s, u, rough_signed(e), 0);
    add(l, s, rough_signed(e / 2), 0, 0);
    add(l, s, (uint32_t)(clamp(e, 400) / 4 + 100), 0, 0);
    add(l, s, u, (uint32_t)(clamp(e, 400) / 8 + 100), 0);
    add(l, s, sign(n) * 3 + sign(w), rough_signed(e / 4), u);
    add(l, s, rough_signed(p1), rough_signed(e / 4), 0);
    add(l, s, rough_signed(p2), sign(p1), rough_signed(e / 4));
    add(l, s, u, sign(before) * 3 + sign(in1), rough_signed(e / 4));
    add(l, s, u, rough_signed(other), rough_signed(e / 4));
    add(l, s, u, 0, 0);
    add(l, s, u, rough_signed(p1), 0);
    add(l, s, u, rough_signed(p2), 0);
    add(l, s, u, sign(in1) * 3 + sign(in2), sign(before2));
    add(l, s, rough_signed(e / 2), halves(energy), 0);
    add(l, s, (uint32_t)(clamp(e, 4000) / 16 + 250), 0, 0);
    add(l, s, u, rough_signed(n), rough_signed(w));
    add(l, s, halves(energy), 0, 0);
}

void jpeg_list_contexts(jpeg_position *position, uint32_t *values)
{
    const jpeg_walk *walk = &position->walk;
    const uint32_t component = least(walk->component, 2);
    list l = {values, 0, (walk->token * 4 + component) * 0x51ED27u};
    memset(values, 0, JPEG_CONTEXTS * sizeof *values);
    switch (walk->token) {
    case JPEG_TOKEN_COUNT_HIGH:
    case JPEG_TOKEN_COUNT_LOW:
        count_contexts(&l, walk, component);
        return;
    case JPEG_TOKEN_ROW_COUNT:
    case JPEG_TOKEN_COLUMN_COUNT:
        edge_count_contexts(&l, walk, component);
        return;
    case JPEG_TOKEN_SIZE:
    case JPEG_TOKEN_SIGN:
    case JPEG_TOKEN_REST:
        break;
    default:
        select_weights(&l, SELECT_FIRST - 1, SELECT_SECOND - 1);
        return;
    }
    if (walk->position == 0) {
        l.kind += 1;
        dc_contexts(&l, walk, component);
        return;
    }
    const bool inner = walk->position >= 8 && walk->position % 8 != 0;
    if (walk->token == JPEG_TOKEN_SIZE) {
        position->expected = jpeg_expected(walk);
        if (inner)
            position->magnitude = jpeg_expected_magnitude(walk);
    }
    l.kind += inner ? 2 : 3;
    if (!inner)
        edge_contexts(&l, position, component);
    else if (walk->token == JPEG_TOKEN_SIZE)
        inner_size_contexts(&l, position, component);
    else
        inner_sign_contexts(&l, position, component);
}
