#version 450
// SPDX-License-Identifier: Apache-2.0
// Portable variant; see linear.glsl.
#extension GL_GOOGLE_include_directive : require
#include "linear.glsl"
