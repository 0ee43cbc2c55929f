// SPDX-License-Identifier: Apache-2.0
// UTF-8 in texts that come from files.
#ifndef VLMC_UTIL_UTF8_H
#define VLMC_UTIL_UTF8_H

#include <stddef.h>
#include <stdint.h>

// Bytes of the UTF-8 sequence at the start of a text that ends with a NUL (as RFC 3629 has it), or
// 0 where there is none. *code is its code point.
size_t vlmc_utf8_sequence(const unsigned char *text, uint32_t *code);

#endif
