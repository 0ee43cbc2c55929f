// SPDX-License-Identifier: Apache-2.0
// Splits pictures into headers, which are plain bytes, and what the tokenizers of this plugin
// take. A file is known by its content, never by its name.
#ifndef IMAGE_ANALYSER_H
#define IMAGE_ANALYSER_H

#include <vlmc/plugin.h>

extern const vlmc_analyser image_analyser;

#endif
