// SPDX-License-Identifier: Apache-2.0
#include "deflate_block.h"

#include "deflate_tree.h"

#include <string.h>

#define END_OF_BLOCK 256u
#define FIRST_LENGTH 257u
#define LENGTHS_OF_CODES 19u // the alphabet in which the lengths of codes are written
#define REPEAT_3_6 16u
#define ZEROS_3_10 17u
#define ZEROS_11_138 18u
#define NO_LENGTH 255u // follows the last length: differs from every one

static const uint8_t code_order[LENGTHS_OF_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                     11, 4,  12, 3, 13, 2, 14, 1, 15};

enum block_type { TYPE_STORED = 0, TYPE_FIXED = 1, TYPE_DYNAMIC = 2 };

// The part of a length or distance that is written as it is, behind the code.
typedef struct extra_bits {
    uint32_t symbol;
    uint32_t value;
    uint32_t n_bits;
} extra_bits;

static uint32_t highest_bit(uint32_t x)
{
    return 31u - (uint32_t)__builtin_clz(x);
}

static extra_bits split_length(uint32_t value)
{
    if (value == DEFLATE_MATCH_MAX - DEFLATE_MATCH_MIN)
        return (extra_bits){28, 0, 0};
    if (value < 8)
        return (extra_bits){value, 0, 0};
    const uint32_t n = highest_bit(value) - 2;
    return (extra_bits){4 * (n + 1) + (value >> n & 3), value & ((1u << n) - 1), n};
}

static extra_bits split_distance(uint32_t distance)
{
    const uint32_t value = distance - 1;
    if (value < 4)
        return (extra_bits){value, 0, 0};
    const uint32_t n = highest_bit(value) - 1;
    return (extra_bits){2 * (n + 1) + (value >> n & 1), value & ((1u << n) - 1), n};
}

static void start_block(deflate_block *block)
{
    memset(block->literal_counts, 0, sizeof block->literal_counts);
    memset(block->distance_counts, 0, sizeof block->distance_counts);
    block->literal_counts[END_OF_BLOCK] = 1;
    block->n_symbols = 0;
}

void deflate_block_init(deflate_block *block, uint32_t capacity)
{
    block->capacity = capacity;
    block->bits = block->n_bits = 0;
    block->out_bytes = 0;
    start_block(block);
}

bool deflate_block_literal(deflate_block *block, uint8_t byte)
{
    block->distances[block->n_symbols] = 0;
    block->values[block->n_symbols++] = byte;
    block->literal_counts[byte]++;
    return block->n_symbols == block->capacity;
}

bool deflate_block_match(deflate_block *block, uint32_t distance, uint32_t length)
{
    const uint32_t value = length - DEFLATE_MATCH_MIN;
    block->distances[block->n_symbols] = (uint16_t)distance;
    block->values[block->n_symbols++] = (uint8_t)value;
    block->literal_counts[FIRST_LENGTH + split_length(value).symbol]++;
    block->distance_counts[split_distance(distance).symbol]++;
    return block->n_symbols == block->capacity;
}

// n_bits: at most 16.
static void put_bits(deflate_block *block, uint32_t value, uint32_t n_bits)
{
    block->bits |= value << block->n_bits;
    block->n_bits += n_bits;
    while (block->n_bits >= 8) {
        block->out[block->out_bytes++] = (uint8_t)block->bits;
        block->bits >>= 8;
        block->n_bits -= 8;
    }
}

static void fill_byte(deflate_block *block)
{
    if (block->n_bits > 0)
        put_bits(block, 0, 8 - block->n_bits);
}

// Calls emit for each symbol of the run-length coded lengths: with `block` it writes them, without
// it counts.
typedef struct length_writer {
    deflate_block *block;
    const deflate_tree *codes;
    uint16_t counts[LENGTHS_OF_CODES];
} length_writer;

