// SPDX-License-Identifier: Apache-2.0
// What is to be expected of a coefficient, from the same and near frequencies in the blocks
// around and in its own. The weights were fitted to photographs once and are part of the format.
#ifndef IMAGE_JPEG_FEATURES_H
#define IMAGE_JPEG_FEATURES_H

#include "jpeg_walk.h"

// The block at the same place of an earlier component, itself not known when there is none.
const jpeg_block *jpeg_peer(const jpeg_walk *walk, uint32_t component);

// The coefficient's expected value, sixteenths of a step: where the picture goes on smoothly.
int32_t jpeg_expected(const jpeg_walk *walk);

// Its expected magnitude, 32nds of a step: what is around, and how many coefficients that are
// not 0 have yet to come. Only for coefficients with both frequencies > 0.
uint32_t jpeg_expected_magnitude(const jpeg_walk *walk);

#endif
