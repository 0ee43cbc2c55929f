// SPDX-License-Identifier: Apache-2.0
// Integer helpers of the coding path: 64-bit products from two words, packed int8 and int16.
#ifndef VLMC_INTEGER_GLSL
#define VLMC_INTEGER_GLSL

// floor((a * b + 2^(shift-1)) / 2^shift) for 16 <= shift <= 46, where the result fits int32.
int multiply_shift(int a, int b, uint shift)
{
    int high;
    uint low;
    {
        int low_signed;
        imulExtended(a, b, high, low_signed);
        low = uint(low_signed);
    }
    const uint half_bit = shift - 1u; // 15 .. 45
    const uint half_low = half_bit < 32u ? 1u << (half_bit & 31u) : 0u;
    const int half_high = half_bit < 32u ? 0 : 1 << (half_bit & 31u);
    const uint sum = low + half_low;
    high += half_high + (sum < low ? 1 : 0);
    return shift < 32u ? int(uint(high) << ((32u - shift) & 31u) | sum >> (shift & 31u))
                       : high >> ((shift - 32u) & 31u);
}

// A linear layer's requantisation; `scale` is multiplier | shift << 16.
int requant(int acc, uint scale)
{
    return multiply_shift(acc, int(scale & 0xFFFFu), scale >> 16);
}

int byte_of(uint word, int i)
{
    return bitfieldExtract(int(word), 8 * i, 8);
}

int half_of(uint word, int i)
{
    return bitfieldExtract(int(word), 16 * i, 16);
}

uint pack_bytes(int a, int b, int c, int d)
{
    return uint(a & 0xFF) | uint(b & 0xFF) << 8 | uint(c & 0xFF) << 16 | uint(d) << 24;
}

uint pack_halves(int a, int b)
{
    return uint(a & 0xFFFF) | uint(b) << 16;
}

#endif
