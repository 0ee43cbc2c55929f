// SPDX-License-Identifier: Apache-2.0
#include "codec.h"

#include "util/bytes.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct vlmc_recovery_codec {
    vlmc_recovery_layout layout;
    vlmc_rs *cells;
    vlmc_rs *shares; // NULL: each packet has a piece of the hashes, none has parity of them
    uint8_t *pointers[VLMC_RECOVERY_COLUMNS_MAX];
    uint8_t *pieces; // (pieces, share_bytes)
};

vlmc_status vlmc_recovery_codec_create(const vlmc_recovery_layout *layout,
                                       vlmc_recovery_codec **codec, vlmc_error *error)
{
    vlmc_recovery_codec *c = *codec = calloc(1, sizeof *c);
    vlmc_status status = VLMC_ERROR_MEMORY;
    if (c)
        c->pieces = malloc((size_t)layout->pieces * layout->share_bytes);
    if (!c || !c->pieces) {
        vlmc_fail(error, status, "not enough memory for recovery data");
    } else {
        c->layout = *layout;
        status = vlmc_rs_create(layout->data, layout->parity, layout->cell_bytes, &c->cells, error);
        if (status == VLMC_OK && layout->parity > layout->pieces)
            status = vlmc_rs_create(layout->pieces, layout->parity - layout->pieces,
                                    layout->share_bytes, &c->shares, error);
    }
    if (status != VLMC_OK)
        vlmc_recovery_codec_destroy(codec);
    return status;
}

void vlmc_recovery_codec_destroy(vlmc_recovery_codec **codec)
{
    vlmc_recovery_codec *c = *codec;
    if (!c)
        return;
    vlmc_rs_destroy(&c->cells);
    vlmc_rs_destroy(&c->shares);
    free(c->pieces);
    free(c);
    *codec = NULL;
}

uint32_t vlmc_recovery_cell_hash(const uint8_t *cell, uint32_t cell_bytes)
{
    return (uint32_t)XXH3_64bits(cell, cell_bytes);
}

static uint8_t *packet_share(uint8_t *packet)
{
    return packet + VLMC_RECOVERY_HEADER_BYTES;
}

uint8_t *vlmc_recovery_packet_cell(const vlmc_recovery_layout *layout, uint8_t *packet)
{
    return packet_share(packet) + layout->share_bytes;
}

static uint64_t packet_hash(const vlmc_recovery_layout *l, const uint8_t *packet)
{
    return XXH3_64bits(packet + VLMC_RECOVERY_HEADER_BYTES, l->share_bytes + l->cell_bytes);
}

// ---- Writing ----

static void make_shares(vlmc_recovery_codec *c, uint8_t **cells, uint8_t *packets)
{
    const vlmc_recovery_layout *l = &c->layout;
    uint8_t *source[VLMC_RECOVERY_COLUMNS_MAX];
    memset(c->pieces, 0, (size_t)l->pieces * l->share_bytes);
    for (uint32_t i = 0; i < l->data; i++)
        vlmc_store32(c->pieces + 4 * (size_t)i, vlmc_recovery_cell_hash(cells[i], l->cell_bytes));
    for (uint32_t i = 0; i < l->pieces; i++) {
        source[i] = c->pieces + (size_t)i * l->share_bytes;
        memcpy(packet_share(packets + (size_t)i * l->packet_bytes), source[i], l->share_bytes);
    }
    for (uint32_t i = l->pieces; i < l->parity; i++)
        c->pointers[i - l->pieces] = packet_share(packets + (size_t)i * l->packet_bytes);
    if (c->shares)
        vlmc_rs_encode(c->shares, l->share_bytes, source, c->pointers);
}

void vlmc_recovery_codec_row(vlmc_recovery_codec *c, uint32_t row, uint8_t **cells,
                             uint8_t *packets)
{
    const vlmc_recovery_layout *l = &c->layout;
    make_shares(c, cells, packets);
    for (uint32_t i = 0; i < l->parity; i++)
        c->pointers[i] = vlmc_recovery_packet_cell(l, packets + (size_t)i * l->packet_bytes);
    vlmc_rs_encode(c->cells, l->cell_bytes, cells, c->pointers);
    for (uint32_t i = 0; i < l->parity; i++) {
        uint8_t *packet = packets + (size_t)i * l->packet_bytes;
        const vlmc_recovery_header header = {
            .layout = *l, .column = i, .row = row, .hash = packet_hash(l, packet)};
        vlmc_recovery_write_header(&header, packet);
    }
}

// ---- Reading ----

bool vlmc_recovery_packet_whole(const vlmc_recovery_layout *layout, const uint8_t *packet,
                                uint32_t parity, uint32_t row)
{
    uint8_t wanted[VLMC_RECOVERY_HEADER_BYTES];
    const vlmc_recovery_header header = {
        .layout = *layout, .column = parity, .row = row, .hash = packet_hash(layout, packet)};
    vlmc_recovery_write_header(&header, wanted);
    return memcmp(wanted, packet, sizeof wanted) == 0;
}

// The numbers of n whole packets from `first` on, counted from there. False when there are less.
static bool choose(const vlmc_recovery_layout *l, const bool *whole, uint32_t first, uint32_t n,
                   uint8_t *used)
{
    uint32_t found = 0;
    for (uint32_t i = first; i < l->parity && found < n; i++)
        if (whole[i])
            used[found++] = (uint8_t)(i - first);
    return found == n;
}

bool vlmc_recovery_codec_hashes(vlmc_recovery_codec *c, uint8_t *packets, const bool *whole,
                                uint32_t *hashes)
{
    const vlmc_recovery_layout *l = &c->layout;
    uint8_t *pieces[VLMC_RECOVERY_COLUMNS_MAX];
    uint8_t bad[VLMC_RECOVERY_COLUMNS_MAX], used[VLMC_RECOVERY_COLUMNS_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->pieces; i++) {
        pieces[i] = c->pieces + (size_t)i * l->share_bytes;
        if (whole[i])
            memcpy(pieces[i], packet_share(packets + (size_t)i * l->packet_bytes), l->share_bytes);
        else
            bad[n++] = (uint8_t)i;
    }
    if (n > 0 && !choose(l, whole, l->pieces, n, used))
        return false;
    for (uint32_t i = 0; i < n; i++)
        c->pointers[i] = packet_share(packets + (size_t)(l->pieces + used[i]) * l->packet_bytes);
    if (n > 0)
        vlmc_rs_recover(c->shares, l->share_bytes, pieces, bad, n, used, c->pointers);
    for (uint32_t i = 0; i < l->data; i++)
        hashes[i] = vlmc_load32(c->pieces + 4 * (size_t)i);
    return true;
}

bool vlmc_recovery_codec_recover(vlmc_recovery_codec *c, uint8_t **cells, const uint8_t *bad,
                                 uint32_t n, uint8_t *packets, const bool *whole)
{
    const vlmc_recovery_layout *l = &c->layout;
    uint8_t used[VLMC_RECOVERY_COLUMNS_MAX];
    if (n > l->parity || !choose(l, whole, 0, n, used))
        return false;
    for (uint32_t i = 0; i < n; i++)
        c->pointers[i] = vlmc_recovery_packet_cell(l, packets + (size_t)used[i] * l->packet_bytes);
    vlmc_rs_recover(c->cells, l->cell_bytes, cells, bad, n, used, c->pointers);
    return true;
}
