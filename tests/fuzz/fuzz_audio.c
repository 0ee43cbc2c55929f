// SPDX-License-Identifier: Apache-2.0
// The audio plugin, for fuzz_plugin.h.
#include "fuzz_plugin.h"
#include "plugins/audio/flac.h"

#include <stdlib.h>

// Gives each frame that still begins like one right checks, wherever it ends now.
static void seal_frames(plugin_bytes *file)
{
    flac_stream stream;
    size_t at, looked;
    flac_frame *frame = malloc(sizeof *frame);
    if (!frame)
        exit(2);
    if (!flac_read_start(file->data, file->n, &stream, &at) || at == 0)
        at = file->n;
    while (file->n - at > 16) {
        bit_reader r = {.bytes = file->data + at, .n_bytes = file->n - at};
        flac_header h;
        flac_read_header(&h, &stream, &r);
        const size_t head = r.at >> 3;
        if (head > 5)
            file->data[at + head - 1] = flac_crc8(file->data + at, head - 1);
        if (flac_read_frame(frame, &stream, file->data + at, file->n - at, &looked) == 0 &&
            looked > head + 2) {
            const uint16_t check = flac_crc16(file->data + at, looked - 2);
            file->data[at + looked - 2] = (uint8_t)(check >> 8);
            file->data[at + looked - 1] = (uint8_t)check;
        }
        at += looked > 0 ? looked : 1;
    }
    free(frame);
}

const fuzz_subject fuzz_subject_of_plugin = {.seal = seal_frames};
