// SPDX-License-Identifier: Apache-2.0
// A plugin on anything: files, and parameters and tokens from archives. fuzz_X.c says what X is,
// fuzz_plugin.c runs it, mutate_plugin.c runs mutations of a corpus for CTest:
//
//     clang -g -O1 -fsanitize=fuzzer,address,undefined -I. -Ihost/include -Itests/unit
//         tests/fuzz/fuzz_X.c tests/fuzz/fuzz_plugin.c tests/unit/plugin_driver.c
//         plugins/X/*.c LIBRARIES -o fuzz_X && ./fuzz_X tests/fuzz/corpus/X        libFuzzer
//     the same with afl-clang-fast                                                 AFL++
// LIBRARIES: -lz -ljpeg for the image plugin, none for the others.
#ifndef FUZZ_PLUGIN_H
#define FUZZ_PLUGIN_H

#include "plugin_driver.h"

// What is to be fuzzed; every fuzz_X.c has one.
typedef struct fuzz_subject {
    // True for a fault of a file that the host would find as well, and code plain bytes. NULL:
    // none.
    bool (*tolerated)(const char *fault, const uint8_t *data, size_t size);
    // Gives a mutated file right checks again, so that what is behind them is reached. NULL: none.
    void (*seal)(plugin_bytes *file);
} fuzz_subject;

extern const fuzz_subject fuzz_subject_of_plugin;

// Bytes as a file: analysed, each segment to tokens and back; aborts when it does not come back.
void fuzz_file(const uint8_t *data, size_t size);

// Parameters and tokens as an archive may have them: contexts in range, and no decoder that does
// harm.
void fuzz_archive(const vlmc_tokenizer *tokenizer, const uint8_t *params, uint32_t params_bytes,
                  const uint8_t *tokens, size_t n_tokens);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
