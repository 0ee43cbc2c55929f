// SPDX-License-Identifier: Apache-2.0
#include "spool.h"

#include "util/bytes.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE_BYTES (64u << 10) // that is encrypted at a time, a multiple of the cipher's block
#define BLOCK_BYTES 64u

void vlmc_spool_destroy(vlmc_spool *spool)
{
    if (spool->places)
        close(spool->fd);
    free(spool->places);
    sodium_free(spool->key); // wipes first
    *spool = (vlmc_spool){0};
}

bool vlmc_spool_encrypt(vlmc_spool *spool)
{
    if (sodium_init() >= 0)
        spool->key = sodium_malloc(crypto_stream_xchacha20_KEYBYTES);
    if (spool->key)
        randombytes_buf(spool->key, crypto_stream_xchacha20_KEYBYTES);
    else
        spool->open = NULL;
    return spool->key != NULL;
}

// Tokens from `at` on of a group that is written once: its number is the nonce.
static void cipher(const vlmc_spool *spool, uint32_t group, size_t at, const uint8_t *from,
                   size_t n, uint8_t *to)
{
    uint8_t nonce[crypto_stream_xchacha20_NONCEBYTES] = {0};
    vlmc_store32(nonce, group);
    crypto_stream_xchacha20_xor_ic(to, from, n, nonce, at / BLOCK_BYTES, spool->key);
}

// What has failed once is not tried again.
static bool give_up(vlmc_spool *spool)
{
    spool->open = NULL;
    return false;
}

static bool begin(vlmc_spool *spool, uint32_t n_groups)
{
    if (spool->places)
        return true;
    uint64_t *places = calloc((size_t)n_groups + 1, sizeof *places);
    spool->fd = places ? spool->open(spool->user) : -1;
    if (spool->fd < 0) {
        free(places);
        return give_up(spool);
    }
    spool->places = places;
    spool->n = n_groups;
    return true;
}

static bool write_all(const vlmc_spool *spool, uint64_t place, const uint8_t *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        const ssize_t put = pwrite(spool->fd, bytes + at, n - at, (off_t)(place + at));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += (size_t)put;
    }
    return true;
}

static bool write_encrypted(const vlmc_spool *spool, uint32_t group, const uint8_t *tokens,
                            size_t n)
{
    uint8_t piece[PIECE_BYTES];
    for (size_t at = 0; at < n;) {
        const size_t size = n - at < sizeof piece ? n - at : sizeof piece;
        cipher(spool, group, at, tokens + at, size, piece);
        if (!write_all(spool, spool->size + at, piece, size))
            return false;
        at += size;
    }
    return true;
}

bool vlmc_spool_put(vlmc_spool *spool, uint32_t n_groups, uint32_t group, const uint8_t *tokens,
                    size_t n)
{
    if (vlmc_spool_has(spool, group))
        return true;
    if (!spool->open || !begin(spool, n_groups))
        return false;
    if (!(spool->key ? write_encrypted(spool, group, tokens, n)
                     : write_all(spool, spool->size, tokens, n)))
        return give_up(spool); // the disk is full: what is there stays of use
    spool->places[group] = spool->size + 1;
    spool->size += n;
    return true;
}

bool vlmc_spool_has(const vlmc_spool *spool, uint32_t group)
{
    return spool->places && group < spool->n && spool->places[group] != 0;
}

bool vlmc_spool_get(const vlmc_spool *spool, uint32_t group, uint8_t *tokens, size_t n)
{
    if (!vlmc_spool_has(spool, group))
        return false;
    for (size_t at = 0; at < n;) {
        const ssize_t got =
            pread(spool->fd, tokens + at, n - at, (off_t)(spool->places[group] - 1 + at));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    if (spool->key)
        cipher(spool, group, 0, tokens, n, tokens);
    return true;
}
