// SPDX-License-Identifier: Apache-2.0
// PGM (P5), PPM (P6) and PAM (P7): a header in text, then rows without padding; samples of more
// than 255 levels have two bytes, the high one first.
#include "raster.h"

#include <string.h>

#define HEADER_BYTES_MAX 4096u // with its comments
#define LEVELS_MAX 65535u

typedef struct cursor {
    const uint8_t *bytes;
    size_t n_bytes;
    size_t at;
} cursor;

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_line(cursor *c)
{
    while (c->at < c->n_bytes && c->bytes[c->at] != '\n')
        c->at++;
}

// Skips at least one white space or comment, and all that follow.
static bool skip_space(cursor *c)
{
    const size_t start = c->at;
    while (c->at < c->n_bytes && (is_space(c->bytes[c->at]) || c->bytes[c->at] == '#')) {
        if (c->bytes[c->at] == '#')
            skip_line(c);
        else
            c->at++;
    }
    return c->at > start && c->at < c->n_bytes;
}

static bool read_number(cursor *c, uint32_t *value)
{
    const size_t start = c->at;
    uint64_t sum = 0;
    for (; c->at < c->n_bytes && c->bytes[c->at] >= '0' && c->bytes[c->at] <= '9'; c->at++) {
        sum = sum * 10 + (uint32_t)(c->bytes[c->at] - '0');
        if (sum > UINT32_MAX)
            return false;
    }
    *value = (uint32_t)sum;
    return c->at > start && c->at < c->n_bytes;
}

static bool fill(image_raster *raster, uint32_t width, uint32_t height, uint32_t channels,
                 uint32_t levels)
{
    if (levels == 0 || levels > LEVELS_MAX)
        return false;
    const uint32_t sample_bytes = levels > 255 ? 2 : 1;
    return image_raster_fill(raster, width, height, channels, sample_bytes,
                             (uint64_t)width * channels * sample_bytes);
}

static bool read_classic(cursor *c, uint32_t channels, image_raster *raster)
{
    uint32_t width, height, levels;
    if (!skip_space(c) || !read_number(c, &width) || !skip_space(c) || !read_number(c, &height) ||
        !skip_space(c) || !read_number(c, &levels) || !is_space(c->bytes[c->at]))
        return false;
    raster->offset = c->at + 1;
    return fill(raster, width, height, channels, levels);
}

// The current word is `keyword` and a number follows.
static bool read_field(cursor *c, const char *keyword, uint32_t *value)
{
    const size_t n = strlen(keyword);
    if (c->n_bytes - c->at <= n || memcmp(c->bytes + c->at, keyword, n) != 0 ||
        !is_space(c->bytes[c->at + n]))
        return false;
    c->at += n;
    return skip_space(c) && read_number(c, value);
}

static bool read_pam(cursor *c, image_raster *raster)
{
    static const char end[] = "ENDHDR\n";
    uint32_t width = 0, height = 0, channels = 0, levels = 0;
    while (skip_space(c)) {
        if (c->n_bytes - c->at >= sizeof end - 1 &&
            memcmp(c->bytes + c->at, end, sizeof end - 1) == 0) {
            raster->offset = c->at + sizeof end - 1;
            return fill(raster, width, height, channels, levels);
        }
        if (!read_field(c, "WIDTH", &width) && !read_field(c, "HEIGHT", &height) &&
            !read_field(c, "DEPTH", &channels) && !read_field(c, "MAXVAL", &levels))
            skip_line(c); // TUPLTYPE
    }
    return false;
}

bool image_find_netpbm(const uint8_t *bytes, size_t n_bytes, image_raster *raster)
{
    cursor c = {bytes, n_bytes < HEADER_BYTES_MAX ? n_bytes : HEADER_BYTES_MAX, 2};
    *raster = (image_raster){0};
    if (n_bytes < 3 || bytes[0] != 'P')
        return false;
    if (bytes[1] == '7')
        return read_pam(&c, raster);
    return (bytes[1] == '5' || bytes[1] == '6') &&
           read_classic(&c, bytes[1] == '6' ? 3 : 1, raster);
}
