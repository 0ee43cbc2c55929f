// SPDX-License-Identifier: Apache-2.0
// The packets of a row: a header, a share of the hashes of the row's cells, and a parity cell. Any
// `pieces` of them give the hashes. One thread at a time.
#ifndef VLMC_RECOVERY_CODEC_H
#define VLMC_RECOVERY_CODEC_H

#include "layout.h"
#include "rs.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_recovery_codec vlmc_recovery_codec;

vlmc_status vlmc_recovery_codec_create(const vlmc_recovery_layout *layout,
                                       vlmc_recovery_codec **codec, vlmc_error *error);
void vlmc_recovery_codec_destroy(vlmc_recovery_codec **codec);

// Makes the packets of a row. cells // (data) of (cell_bytes), packets // (parity, packet_bytes)
void vlmc_recovery_codec_row(vlmc_recovery_codec *codec, uint32_t row, uint8_t **cells,
                             uint8_t *packets);

// Are these bytes // (packet_bytes) the packet of this layout and place, whole?
bool vlmc_recovery_packet_whole(const vlmc_recovery_layout *layout, const uint8_t *packet,
                                uint32_t parity, uint32_t row);

// The parity cell of a packet.
uint8_t *vlmc_recovery_packet_cell(const vlmc_recovery_layout *layout, uint8_t *packet);

// The hashes of a row's cells // (data), from those packets that are whole // (parity). False when
// there are too few.
bool vlmc_recovery_codec_hashes(vlmc_recovery_codec *codec, uint8_t *packets, const bool *whole,
                                uint32_t *hashes);

// Finds the cells `bad` // (n), ascending, from the others and n of the whole packets. False when
// there are too few.
bool vlmc_recovery_codec_recover(vlmc_recovery_codec *codec, uint8_t **cells, const uint8_t *bad,
                                 uint32_t n, uint8_t *packets, const bool *whole);

// Of a cell // (cell_bytes), padded with zeros.
uint32_t vlmc_recovery_cell_hash(const uint8_t *cell, uint32_t cell_bytes);

#endif
