#version 450
// SPDX-License-Identifier: Apache-2.0
// Portable variant; see attention.glsl.
#extension GL_GOOGLE_include_directive : require
#include "attention.glsl"
