// SPDX-License-Identifier: Apache-2.0
#include "digest_prefix.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool vlmc_digest_prefix(const char *text, uint8_t low[32], uint8_t high[32])
{
    const size_t n = strlen(text);
    if (n < 8 || n > 64)
        return false;
    memset(low, 0, 32);
    memset(high, 0xff, 32);
    for (size_t i = 0; i < n; i++) {
        const int digit = hex_digit(text[i]);
        const int shift = i % 2 ? 0 : 4;
        if (digit < 0)
            return false;
        low[i / 2] = (uint8_t)(low[i / 2] | digit << shift);
        high[i / 2] = (uint8_t)((high[i / 2] & ~(0xf << shift)) | digit << shift);
    }
    return true;
}
