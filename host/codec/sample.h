// SPDX-License-Identifier: Apache-2.0
// Recognises data that no method shortens, from a few samples.
#ifndef VLMC_CODEC_SAMPLE_H
#define VLMC_CODEC_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#define VLMC_SAMPLE_BYTES 1024u
#define VLMC_SAMPLES_BYTES_MIN (64u * VLMC_SAMPLE_BYTES)
#define VLMC_SAMPLES_BYTES_MAX (1024u * VLMC_SAMPLE_BYTES)

// Bytes of the samples of n bytes, which are at least VLMC_SAMPLES_BYTES_MIN: a piece of 1 KiB for
// each 16 KiB, 64 to 1024 pieces.
uint32_t vlmc_samples_bytes(uint32_t n);

// Copies samples // (vlmc_samples_bytes(n)), spread evenly over raw // (n). n must be at least
// VLMC_SAMPLES_BYTES_MIN.
void vlmc_sample_take(const uint8_t *raw, uint32_t n, uint8_t *samples);

// Order-0 entropy of n bytes in 1/65536 bit for each byte, from integers only: 0 .. 8 * 65536.
// n is 1 .. 2^24.
uint32_t vlmc_sample_entropy(const uint8_t *bytes, uint32_t n);

// True when n bytes of samples of this entropy that a fast compressor brought to `fast_bytes` look
// incompressible: under 2 % saved and more than 7.9 bits for each byte.
bool vlmc_sample_hopeless(uint32_t entropy, uint64_t n, uint64_t fast_bytes);

#endif
