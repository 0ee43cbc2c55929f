// SPDX-License-Identifier: Apache-2.0
// Huffman codes of limited length, chosen among all equally short ones as zlib chooses them.
#ifndef IMAGE_DEFLATE_TREE_H
#define IMAGE_DEFLATE_TREE_H

#include <stdint.h>

#define DEFLATE_TREE_SYMBOLS 288u

typedef struct deflate_tree {
    uint8_t lengths[DEFLATE_TREE_SYMBOLS + 1]; // bits; 0: the symbol does not occur
    uint16_t codes[DEFLATE_TREE_SYMBOLS];      // first bit of the code lowest
    int32_t last;                              // the highest symbol with a code
} deflate_tree;

// counts: how often each of n_symbols (at most DEFLATE_TREE_SYMBOLS - 2) occurs, less than 65536
// in all. length_max // bits, 7 or 15. When fewer than two symbols occur, others get codes.
void deflate_tree_build(deflate_tree *tree, const uint16_t *counts, uint32_t n_symbols,
                        uint32_t length_max);

// The canonical codes of given lengths.
void deflate_tree_codes(deflate_tree *tree, uint32_t n_symbols);

#endif
