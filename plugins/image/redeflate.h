// SPDX-License-Identifier: Apache-2.0
// A deflate encoder (RFC 1951) that takes the same decisions as zlib's, so that what zlib once
// wrote can be written again from its content. The plugin has its own because zlib promises no
// such thing: its output differs between zlib, zlib-ng and vendors' forks, and one of its
// constants (see far_threes) is set when it is compiled, while an archive must open everywhere.
// [object]
#ifndef IMAGE_REDEFLATE_H
#define IMAGE_REDEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum redeflate_strategy { // zlib's numbers
    REDEFLATE_DEFAULT = 0,
    REDEFLATE_FILTERED = 1,
    REDEFLATE_HUFFMAN = 2,
    REDEFLATE_RLE = 3,
    REDEFLATE_FIXED = 4,
};

typedef struct redeflate_params {
    uint8_t level;        // 1..9
    uint8_t strategy;     // enum redeflate_strategy
    uint8_t memory_level; // 1..9
    uint8_t window_bits;  // 9..15
    // Matches of three bytes that lie further back than 4096 are used too: zlib as pngcrush
    // compiles it.
    bool far_threes;
} redeflate_params;

typedef struct redeflate redeflate;

bool redeflate_params_valid(const redeflate_params *params);

// NULL when there is no memory (some 700 KiB) or a parameter is out of range.
redeflate *redeflate_create(const redeflate_params *params);

// Starts another stream; false, and no change, when a parameter is out of range.
bool redeflate_restart(redeflate *d, const redeflate_params *params);

// Takes some of n_bytes and says how many; ended: nothing follows. Stops early when output
// waits; must not be called while it does. How the input is cut has no influence on the output.
size_t redeflate_feed(redeflate *d, const uint8_t *bytes, size_t n_bytes, bool ended);

// Output that waits // (*n_bytes), valid until the next call but this one.
const uint8_t *redeflate_output(const redeflate *d, size_t *n_bytes);
void redeflate_drop_output(redeflate *d);

// The stream's last byte has come out.
bool redeflate_done(const redeflate *d);

void redeflate_destroy(redeflate *d); // accepts NULL

#endif
