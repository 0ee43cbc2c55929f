// SPDX-License-Identifier: Apache-2.0
// TIFF without compression: the first directory's strips or tiles, of which the first ones that
// follow each other are the raster. Tiles are taken as a narrow picture, one below the other.
#include "bytes.h"
#include "pixels.h"
#include "raster.h"

#define ENTRY_BYTES 12u
#define PARTS_MAX 1048576u // strips or tiles

enum tag {
    TAG_WIDTH = 256,
    TAG_HEIGHT = 257,
    TAG_BITS = 258,
    TAG_COMPRESSION = 259,
    TAG_OFFSETS = 273,
    TAG_SAMPLES = 277,
    TAG_STRIP_ROWS = 278,
    TAG_BYTES = 279,
    TAG_PLANAR = 284,
    TAG_PREDICTOR = 317,
    TAG_TILE_WIDTH = 322,
    TAG_TILE_HEIGHT = 323,
    TAG_TILE_OFFSETS = 324,
    TAG_TILE_BYTES = 325,
};

typedef struct tiff {
    const uint8_t *bytes;
    size_t n_bytes;
    bool big_endian;
    size_t entries; // where they start
    uint32_t n_entries;
} tiff;

// The values of an entry: numbers of 2 or 4 bytes, `at` a checked place.
typedef struct values {
    size_t at;
    uint32_t count;
    uint32_t size; // bytes of each
} values;

static uint32_t load(const tiff *t, size_t at, uint32_t size)
{
    const uint8_t *p = t->bytes + at;
    if (size == 2)
        return t->big_endian ? image_load16be(p) : image_load16le(p);
    return t->big_endian ? image_load32be(p) : image_load32le(p);
}

static bool open_directory(tiff *t)
{
    if (t->n_bytes < 16)
        return false;
    t->big_endian = t->bytes[0] == 'M';
    const uint8_t mark = t->big_endian ? 'M' : 'I';
    if (t->bytes[0] != mark || t->bytes[1] != mark || load(t, 2, 2) != 42)
        return false;
    const uint32_t directory = load(t, 4, 4);
    if (directory < 8 || directory > t->n_bytes - 2)
        return false;
    t->n_entries = load(t, directory, 2);
    t->entries = directory + 2u;
    return (t->n_bytes - t->entries) / ENTRY_BYTES >= t->n_entries;
}

static bool find(const tiff *t, enum tag tag, values *v)
{
    for (uint32_t i = 0; i < t->n_entries; i++) {
        const size_t entry = t->entries + (size_t)i * ENTRY_BYTES;
        if (load(t, entry, 2) != (uint32_t)tag)
            continue;
        const uint32_t type = load(t, entry + 2, 2); // 3: two bytes, 4: four
        v->count = load(t, entry + 4, 4);
        v->size = type == 3 ? 2 : 4;
        if ((type != 3 && type != 4) || v->count == 0 || v->count > PARTS_MAX)
            return false;
        const size_t n = (size_t)v->count * v->size;
        v->at = n <= 4 ? entry + 8 : load(t, entry + 8, 4);
        return v->at <= t->n_bytes && n <= t->n_bytes - v->at;
    }
    return false;
}

static uint32_t value(const tiff *t, const values *v, uint32_t i)
{
    return load(t, v->at + (size_t)i * v->size, v->size);
}

// The only or first value of a tag, or `otherwise` where there is none.
static uint32_t number(const tiff *t, enum tag tag, uint32_t otherwise)
{
    values v;
    return find(t, tag, &v) ? value(t, &v, 0) : otherwise;
}

// Bytes of a sample when all have the same, of 8 or 16 bits; else 0.
static uint32_t sample_bytes(const tiff *t, uint32_t samples)
{
    values v;
    if (!find(t, TAG_BITS, &v) || v.count < samples)
        return 0;
    const uint32_t bits = value(t, &v, 0);
    for (uint32_t i = 1; i < samples; i++)
        if (value(t, &v, i) != bits)
            return 0;
    return bits == 8 ? 1 : bits == 16 ? 2 : 0;
}

// The parts that follow each other without a gap, from the first.
static bool find_run(const tiff *t, bool tiled, image_raster *raster, uint64_t *bytes)
{
    values offsets, sizes;
    if (!find(t, tiled ? TAG_TILE_OFFSETS : TAG_OFFSETS, &offsets) ||
        !find(t, tiled ? TAG_TILE_BYTES : TAG_BYTES, &sizes))
        return false;
    raster->offset = value(t, &offsets, 0);
    *bytes = value(t, &sizes, 0);
    for (uint32_t i = 1; i < offsets.count && i < sizes.count; i++) {
        if (value(t, &offsets, i) != raster->offset + *bytes)
            break;
        *bytes += value(t, &sizes, i);
    }
    return raster->offset >= 8;
}

bool image_find_tiff(const uint8_t *bytes, size_t n_bytes, image_raster *raster)
{
    tiff t = {.bytes = bytes, .n_bytes = n_bytes};
    values v;
    uint64_t run_bytes;
    *raster = (image_raster){0};
    if (!open_directory(&t))
        return false;
    const bool tiled = find(&t, TAG_TILE_WIDTH, &v);
    const uint64_t width = number(&t, tiled ? TAG_TILE_WIDTH : TAG_WIDTH, 0);
    const uint32_t samples = number(&t, TAG_SAMPLES, 1);
    if (number(&t, TAG_COMPRESSION, 1) != 1 || number(&t, TAG_PREDICTOR, 1) != 1 || samples == 0 ||
        samples > 4 || (samples > 1 && number(&t, TAG_PLANAR, 1) != 1) ||
        !find_run(&t, tiled, raster, &run_bytes))
        return false;
    const uint32_t size = sample_bytes(&t, samples);
    const uint64_t row_bytes = width * samples * size;
    raster->order = size == 2 && !t.big_endian ? IMAGE_LOW_BYTE_FIRST : 0;
    return row_bytes > 0 &&
           image_raster_fill(raster, width, run_bytes / row_bytes, samples, size, row_bytes);
}
