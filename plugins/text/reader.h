// SPDX-License-Identifier: Apache-2.0
// What a reader of one stream remembers: lines, words, the pattern of its bytes, mark-up.
#ifndef TEXT_READER_H
#define TEXT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes of a stream that are remembered; a power of two. What lies further back does not exist.
#define TEXT_RING_BYTES 16384u
#define TEXT_TAGS_MAX 32u

// Kinds of bytes.
enum text_kind {
    TEXT_LOWER,
    TEXT_UPPER,
    TEXT_DIGIT,
    TEXT_SPACE,
    TEXT_LINE_END,
    TEXT_HIGH, // from 0x80
    TEXT_STOP, // . , ; : ! ? - '
    TEXT_OTHER,
    TEXT_KINDS,
};

typedef struct text_reader {
    uint64_t past;  // the last 8 bytes, the newest in the low byte
    uint32_t at;    // bytes read
    uint32_t kinds; // of the last three bytes, base TEXT_KINDS

    uint32_t line, line_before;     // where this line and the one before began
    uint32_t indent, indent_before; // blanks before the first other byte of the line
    bool in_indent;
    uint8_t first; // the first byte of the line that is no blank; while there is none, the last
    uint32_t first_word; // of the line; 0: none yet

    uint32_t word;     // hash of the letters so far; 0: none
    uint32_t words[2]; // the two before, the nearer one first

    uint64_t format; // the last 8 kinds: a run of letters is one, each digit and sign its own

    uint32_t tags[TEXT_TAGS_MAX]; // hashes of the names of open elements, the innermost last
    uint32_t n_tags;
    uint32_t tag_state; // enum in reader.c
    uint32_t tag_name;
    uint8_t quote;

    uint8_t ring[TEXT_RING_BYTES];
} text_reader;

// A mixing function of 64 bits (a multiply, a shift, twice).
static inline uint32_t text_hash(uint64_t x)
{
    x *= UINT64_C(0x9E3779B97F4A7C15);
    x ^= x >> 29;
    x *= UINT64_C(0xBF58476D1CE4E5B9);
    return (uint32_t)(x >> 32);
}

static inline uint32_t text_hash_2(uint32_t a, uint32_t b)
{
    return text_hash((uint64_t)a << 32 | b);
}

// The next byte of a stream that began all zeros.
void text_read(text_reader *reader, uint8_t byte);

// Bytes from the start of the line, at most 255.
uint32_t text_column(const text_reader *reader);

// The byte in the line before, `right` columns to the right of where the next byte goes; 0: none.
uint32_t text_above(const text_reader *reader, uint32_t right);

static inline uint32_t text_innermost_tag(const text_reader *reader)
{
    return reader->n_tags > 0 ? reader->tags[reader->n_tags - 1] : 0;
}

#endif
