// SPDX-License-Identifier: Apache-2.0
// The first digits of a digest, as people type them.
#ifndef VLMC_CATALOG_DIGEST_PREFIX_H
#define VLMC_CATALOG_DIGEST_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

// The digests that begin with 8 to 64 hexadecimal digits lie between `low` and `high`. False when
// `text` is none such.
bool vlmc_digest_prefix(const char *text, uint8_t low[32], uint8_t high[32]);

#endif