static void emit(length_writer *w, uint32_t symbol, uint32_t times, uint32_t extra,
                 uint32_t n_extra)
{
    if (!w->block) {
        w->counts[symbol] = (uint16_t)(w->counts[symbol] + times);
        return;
    }
    for (; times > 0; times--)
        put_bits(w->block, w->codes->codes[symbol], w->codes->lengths[symbol]);
    put_bits(w->block, extra, n_extra);
}

static void emit_run(length_writer *w, uint32_t length, uint32_t before, uint32_t run,
                     uint32_t run_min)
{
    if (run < run_min) {
        emit(w, length, run, 0, 0);
    } else if (length != 0) {
        if (length != before) {
            emit(w, length, 1, 0, 0);
            run--;
        }
        emit(w, REPEAT_3_6, 1, run - 3, 2);
    } else if (run <= 10) {
        emit(w, ZEROS_3_10, 1, run - 3, 3);
    } else {
        emit(w, ZEROS_11_138, 1, run - 11, 7);
    }
}

static void emit_lengths(length_writer *w, deflate_tree *tree)
{
    uint32_t before = NO_LENGTH;
    uint32_t run = 0;
    uint32_t run_min = tree->lengths[0] ? 4 : 3;
    uint32_t run_max = tree->lengths[0] ? 7 : 138;
    tree->lengths[tree->last + 1] = NO_LENGTH;
    for (int32_t i = 0; i <= tree->last; i++) {
        const uint32_t length = tree->lengths[i];
        const uint32_t next = tree->lengths[i + 1];
        if (++run < run_max && length == next)
            continue;
        emit_run(w, length, before, run, run_min);
        run = 0;
        before = length;
        run_min = next == 0 || next == length ? 3 : 4;
        run_max = next == 0 ? 138 : next == length ? 6 : 7;
    }
    tree->lengths[tree->last + 1] = 0;
}

typedef struct block_codes {
    deflate_tree literals, distances, lengths;
    uint32_t n_lengths; // of `lengths`, as many as are written
} block_codes;

static void fixed_codes(block_codes *codes)
{
    for (uint32_t i = 0; i < DEFLATE_TREE_SYMBOLS; i++)
        codes->literals.lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    deflate_tree_codes(&codes->literals, DEFLATE_TREE_SYMBOLS);
    memset(codes->distances.lengths, 5, DEFLATE_DISTANCES);
    deflate_tree_codes(&codes->distances, DEFLATE_DISTANCES);
}

static void dynamic_codes(const deflate_block *block, block_codes *codes, length_writer *w)
{
    deflate_tree_build(&codes->literals, block->literal_counts, DEFLATE_LITERALS, 15);
    deflate_tree_build(&codes->distances, block->distance_counts, DEFLATE_DISTANCES, 15);
    memset(w, 0, sizeof *w);
    emit_lengths(w, &codes->literals);
    emit_lengths(w, &codes->distances);
    deflate_tree_build(&codes->lengths, w->counts, LENGTHS_OF_CODES, 7);
    codes->n_lengths = LENGTHS_OF_CODES;
    while (codes->n_lengths > 4 && codes->lengths.lengths[code_order[codes->n_lengths - 1]] == 0)
        codes->n_lengths--;
}

// Bits of all symbols of the block.
static uint64_t symbols_bits(const deflate_block *block, const block_codes *codes)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < DEFLATE_LITERALS; i++) {
        const uint32_t length = i - FIRST_LENGTH;
        const uint32_t extra = i < FIRST_LENGTH + 8 || length == 28 ? 0 : length / 4 - 1;
        bits += (uint64_t)block->literal_counts[i] * (codes->literals.lengths[i] + extra);
    }
    for (uint32_t i = 0; i < DEFLATE_DISTANCES; i++) {
        const uint32_t extra = i < 4 ? 0 : i / 2 - 1;
        bits += (uint64_t)block->distance_counts[i] * (codes->distances.lengths[i] + extra);
    }
    return bits;
}

