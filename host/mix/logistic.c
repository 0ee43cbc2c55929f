// SPDX-License-Identifier: Apache-2.0
#include "logistic.h"

// round(2^20 / (1 + e^(-x/256))) for x = -2816, -2752 … 2816.
static const uint32_t nodes[2 * VLMC_STRETCH_MAX / 64 + 1] = {
    18,      22,      29,      37,      48,      61,      78,      101,     129,     166,
    213,     274,     352,     451,     580,     744,     955,     1226,    1574,    2020,
    2593,    3327,    4268,    5474,    7018,    8994,    11521,   14747,   18860,   24094,
    30736,   39140,   49730,   63005,   79543,   99981,   124993,  155239,  191287,  233518,
    282006,  336406,  395880,  459091,  524288,  589485,  652696,  712170,  766570,  815058,
    857289,  893337,  923583,  948595,  969033,  985571,  998846,  1009436, 1017840, 1024482,
    1029716, 1033829, 1037055, 1039582, 1041558, 1043102, 1044308, 1045249, 1045983, 1046556,
    1047002, 1047350, 1047621, 1047832, 1047996, 1048125, 1048224, 1048302, 1048363, 1048410,
    1048447, 1048475, 1048498, 1048515, 1048528, 1048539, 1048547, 1048554, 1048558,
};

uint32_t vlmc_squash(int32_t x)
{
    if (x >= VLMC_STRETCH_MAX)
        x = VLMC_STRETCH_MAX - 1;
    if (x < -VLMC_STRETCH_MAX)
        x = -VLMC_STRETCH_MAX;
    const uint32_t at = (uint32_t)(x + VLMC_STRETCH_MAX), i = at >> 6, f = at & 63;
    const uint32_t p = (nodes[i] * (64 - f) + nodes[i + 1] * f + 512) >> 10;
    return p < 1 ? 1 : p > 65535 ? 65535 : p;
}

void vlmc_stretch_table(int16_t *table)
{
    int32_t x = -VLMC_STRETCH_MAX;
    for (uint32_t p = 0; p < 65536; p++) {
        while (x < VLMC_STRETCH_MAX && vlmc_squash(x) < p)
            x++;
        table[p] = (int16_t)x;
    }
}
