// SPDX-License-Identifier: Apache-2.0
#include "jpeg_params.h"

#include "jpeg_library.h"

#include <string.h>
#include <vlmc/plugin.h>

#define LITERALS_MAX 128u
#define OP_QUANT 128u
#define OP_HUFFMAN 136u
#define OP_END 140u
#define QUANT_SEGMENT 69u // bytes: marker, length, slot, 64 steps

// A table's segment as libjpeg writes it. Returns its length.
static size_t write_quant(const uint8_t *steps, uint32_t slot, uint8_t *bytes)
{
    memcpy(bytes, (const uint8_t[5]){0xFF, 0xDB, 0, QUANT_SEGMENT - 2, (uint8_t)slot}, 5);
    memcpy(bytes + 5, steps, 64);
    return QUANT_SEGMENT;
}

static size_t write_huffman(const jpeg_huffman *table, uint32_t i, uint8_t *bytes)
{
    size_t n = 0;
    for (uint32_t k = 1; k <= 16; k++)
        n += table->lengths[k];
    const size_t length = 19 + n;
    memcpy(bytes, (const uint8_t[5]){0xFF, 0xC4, 0, (uint8_t)length, (uint8_t)(i % 2 << 4 | i / 2)},
           5);
    memcpy(bytes + 5, table->lengths + 1, 16);
    memcpy(bytes + 21, table->symbols, n);
    return 2 + length;
}

typedef struct packer {
    uint8_t *params;
    size_t used;
    size_t run; // where the current run of literals began; 0: there is none
} packer;

static bool put_literal(packer *p, uint8_t byte)
{
    if (VLMC_PLUGIN_PARAMS_BYTES_MAX - p->used < 2)
        return false;
    if (p->run && p->params[p->run - 1] == LITERALS_MAX - 1)
        p->run = 0;
    if (!p->run) {
        p->params[p->used++] = 0;
        p->run = p->used;
    } else {
        p->params[p->run - 1]++;
    }
    p->params[p->used++] = byte;
    return true;
}

// Is a known table's segment at `bytes`? Its op to op[0..1], its length or 0.
static size_t known_segment(const jpeg_standard *standard, const uint8_t *bytes, size_t n_bytes,
                            uint8_t *op, size_t *op_bytes)
{
    uint8_t segment[512];
    for (uint32_t i = 0; i < 4; i++) {
        const size_t size = write_huffman(&standard->huffman[i], i, segment);
        if (size <= n_bytes && memcmp(bytes, segment, size) == 0) {
            op[0] = (uint8_t)(OP_HUFFMAN + i);
            *op_bytes = 1;
            return size;
        }
    }
    if (n_bytes < QUANT_SEGMENT || bytes[0] != 0xFF || bytes[1] != 0xDB || bytes[2] != 0 ||
        bytes[3] != QUANT_SEGMENT - 2 || bytes[4] >= JPEG_TABLES)
        return 0;
    for (uint32_t q = 1; q <= 100; q++)
        for (uint32_t t = 0; t < 2; t++)
            if (memcmp(standard->quant[q - 1][t], bytes + 5, 64) == 0) {
                op[0] = (uint8_t)(OP_QUANT + 2u * bytes[4] + t);
                op[1] = (uint8_t)q;
                *op_bytes = 2;
                return QUANT_SEGMENT;
            }
    return 0;
}

int32_t jpeg_params_pack(const uint8_t *head, size_t head_bytes, uint8_t *params,
                         uint32_t *params_bytes)
{
    jpeg_standard standard;
    packer p = {.params = params};
    const int32_t result = jpeg_standard_tables(&standard);
    if (result != VLMC_PLUGIN_OK)
        return result;
    for (size_t at = 0; at < head_bytes;) {
        uint8_t op[2];
        size_t op_bytes = 0;
        const size_t size =
            head[at] == 0xFF ? known_segment(&standard, head + at, head_bytes - at, op, &op_bytes)
                             : 0;
        if (VLMC_PLUGIN_PARAMS_BYTES_MAX - p.used < op_bytes)
            return VLMC_PLUGIN_UNSUPPORTED;
        if (size > 0) {
            memcpy(params + p.used, op, op_bytes);
            p.used += op_bytes;
            p.run = 0;
            at += size;
        } else if (!put_literal(&p, head[at++])) {
            return VLMC_PLUGIN_UNSUPPORTED;
        }
    }
    *params_bytes = (uint32_t)p.used;
    return VLMC_PLUGIN_OK;
}

int32_t jpeg_params_unpack(const uint8_t *params, size_t params_bytes, uint8_t *head,
                           size_t *head_bytes)
{
    jpeg_standard standard;
    size_t at = 0, used = 0;
    const int32_t result = jpeg_standard_tables(&standard);
    if (result != VLMC_PLUGIN_OK)
        return result;
    while (at < params_bytes) {
        const uint32_t op = params[at++];
        const size_t rest = params_bytes - at;
        if (JPEG_HEAD_BYTES_MAX - used < 512)
            return VLMC_PLUGIN_INVALID;
        if (op < LITERALS_MAX) {
            if (rest < op + 1)
                return VLMC_PLUGIN_INVALID;
            memcpy(head + used, params + at, op + 1);
            used += op + 1;
            at += op + 1;
        } else if (op < OP_HUFFMAN) {
            if (rest < 1 || params[at] < 1 || params[at] > 100)
                return VLMC_PLUGIN_INVALID;
            used += write_quant(standard.quant[params[at++] - 1][op & 1], (op - OP_QUANT) / 2,
                                head + used);
        } else if (op < OP_END) {
            used += write_huffman(&standard.huffman[op - OP_HUFFMAN], op - OP_HUFFMAN, head + used);
        } else {
            return VLMC_PLUGIN_INVALID;
        }
    }
    *head_bytes = used;
    return VLMC_PLUGIN_OK;
}
