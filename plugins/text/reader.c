// SPDX-License-Identifier: Apache-2.0
#include "reader.h"

enum tag_state {
    OUTSIDE, // of mark-up
    NAME,    // behind <
    INSIDE,  // a start tag, behind its name
    QUOTED,  // an attribute's value
    CLOSING, // behind </
};

static bool is_letter(uint8_t b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b >= 0x80;
}

static bool is_digit(uint8_t b)
{
    return b >= '0' && b <= '9';
}

static bool is_name(uint8_t b)
{
    return is_letter(b) || is_digit(b) || b == '_' || b == '-' || b == ':';
}

static uint32_t kind_of(uint8_t b)
{
    if (b >= 0x80)
        return TEXT_HIGH;
    if (b >= 'a' && b <= 'z')
        return TEXT_LOWER;
    if (b >= 'A' && b <= 'Z')
        return TEXT_UPPER;
    if (is_digit(b))
        return TEXT_DIGIT;
    switch (b) {
    case ' ':
        return TEXT_SPACE;
    case '\n':
    case '\r':
        return TEXT_LINE_END;
    case '.':
    case ',':
    case ';':
    case ':':
    case '!':
    case '?':
    case '-':
    case '\'':
        return TEXT_STOP;
    default:
        return TEXT_OTHER;
    }
}

static void read_word(text_reader *r, uint8_t b)
{
    if (is_letter(b)) {
        r->word = text_hash_2(r->word, b | 32u) | 1;
    } else if (r->word) {
        r->words[1] = r->words[0];
        r->words[0] = r->word;
        if (!r->first_word)
            r->first_word = r->word;
        r->word = 0;
    }
}

static void read_format(text_reader *r, uint8_t b, uint32_t kind)
{
    const uint8_t now = kind == TEXT_LOWER   ? 1
                        : kind == TEXT_UPPER ? 2
                        : kind == TEXT_HIGH  ? 3
                        : kind == TEXT_DIGIT ? 4
                        : b >= 5             ? b
                                             : 5;
    if (now <= 3 && now == (uint8_t)r->format)
        return;
    r->format = r->format << 8 | now;
}

static void open_tag(text_reader *r)
{
    if (r->n_tags < TEXT_TAGS_MAX)
        r->tags[r->n_tags++] = r->tag_name;
}

static void read_tag(text_reader *r, uint8_t b)
{
    const uint8_t before = (uint8_t)(r->past >> 8);
    switch (r->tag_state) {
    case OUTSIDE:
        if (b == '<') {
            r->tag_state = NAME;
            r->tag_name = 0;
        }
        break;
    case NAME:
        if (is_name(b)) {
            r->tag_name = text_hash_2(r->tag_name, b) | 1;
        } else if (b == '/' && !r->tag_name) {
            r->tag_state = CLOSING;
        } else if (!r->tag_name) {
            r->tag_state = OUTSIDE; // "a < b", a comment, a declaration
        } else if (b == '>') {
            open_tag(r);
            r->tag_state = OUTSIDE;
        } else {
            r->tag_state = INSIDE;
        }
        break;
    case INSIDE:
        if (b == '"' || b == '\'') {
            r->quote = b;
            r->tag_state = QUOTED;
        } else if (b == '>') {
            if (before != '/')
                open_tag(r);
            r->tag_state = OUTSIDE;
        }
        break;
    case QUOTED:
        if (b == r->quote)
            r->tag_state = INSIDE;
        break;
    default: // CLOSING
        if (b == '>') {
            r->n_tags -= r->n_tags > 0;
            r->tag_state = OUTSIDE;
        }
    }
}

static void read_line(text_reader *r, uint8_t b)
{
    if (r->at == r->line) {
        r->in_indent = true;
        r->indent = 0;
    }
    if (r->in_indent) {
        r->first = b;
        r->in_indent = b == ' ' || b == '\t';
        r->indent += r->in_indent;
    }
    r->ring[r->at % TEXT_RING_BYTES] = b;
    r->at++;
    if (b != '\n')
        return;
    r->line_before = r->line;
    r->line = r->at;
    r->indent_before = r->indent;
    r->first = 0;
    r->first_word = 0;
}

void text_read(text_reader *r, uint8_t b)
{
    const uint32_t kind = kind_of(b);
    r->past = r->past << 8 | b;
    r->kinds = (r->kinds * TEXT_KINDS + kind) % (TEXT_KINDS * TEXT_KINDS * TEXT_KINDS);
    read_word(r, b);
    read_format(r, b, kind);
    read_tag(r, b);
    read_line(r, b);
}

uint32_t text_column(const text_reader *r)
{
    const uint32_t column = r->at - r->line;
    return column < 255 ? column : 255;
}

uint32_t text_above(const text_reader *r, uint32_t right)
{
    // Unsigned differences are right also when `at` has wrapped around.
    const uint32_t column = r->at - r->line + right, length = r->line - r->line_before;
    if (column >= length || r->at - r->line_before > TEXT_RING_BYTES)
        return 0;
    return r->ring[(r->line_before + column) % TEXT_RING_BYTES];
}
