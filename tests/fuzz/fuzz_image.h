// SPDX-License-Identifier: Apache-2.0
#ifndef FUZZ_IMAGE_H
#define FUZZ_IMAGE_H

#include <stddef.h>
#include <stdint.h>

// Bytes as a file: analysed, each segment to tokens and back; aborts when it does not come back.
void fuzz_image_file(const uint8_t *data, size_t size);

// Parameters and tokens as an archive may have them: contexts in range, and no decoder that does
// harm.
void fuzz_image_archive(const char *tokenizer, const uint8_t *params, uint32_t params_bytes,
                        const uint8_t *tokens, size_t n_tokens);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