static uint64_t lengths_bits(const block_codes *codes, const length_writer *w)
{
    uint64_t bits = 3u * codes->n_lengths + 5 + 5 + 4;
    for (uint32_t i = 0; i < LENGTHS_OF_CODES; i++) {
        const uint32_t extra = i == REPEAT_3_6     ? 2
                               : i == ZEROS_3_10   ? 3
                               : i == ZEROS_11_138 ? 7
                                                   : 0;
        bits += (uint64_t)w->counts[i] * (codes->lengths.lengths[i] + extra);
    }
    return bits;
}

static void put_codes(deflate_block *block, block_codes *codes)
{
    put_bits(block, (uint32_t)codes->literals.last + 1 - 257, 5);
    put_bits(block, (uint32_t)codes->distances.last, 5);
    put_bits(block, codes->n_lengths - 4, 4);
    for (uint32_t i = 0; i < codes->n_lengths; i++)
        put_bits(block, codes->lengths.lengths[code_order[i]], 3);
    length_writer w = {.block = block, .codes = &codes->lengths};
    emit_lengths(&w, &codes->literals);
    emit_lengths(&w, &codes->distances);
}

static void put_symbol(deflate_block *block, const deflate_tree *tree, uint32_t symbol)
{
    put_bits(block, tree->codes[symbol], tree->lengths[symbol]);
}

static void put_symbols(deflate_block *block, const block_codes *codes)
{
    for (uint32_t i = 0; i < block->n_symbols; i++) {
        if (block->distances[i] == 0) {
            put_symbol(block, &codes->literals, block->values[i]);
            continue;
        }
        const extra_bits length = split_length(block->values[i]);
        put_symbol(block, &codes->literals, FIRST_LENGTH + length.symbol);
        put_bits(block, length.value, length.n_bits);
        const extra_bits distance = split_distance(block->distances[i]);
        put_symbol(block, &codes->distances, distance.symbol);
        put_bits(block, distance.value, distance.n_bits);
    }
    put_symbol(block, &codes->literals, END_OF_BLOCK);
}

static void put_stored(deflate_block *block, const uint8_t *bytes, uint32_t n_bytes)
{
    fill_byte(block);
    put_bits(block, n_bytes, 16);
    put_bits(block, n_bytes ^ 0xFFFFu, 16);
    memcpy(block->out + block->out_bytes, bytes, n_bytes);
    block->out_bytes += n_bytes;
}

void deflate_block_write(deflate_block *block, const uint8_t *bytes, uint32_t n_bytes,
                         bool fixed_only, bool last)
{
    block_codes dynamic, fixed;
    length_writer w;
    memset(&fixed, 0, sizeof fixed);
    fixed_codes(&fixed);
    dynamic_codes(block, &dynamic, &w);
    const uint64_t dynamic_bits = symbols_bits(block, &dynamic) + lengths_bits(&dynamic, &w);
    const uint64_t dynamic_bytes = (dynamic_bits + 3 + 7) / 8;
    const uint64_t fixed_bytes = (symbols_bits(block, &fixed) + 3 + 7) / 8;
    const bool is_fixed = fixed_only || fixed_bytes <= dynamic_bytes;
    const bool is_stored =
        bytes && n_bytes <= 65535 && n_bytes + 4u <= (is_fixed ? fixed_bytes : dynamic_bytes);
    const uint32_t type = is_stored ? TYPE_STORED : is_fixed ? TYPE_FIXED : TYPE_DYNAMIC;
    put_bits(block, (uint32_t)last | type << 1, 3);
    if (is_stored) {
        put_stored(block, bytes, n_bytes);
    } else {
        if (!is_fixed)
            put_codes(block, &dynamic);
        put_symbols(block, is_fixed ? &fixed : &dynamic);
    }
    if (last)
        fill_byte(block);
    start_block(block);
}
