// SPDX-License-Identifier: Apache-2.0
#include "utf8.h"

size_t vlmc_utf8_sequence(const unsigned char *text, uint32_t *code)
{
    const unsigned char first = text[0];
    *code = first;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    uint32_t value = first & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) // a final NUL stops here
            return 0;
        value = value << 6 | (text[i] & 0x3fu);
    }
    *code = value;
    // Overlong forms, surrogates, and what is beyond Unicode.
    if ((size == 3 && value < 0x800) || (value >= 0xd800 && value <= 0xdfff) ||
        (size == 4 && value < 0x10000) || value > 0x10ffff)
        return 0;
    return size;
}
