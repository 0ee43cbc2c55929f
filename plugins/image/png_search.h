// SPDX-License-Identifier: Apache-2.0
// With which parameters was a zlib stream written?
#ifndef IMAGE_PNG_SEARCH_H
#define IMAGE_PNG_SEARCH_H

#include "redeflate.h"

// A zlib stream in pieces: the contents of a file's IDAT chunks.
typedef struct png_stream {
    const uint8_t *bytes;   // the first chunk's head
    const uint32_t *chunks; // (n_chunks) bytes of data of each
    uint32_t n_chunks;
    uint32_t stream_bytes; // sum of the chunks
} png_stream;

// Where a reader of the stream is.
typedef struct png_cursor {
    const uint8_t *at;
    const uint32_t *chunk; // the next one
    const uint32_t *chunks_end;
    uint32_t left; // of the chunk before it
} png_cursor;

png_cursor png_cursor_start(const png_stream *stream);

// Some bytes that follow, at most `most` of them, and moves behind them; 0 at the end.
uint32_t png_cursor_take(png_cursor *cursor, uint32_t most, const uint8_t **bytes);

// True when redeflate with *params writes the same stream. content_bytes: what it inflates to,
// which has been seen to work. filtered: the encoder had a reason to choose REDEFLATE_FILTERED.
// Work: some ten times what writing the stream takes, and a second.
bool png_search_deflate(const png_stream *stream, uint64_t content_bytes, bool filtered,
                        redeflate_params *params);

#endif
