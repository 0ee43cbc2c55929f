// SPDX-License-Identifier: Apache-2.0
#include "group.h"

#include "sample.h"
#include "util/room.h"
#include "x86.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define ZSTD_LEVEL_ALONE 19
#define ZSTD_LEVEL_BESIDE 9 // a model does the work
#define ZSTD_SAMPLE_LEVEL 1

// The window of this level. Larger groups get one that covers them, and a search for long matches,
// which the level's own tables are too small for.
#define ZSTD_WINDOW_LOG 23

// A group that zstd brings below this share (1/256) is long runs or repeats: the model could
// save little more, and would take seconds for it.
#define ZSTD_ENOUGH 256u

// Short content starts a group of its own only when a fast look saves this much of it.
#define KIND_BYTES_SAVED 256u

// Smaller results are not worth a model at extraction.
#define MODEL_BYTES_MIN 128u

typedef struct coded {
    uint8_t *bytes; // (capacity)
    size_t capacity;
} coded;

struct vlmc_group_packer {
    ZSTD_CCtx *zstd;
    int zstd_level;
    uint8_t *samples; // (samples_capacity)
    uint8_t *plain;   // (plain_capacity) zstd's result
    coded coded[2];   // results of models
    uint8_t *code;    // (code_capacity) machine code with addresses
    size_t code_capacity;
    size_t samples_capacity;
    size_t plain_capacity;
};

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the compressor");
}

vlmc_status vlmc_group_packer_create(bool with_models, vlmc_group_packer **packer,
                                     vlmc_error *error)
{
    vlmc_group_packer *p = calloc(1, sizeof *p);
    if (p) {
        p->zstd_level = with_models ? ZSTD_LEVEL_BESIDE : ZSTD_LEVEL_ALONE;
        p->zstd = ZSTD_createCCtx();
        if (!p->zstd)
            vlmc_group_packer_destroy(&p);
    }
    *packer = p;
    return p ? VLMC_OK : no_memory(error);
}

void vlmc_group_packer_destroy(vlmc_group_packer **packer)
{
    vlmc_group_packer *p = *packer;
    if (!p)
        return;
    ZSTD_freeCCtx(p->zstd);
    free(p->plain);
    free(p->samples);
    free(p->code);
    free(p->coded[0].bytes);
    free(p->coded[1].bytes);
    free(p);
    *packer = NULL;
}

static size_t set_parameters(vlmc_group_packer *p, int level, size_t n)
{
    int window = ZSTD_WINDOW_LOG;
    while ((size_t)1 << window < n)
        window++;
    ZSTD_CCtx_reset(p->zstd, ZSTD_reset_session_and_parameters);
    size_t result = ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, level);
    if (window == ZSTD_WINDOW_LOG)
        return result;
    if (!ZSTD_isError(result))
        result = ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_windowLog, window);
    if (!ZSTD_isError(result))
        result = ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_enableLongDistanceMatching, 1);
    return result;
}

// One frame with its content size, without checksum and dictionary.
static vlmc_status compress(vlmc_group_packer *p, int level, const uint8_t *bytes, size_t n,
                            size_t *size, vlmc_error *error)
{
    if (!vlmc_make_room(&p->plain, &p->plain_capacity, ZSTD_compressBound(n)))
        return no_memory(error);
    *size = set_parameters(p, level, n);
    if (!ZSTD_isError(*size))
        *size = ZSTD_compress2(p->zstd, p->plain, p->plain_capacity, bytes, n);
    if (ZSTD_isError(*size))
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "zstd failed: %s", ZSTD_getErrorName(*size));
    return VLMC_OK;
}

static vlmc_status looks_incompressible(vlmc_group_packer *p, const uint8_t *raw, uint32_t n,
                                        bool *answer, vlmc_error *error)
{
    *answer = false;
    if (n < VLMC_SAMPLES_BYTES_MIN)
        return VLMC_OK;
    const uint32_t size = vlmc_samples_bytes(n);
    if (!vlmc_make_room(&p->samples, &p->samples_capacity, size))
        return no_memory(error);
    vlmc_sample_take(raw, n, p->samples);
    size_t fast;
    VLMC_TRY(compress(p, ZSTD_SAMPLE_LEVEL, p->samples, size, &fast, error));
    *answer = vlmc_sample_hopeless(vlmc_sample_entropy(p->samples, size), size, fast);
    return VLMC_OK;
}

