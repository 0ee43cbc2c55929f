// SPDX-License-Identifier: Apache-2.0
// Recall of pixels: what came the last time that all pixels around were the same. In drawings, text
// on a screen and patterns that repeat it is right nearly always, in photographs hardly ever found.
#ifndef IMAGE_PIXEL_RECALL_H
#define IMAGE_PIXEL_RECALL_H

#include <stdint.h>

#define RECALLS 3u // by ever more pixels around
#define RECALL_PIXEL_BYTES_MAX 4u
#define RECALL_TRUST_MAX 7u // how often a recalled pixel was right since it was first seen

typedef struct pixel_recall pixel_recall;

// What is recalled of one pixel, and what is needed to learn it.
typedef struct recalled {
    uint32_t hashes[RECALLS];
    uint8_t pixels[RECALLS][RECALL_PIXEL_BYTES_MAX];
    uint8_t
        trust[RECALLS]; // 1..RECALL_TRUST_MAX; 0: nothing like it was seen, or it is wrong already
} recalled;

// NULL: no memory. Takes 2 MiB of addresses for each of RECALLS, and memory as pixels are learned.
pixel_recall *image_recall_create(void);
void image_recall_destroy(pixel_recall *recall); // accepts NULL

// rows // (4): at the pixel in its row and in those above, whole pixels of `bytes` within 12 bytes
// on both sides (in its own row to the left).
void image_recall_find(const pixel_recall *recall, uint8_t *const rows[4], uint32_t bytes,
                       recalled *found);

// The pixel turned out to be this.
void image_recall_learn(pixel_recall *recall, const recalled *found, const uint8_t *pixel,
                        uint32_t bytes);

#endif
