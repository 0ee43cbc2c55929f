#version 450
// SPDX-License-Identifier: Apache-2.0
// Variant with the packed integer dot product; see attention.glsl.
#define VLMC_DOT
#extension GL_GOOGLE_include_directive : require
#include "attention.glsl"
