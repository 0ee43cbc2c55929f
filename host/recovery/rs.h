// SPDX-License-Identifier: Apache-2.0
// Reed-Solomon codes for erasures over GF(2^8), polynomial 11D, on ISA-L. Parity cell p of data
// cells 0 .. data - 1 has the coefficients 1 / ((data + p) xor c): any `data` cells of the
// `data + parity` give all others. One thread at a time for each code.
#ifndef VLMC_RECOVERY_RS_H
#define VLMC_RECOVERY_RS_H

#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_rs vlmc_rs;

// data, parity >= 1, their sum at most 255; cells of at most `bytes_max` bytes.
vlmc_status vlmc_rs_create(uint32_t data, uint32_t parity, uint32_t bytes_max, vlmc_rs **rs,
                           vlmc_error *error);
void vlmc_rs_destroy(vlmc_rs **rs);

// cells // (data) of (bytes), parity // (parity) of (bytes)
void vlmc_rs_encode(vlmc_rs *rs, uint32_t bytes, uint8_t **cells, uint8_t **parity);

// Finds the `n` cells with the numbers `bad` (ascending), n <= parity, from the others and n parity
// cells with the numbers `used`. Bad cells' memory is overwritten with what is found.
// cells // (data) of (bytes), parity // (n) of (bytes)
void vlmc_rs_recover(vlmc_rs *rs, uint32_t bytes, uint8_t **cells, const uint8_t *bad, uint32_t n,
                     const uint8_t *used, uint8_t **parity);

#endif
