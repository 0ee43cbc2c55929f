// SPDX-License-Identifier: Apache-2.0
#ifndef VLMC_CODEC_METHOD_H
#define VLMC_CODEC_METHOD_H

// How a group is packed. Values are in archives: append only.
typedef enum vlmc_group_method {
    VLMC_GROUP_STORED = 0,
    VLMC_GROUP_ZSTD = 1,
    VLMC_GROUP_MODEL = 2,
} vlmc_group_method;

#endif
