// SPDX-License-Identifier: Apache-2.0
#include "rs.h"

#include <isa-l/erasure_code.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_BYTES 32u // that ISA-L wants for each coefficient
#define CELLS_MAX 255u

struct vlmc_rs {
    uint32_t data;
    uint32_t parity;
    uint32_t bytes_max;
    uint8_t *tables;          // (parity, data) of TABLE_BYTES, for encoding
    uint8_t *matrix;          // (parity, data), scratch
    uint8_t *scratch;         // (parity, data) of TABLE_BYTES, or (parity, parity) of them
    uint8_t *square;          // (2, parity, parity): a matrix and its inverse
    uint8_t *sums;            // (parity) of (bytes_max)
    uint8_t *sum[CELLS_MAX];  // (parity): its rows
    uint8_t *lost[CELLS_MAX]; // cells to be found
};

static uint8_t coefficient(const vlmc_rs *rs, uint32_t parity, uint32_t cell)
{
    return gf_inv((uint8_t)((rs->data + parity) ^ cell));
}

static vlmc_status allocate(vlmc_rs *rs, vlmc_error *error)
{
    const size_t widest = rs->data > rs->parity ? rs->data : rs->parity;
    rs->tables = malloc((size_t)TABLE_BYTES * rs->parity * rs->data);
    rs->matrix = malloc((size_t)rs->parity * rs->data);
    rs->scratch = malloc(TABLE_BYTES * rs->parity * widest);
    rs->square = malloc(2 * (size_t)rs->parity * rs->parity);
    rs->sums = malloc((size_t)rs->parity * rs->bytes_max);
    if (!rs->tables || !rs->matrix || !rs->scratch || !rs->square || !rs->sums)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for recovery data");
    return VLMC_OK;
}

vlmc_status vlmc_rs_create(uint32_t data, uint32_t parity, uint32_t bytes_max, vlmc_rs **rs,
                           vlmc_error *error)
{
    vlmc_rs *r = *rs = calloc(1, sizeof *r);
    if (!r)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for recovery data");
    r->data = data;
    r->parity = parity;
    r->bytes_max = bytes_max;
    const vlmc_status status = allocate(r, error);
    if (status != VLMC_OK) {
        vlmc_rs_destroy(rs);
        return status;
    }
    for (uint32_t p = 0; p < parity; p++) {
        r->sum[p] = r->sums + (size_t)p * bytes_max;
        for (uint32_t c = 0; c < data; c++)
            r->matrix[p * data + c] = coefficient(r, p, c);
    }
    ec_init_tables((int)data, (int)parity, r->matrix, r->tables);
    return VLMC_OK;
}

void vlmc_rs_destroy(vlmc_rs **rs)
{
    vlmc_rs *r = *rs;
    if (!r)
        return;
    free(r->tables);
    free(r->matrix);
    free(r->scratch);
    free(r->square);
    free(r->sums);
    free(r);
    *rs = NULL;
}

void vlmc_rs_encode(vlmc_rs *rs, uint32_t bytes, uint8_t **cells, uint8_t **parity)
{
    ec_encode_data((int)bytes, (int)rs->data, (int)rs->parity, rs->tables, cells, parity);
}

// What the cells that are there add to each used parity cell, from that cell's sum of all.
static void sum_of_lost(vlmc_rs *rs, uint32_t bytes, uint8_t **cells, const uint8_t *bad,
                        uint32_t n, const uint8_t *used, uint8_t **parity)
{
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *row = rs->matrix + (size_t)i * rs->data;
        for (uint32_t c = 0; c < rs->data; c++)
            row[c] = coefficient(rs, used[i], c);
        for (uint32_t k = 0; k < n; k++)
            row[bad[k]] = 0;
    }
    ec_init_tables((int)rs->data, (int)n, rs->matrix, rs->scratch);
    ec_encode_data((int)bytes, (int)rs->data, (int)n, rs->scratch, cells, rs->sum);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t b = 0; b < bytes; b++)
            rs->sum[i][b] ^= parity[i][b];
}

void vlmc_rs_recover(vlmc_rs *rs, uint32_t bytes, uint8_t **cells, const uint8_t *bad, uint32_t n,
                     const uint8_t *used, uint8_t **parity)
{
    uint8_t *inverse = rs->square + (size_t)n * n;
    sum_of_lost(rs, bytes, cells, bad, n, used, parity);
    for (uint32_t i = 0; i < n; i++) {
        rs->lost[i] = cells[bad[i]];
        for (uint32_t k = 0; k < n; k++)
            rs->square[i * n + k] = coefficient(rs, used[i], bad[k]);
    }
    // Each square part of a Cauchy matrix has an inverse.
    gf_invert_matrix(rs->square, inverse, (int)n);
    ec_init_tables((int)n, (int)n, inverse, rs->scratch);
    ec_encode_data((int)bytes, (int)n, (int)n, rs->scratch, rs->sum, rs->lost);
}
