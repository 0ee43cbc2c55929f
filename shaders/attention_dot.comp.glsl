#version 450
// SPDX-License-Identifier: Apache-2.0
// Variant with the packed integer dot product; see attention.glsl.
// requires: GL_EXT_spirv_intrinsics
#define VLMC_DOT 1
#extension GL_GOOGLE_include_directive : require
#include "attention.glsl"