vlmc_status vlmc_group_kind(vlmc_group_packer *p, const uint8_t *raw, uint32_t n,
                            vlmc_content_kind *kind, vlmc_error *error)
{
    *kind = VLMC_CONTENT_NEUTRAL;
    if (n >= VLMC_SAMPLES_BYTES_MIN) {
        bool hopeless;
        VLMC_TRY(looks_incompressible(p, raw, n, &hopeless, error));
        *kind = hopeless ? VLMC_CONTENT_INCOMPRESSIBLE : VLMC_CONTENT_COMPRESSIBLE;
    } else if (n > KIND_BYTES_SAVED) {
        size_t fast;
        VLMC_TRY(compress(p, ZSTD_SAMPLE_LEVEL, raw, n, &fast, error));
        if (fast + KIND_BYTES_SAVED <= n && fast * 100 < n * 98ull)
            *kind = VLMC_CONTENT_COMPRESSIBLE;
    }
    return VLMC_OK;
}

vlmc_status vlmc_group_pack(vlmc_group_packer *p, const uint8_t *raw, uint32_t n,
                            vlmc_packed_group *packed, vlmc_error *error)
{
    *packed = (vlmc_packed_group){.method = VLMC_GROUP_STORED, .bytes = raw, .size = n};
    bool hopeless;
    VLMC_TRY(looks_incompressible(p, raw, n, &hopeless, error));
    if (hopeless)
        return VLMC_OK;
    size_t size;
    VLMC_TRY(compress(p, p->zstd_level, raw, n, &size, error));
    if (size < n) {
        packed->method = VLMC_GROUP_ZSTD;
        packed->bytes = p->plain;
        packed->size = (uint32_t)size;
    }
    packed->try_model = packed->size > n / ZSTD_ENOUGH && packed->size > MODEL_BYTES_MIN;
    return VLMC_OK;
}

vlmc_status vlmc_group_pack_model(vlmc_group_packer *p, vlmc_lockstep *lockstep,
                                  const vlmc_token_coding *coding, const uint8_t *raw, uint32_t n,
                                  uint32_t stream_tokens, uint32_t cost, vlmc_packed_group *packed,
                                  vlmc_lockstep_tick tick, void *user, vlmc_error *error)
{
    if (packed->size <= cost)
        return VLMC_OK;
    uint32_t streams;
    VLMC_TRY(vlmc_lockstep_streams(lockstep, coding, n, stream_tokens, &streams, error));
    const size_t capacity = packed->size - cost - 1; // the most that is still smaller
    size_t size;
    // What was packed before may be in one of the two, and stands if this is no better.
    coded *c = packed->bytes == p->coded[0].bytes ? &p->coded[1] : &p->coded[0];
    if (!vlmc_make_room(&c->bytes, &c->capacity, capacity))
        return no_memory(error);
    const bool is_code = !coding && vlmc_x86_is_code(raw, n);
    if (is_code) {
        if (!vlmc_make_room(&p->code, &p->code_capacity, n))
            return no_memory(error);
        memcpy(p->code, raw, n);
        vlmc_x86_to_addresses(p->code, n);
        raw = p->code;
    }
    VLMC_TRY(vlmc_lockstep_encode(lockstep, coding, raw, n, streams, c->bytes, capacity, &size,
                                  tick, user, error));
    if (size <= capacity && is_code)
        c->bytes[0] |= VLMC_GROUP_X86;
    if (size <= capacity)
        *packed = (vlmc_packed_group){
            .method = VLMC_GROUP_MODEL,
            .streams = streams,
            .bytes = c->bytes,
            .size = (uint32_t)size,
        };
    return VLMC_OK;
}

vlmc_status vlmc_group_unpack_plain(uint32_t method, const uint8_t *bytes, uint32_t size,
                                    uint8_t *raw, uint32_t n, vlmc_error *error)
{
    if (method == VLMC_GROUP_STORED && size == n) {
        memcpy(raw, bytes, n);
        return VLMC_OK;
    }
    if (method == VLMC_GROUP_ZSTD && ZSTD_decompress(raw, n, bytes, size) == n)
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_DAMAGED, "the packed bytes are not what an encoder writes");
}
