// SPDX-License-Identifier: Apache-2.0
// Is a block of bytes text?
#ifndef TEXT_CLASSIFY_H
#define TEXT_CLASSIFY_H

#include "text.h"

#include <stddef.h>

typedef enum text_verdict {
    TEXT_NO = 0,      // machine code, numbers, compressed data
    TEXT_NEUTRAL = 1, // nothing but zeros: takes after what is around it
    TEXT_LEGACY = 2,  // an 8-bit code, judged by its bytes
    TEXT_ASCII = 3,
    TEXT_UTF8 = 4, // with sequences of several bytes
} text_verdict;

// Judges a block (a few KiB; cut sequences at its ends do no harm).
text_verdict text_classify(const uint8_t *bytes, size_t n_bytes);

// Units of UTF-16 instead; n_bytes is even. TEXT_NO or TEXT_UTF8.
text_verdict text_classify_utf16(const uint8_t *bytes, size_t n_bytes, text_encoding encoding);

#endif
