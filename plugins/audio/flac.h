// SPDX-License-Identifier: Apache-2.0
// audio.flac: frames of a FLAC file as samples. What the encoder decided is in the parameters:
//     audio_layout (AUDIO_LAYOUT_BYTES), signed, little-endian
//     1 byte   bits of a sample, 4..24
//     the rest  decisions of all frames (flac_code.h)
#ifndef AUDIO_FLAC_H
#define AUDIO_FLAC_H

#include "flac_frame.h"
#include "layout.h"

#include <vlmc/plugin.h>

#define FLAC_PARAMS_HEAD_BYTES (AUDIO_LAYOUT_BYTES + 1u)
#define FLAC_SEGMENT_BYTES_MAX (16u << 20) // of FLAC; what the encoder holds

extern const vlmc_tokenizer audio_flac_tokenizer;

void flac_params_write(const flac_stream *stream, uint8_t head[FLAC_PARAMS_HEAD_BYTES]);
// False when they are not valid.
bool flac_params_read(const void *params, uint32_t params_bytes, flac_stream *stream);

// Reads the metadata blocks at the start of a file. *frames_at: where frames begin, 0 when that
// is beyond n_bytes. False when this is no FLAC file, or one of samples not handled.
bool flac_read_start(const uint8_t *bytes, size_t n_bytes, flac_stream *stream, size_t *frames_at);

// Finds the frames of a file and codes what their encoder decided.
typedef struct flac_scan flac_scan;
int32_t flac_scan_create(const flac_stream *stream, flac_scan **scan);
// As next of vlmc_analyser, behind the metadata.
int32_t flac_scan_next(flac_scan *scan, const uint8_t *bytes, size_t n_bytes,
                       vlmc_segment *segment);
void flac_scan_destroy(flac_scan *scan); // accepts NULL

#endif
