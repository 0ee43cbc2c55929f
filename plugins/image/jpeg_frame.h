// SPDX-License-Identifier: Apache-2.0
// What the markers of a JPEG file say (ITU-T T.81, Annex B). The *head* of a file is all of its
// bytes from the first table or frame header through EOI but the entropy-coded ones.
#ifndef IMAGE_JPEG_FRAME_H
#define IMAGE_JPEG_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JPEG_COMPONENTS_MAX 4u
#define JPEG_SCANS_MAX 64u
#define JPEG_TABLES 4u                    // slots for each kind of table
#define JPEG_PIXELS_MAX (64u << 20)       // of a frame
#define JPEG_BLOCKS_MAX (192u << 20 >> 7) // 64 coefficients of 16 bits each: 192 MiB
#define JPEG_HEAD_BYTES_MAX (256u << 10)
#define JPEG_BLOCKS_FOR_BYTE 16u // more for each byte of the file are refused: a bomb

// Huffman codes: how many of each length 1..16, and what they stand for.
typedef struct jpeg_huffman {
    bool known;
    uint8_t lengths[17]; // [0] is unused
    uint8_t symbols[256];
} jpeg_huffman;

typedef struct jpeg_scan {
    uint8_t n_components;
    uint8_t components[JPEG_COMPONENTS_MAX]; // indices into the frame's
    uint8_t dc_table[JPEG_COMPONENTS_MAX], ac_table[JPEG_COMPONENTS_MAX];
    uint8_t first, last; // coefficients of the zigzag order
    uint8_t high, low;   // bits of successive approximation
    uint32_t at;         // in the head, where the scan's data belong
} jpeg_scan;

typedef struct jpeg_component {
    uint8_t id;
    uint8_t h, v; // sampling factors, 1..4
    uint8_t quant_table;
    uint32_t columns, rows; // blocks that are coded
} jpeg_component;

typedef struct jpeg_frame {
    bool progressive;
    uint32_t width, height; // pixels
    uint32_t n_components;
    jpeg_component components[JPEG_COMPONENTS_MAX];
    uint32_t h_max, v_max;
    uint32_t mcu_rows;
    bool whole_mcus; // the blocks that pad the last MCUs are stored and count
    uint32_t restart_interval;
    uint32_t n_scans;
    jpeg_scan scans[JPEG_SCANS_MAX];
    uint16_t quant[JPEG_TABLES][64]; // natural order
    bool quant_known[JPEG_TABLES];
    jpeg_huffman dc[JPEG_TABLES], ac[JPEG_TABLES]; // as after the last DHT
} jpeg_frame;

// Natural order (8 * vertical + horizontal frequency) of the zigzag order. // (64)
extern const uint8_t jpeg_zigzag[64];

// Reads a head. VLMC_PLUGIN_OK only for one that ends with EOI and is coded and sized as
// image.jpeg takes it.
int32_t jpeg_frame_read(const uint8_t *head, size_t n_bytes, jpeg_frame *frame);

// Takes the head out of a file: bytes // (n_bytes), from the first marker of the head. head //
// (JPEG_HEAD_BYTES_MAX). *file_bytes: through EOI. Checks no more than it needs to find its way.
int32_t jpeg_head_extract(const uint8_t *bytes, size_t n_bytes, uint8_t *head, size_t *head_bytes,
                          size_t *file_bytes);

// The next scan's data in a whole file from *at on, which is moved behind them. False: none
// follows.
bool jpeg_next_scan(const uint8_t *bytes, size_t n_bytes, size_t *at, size_t *scan_bytes);

// Blocks of all components.
uint64_t jpeg_frame_blocks(const jpeg_frame *frame);

#endif
