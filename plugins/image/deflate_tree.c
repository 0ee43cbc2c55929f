// SPDX-License-Identifier: Apache-2.0
// A heap joins the two rarest nodes until one is left; of two that are as rare the shallower is
// taken first. Where a code gets too long, leaves move down from the level above. The order in
// which the heap moves its nodes decides between codes of the same size, so it is part of the
// format.
#include "deflate_tree.h"

#include <string.h>

#define NODES (2u * DEFLATE_TREE_SYMBOLS)
#define LENGTH_LIMIT 15u

typedef struct builder {
    uint32_t counts[NODES];
    uint16_t parents[NODES];
    uint8_t depths[NODES];
    uint8_t lengths[NODES];
    uint16_t heap[NODES + 1]; // from 1
    uint32_t heap_nodes;
    uint16_t joined[NODES]; // from joined_from: rarest last
    uint32_t joined_from;
} builder;

static int before(const builder *b, uint32_t x, uint32_t y)
{
    return b->counts[x] < b->counts[y] ||
           (b->counts[x] == b->counts[y] && b->depths[x] <= b->depths[y]);
}

static void sift_down(builder *b, uint32_t place)
{
    const uint16_t node = b->heap[place];
    for (uint32_t child = 2 * place; child <= b->heap_nodes; child = 2 * place) {
        if (child < b->heap_nodes && before(b, b->heap[child + 1], b->heap[child]))
            child++;
        if (before(b, node, b->heap[child]))
            break;
        b->heap[place] = b->heap[child];
        place = child;
    }
    b->heap[place] = node;
}

// The heap of all symbols that occur, of two at least.
static void gather(builder *b, const uint16_t *counts, uint32_t n_symbols, int32_t *last)
{
    *last = -1;
    for (uint32_t i = 0; i < n_symbols; i++) {
        b->counts[i] = counts[i];
        if (counts[i]) {
            b->heap[++b->heap_nodes] = (uint16_t)i;
            *last = (int32_t)i;
        }
    }
    while (b->heap_nodes < 2) {
        const uint32_t extra = *last < 2 ? (uint32_t)++ * last : 0;
        b->heap[++b->heap_nodes] = (uint16_t)extra;
        b->counts[extra] = 1;
    }
    for (uint32_t place = b->heap_nodes / 2; place >= 1; place--)
        sift_down(b, place);
}

static void join(builder *b, uint32_t n_symbols)
{
    b->joined_from = NODES;
    for (uint32_t node = n_symbols; b->heap_nodes >= 2; node++) {
        const uint16_t first = b->heap[1];
        b->heap[1] = b->heap[b->heap_nodes--];
        sift_down(b, 1);
        const uint16_t second = b->heap[1];
        b->joined[--b->joined_from] = first;
        b->joined[--b->joined_from] = second;
        b->counts[node] = b->counts[first] + b->counts[second];
        b->depths[node] = (uint8_t)((b->depths[first] > b->depths[second] ? b->depths[first]
                                                                          : b->depths[second]) +
                                    1);
        b->parents[first] = b->parents[second] = (uint16_t)node;
        b->heap[1] = (uint16_t)node;
        sift_down(b, 1);
    }
    b->joined[--b->joined_from] = b->heap[1];
}

// Leaves of each length when leaves of a too long code have been moved.
static void shorten(uint32_t *leaves, uint32_t length_max, uint32_t too_long)
{
    for (int64_t left = too_long; left > 0; left -= 2) {
        uint32_t length = length_max - 1;
        while (leaves[length] == 0)
            length--;
        leaves[length]--;
        leaves[length + 1] += 2;
        leaves[length_max]--;
    }
}

static void measure(builder *b, uint32_t n_symbols, uint32_t length_max)
{
    uint32_t leaves[LENGTH_LIMIT + 1] = {0};
    uint32_t too_long = 0;
    b->lengths[b->joined[b->joined_from]] = 0;
    for (uint32_t i = b->joined_from + 1; i < NODES; i++) {
        const uint32_t node = b->joined[i];
        uint32_t length = b->lengths[b->parents[node]] + 1u;
        if (length > length_max) {
            length = length_max;
            too_long++;
        }
        b->lengths[node] = (uint8_t)length;
        if (node < n_symbols)
            leaves[length]++;
    }
    if (too_long == 0)
        return;
    shorten(leaves, length_max, too_long);
    uint32_t i = NODES; // the rarest get the longest codes
    for (uint32_t length = length_max; length > 0; length--)
        for (uint32_t n = leaves[length]; n > 0;) {
            const uint32_t node = b->joined[--i];
            if (node >= n_symbols)
                continue;
            b->lengths[node] = (uint8_t)length;
            n--;
        }
}

void deflate_tree_codes(deflate_tree *tree, uint32_t n_symbols)
{
    uint32_t next[LENGTH_LIMIT + 2] = {0};
    for (uint32_t i = 0; i < n_symbols; i++)
        next[tree->lengths[i] + 1u]++;
    next[1] = 0; // symbols without a code
    for (uint32_t length = 1, code = 0; length <= LENGTH_LIMIT; length++) {
        code = (code + next[length]) << 1;
        next[length] = code;
    }
    for (uint32_t i = 0; i < n_symbols; i++) {
        const uint32_t length = tree->lengths[i];
        if (length == 0)
            continue;
        uint32_t code = next[length]++;
        uint32_t reversed = 0;
        for (uint32_t bit = 0; bit < length; bit++, code >>= 1)
            reversed = reversed << 1 | (code & 1);
        tree->codes[i] = (uint16_t)reversed;
    }
}

void deflate_tree_build(deflate_tree *tree, const uint16_t *counts, uint32_t n_symbols,
                        uint32_t length_max)
{
    builder b;
    memset(&b, 0, sizeof b);
    gather(&b, counts, n_symbols, &tree->last);
    join(&b, n_symbols);
    measure(&b, n_symbols, length_max);
    memset(tree->lengths, 0, sizeof tree->lengths);
    memset(tree->codes, 0, sizeof tree->codes);
    memcpy(tree->lengths, b.lengths, n_symbols);
    deflate_tree_codes(tree, n_symbols);
}
