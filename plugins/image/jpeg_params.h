// SPDX-License-Identifier: Apache-2.0
// The parameters of an image.jpeg segment: its head, in which the tables that libjpeg makes by
// default are named instead of spelt. A sequence of
//     0..127, n + 1 bytes      bytes as they are
//     128 + 2 slot + t, q      DQT with table t (0 luminance, 1 chrominance) of quality q, 1..100
//     136 + i                  DHT with table i of Annex K: 0 DC 0, 1 AC 0, 2 DC 1, 3 AC 1
#ifndef IMAGE_JPEG_PARAMS_H
#define IMAGE_JPEG_PARAMS_H

#include <stddef.h>
#include <stdint.h>

// params // (VLMC_PLUGIN_PARAMS_BYTES_MAX)
int32_t jpeg_params_pack(const uint8_t *head, size_t head_bytes, uint8_t *params,
                         uint32_t *params_bytes);

// head // (JPEG_HEAD_BYTES_MAX)
int32_t jpeg_params_unpack(const uint8_t *params, size_t params_bytes, uint8_t *head,
                           size_t *head_bytes);

#endif
