// SPDX-License-Identifier: Apache-2.0
#include "pixel_recall.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_LOG2_MIN 10u
#define SLOTS_LOG2_MAX 18u
#define TRUST_MASK 7u

// A slot is found by the upper bits of a hash; the lower three make room for the trust.
typedef struct slot {
    uint32_t tag; // hash and trust; 0: empty
    uint8_t pixel[RECALL_PIXEL_BYTES_MAX];
} slot;

struct pixel_recall {
    slot *slots[RECALLS]; // (2^SLOTS_LOG2_MAX), all there from the start: learning cannot fail
    uint32_t slots_log2;  // of those in use, so that short pictures touch few pages
    uint32_t n_learned;   // since as many are in use
};

pixel_recall *image_recall_create(void)
{
    pixel_recall *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->slots_log2 = SLOTS_LOG2_MIN;
    for (uint32_t i = 0; i < RECALLS; i++)
        if (!(r->slots[i] = calloc((size_t)1 << SLOTS_LOG2_MAX, sizeof(slot)))) {
            image_recall_destroy(r);
            return NULL;
        }
    return r;
}

void image_recall_destroy(pixel_recall *recall)
{
    for (uint32_t i = 0; recall && i < RECALLS; i++)
        free(recall->slots[i]);
    free(recall);
}

static uint32_t load(const uint8_t *at, uint32_t mask)
{
    uint32_t pixel;
    memcpy(&pixel, at, sizeof pixel);
    return pixel & mask;
}

static uint64_t mixed(uint64_t h, uint32_t pixel, uint32_t other)
{
    h = (h ^ ((uint64_t)pixel << 32 | other)) * UINT64_C(0xD6E8FEB86659FD93);
    return h ^ h >> 32;
}

void image_recall_find(const pixel_recall *recall, uint8_t *const rows[4], uint32_t bytes,
                       recalled *found)
{
    const uint32_t mask = UINT32_MAX >> (32 - 8 * bytes);
    const int32_t p = (int32_t)bytes;
#define AT(x, up) load(rows[up] + (x)*p, mask)
    uint64_t h = mixed(UINT64_C(0x9E3779B97F4A7C15), AT(-1, 0), AT(0, 1));
    found->hashes[0] = (uint32_t)((h = mixed(h, AT(-1, 1), AT(1, 1))) >> 32);
    h = mixed(h, AT(-2, 0), AT(0, 2));
    found->hashes[1] = (uint32_t)((h = mixed(h, AT(2, 1), AT(-2, 1))) >> 32);
    h = mixed(h, AT(-3, 0), AT(0, 3));
    h = mixed(h, AT(-1, 2), AT(1, 2));
    found->hashes[2] = (uint32_t)((h = mixed(h, AT(3, 1), AT(-3, 1))) >> 32);
#undef AT
    for (uint32_t i = 0; i < RECALLS; i++) {
        const slot *s = &recall->slots[i][found->hashes[i] >> (32 - recall->slots_log2)];
        found->trust[i] =
            (s->tag ^ found->hashes[i]) > TRUST_MASK ? 0 : (uint8_t)(s->tag & TRUST_MASK);
        memcpy(found->pixels[i], s->pixel, sizeof s->pixel);
    }
}

// Twice the slots: a hash says where each of them goes.
static void grow(pixel_recall *r)
{
    for (uint32_t i = 0; i < RECALLS; i++)
        for (uint32_t k = 1u << r->slots_log2; k-- > 0;) {
            const slot old = r->slots[i][k];
            memset(&r->slots[i][2 * k], 0, 2 * sizeof old);
            if (old.tag)
                r->slots[i][old.tag >> (31 - r->slots_log2)] = old;
        }
    r->slots_log2++;
    r->n_learned = 0;
}

void image_recall_learn(pixel_recall *recall, const recalled *found, const uint8_t *pixel,
                        uint32_t bytes)
{
    if (recall->n_learned++ >> (recall->slots_log2 - 1) && recall->slots_log2 < SLOTS_LOG2_MAX)
        grow(recall);
    for (uint32_t i = 0; i < RECALLS; i++) {
        const uint32_t hash = found->hashes[i] & ~TRUST_MASK;
        slot *s = &recall->slots[i][found->hashes[i] >> (32 - recall->slots_log2)];
        const uint32_t trust = s->tag & TRUST_MASK;
        if ((s->tag & ~TRUST_MASK) != hash || memcmp(s->pixel, pixel, bytes) != 0) {
            s->tag = hash | 1;
            memcpy(s->pixel, pixel, bytes);
        } else if (trust < RECALL_TRUST_MAX)
            s->tag++;
    }
}
