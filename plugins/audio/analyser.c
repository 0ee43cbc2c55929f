// SPDX-License-Identifier: Apache-2.0
#include "analyser.h"

#include "containers.h"
#include "flac.h"
#include "pcm.h"

#include <stdlib.h>

#define SEGMENT_BYTES_MAX (32u << 20)
#define SURE 100u
#define PERHAPS 40u // the magic is right; the rest is further behind

typedef enum audio_stage {
    STAGE_START,
    STAGE_SAMPLES,
    STAGE_FRAMES, // of FLAC
    STAGE_REST,
} audio_stage;

typedef struct audio_analysis {
    audio_stage stage;
    audio_layout layout;
    uint64_t samples_left; // bytes, as the file says
    uint8_t params[AUDIO_LAYOUT_BYTES];
    flac_scan *scan;
} audio_analysis;

static audio_finding find_samples(const uint8_t *bytes, size_t n_bytes, audio_place *place)
{
    const audio_finding wav = audio_find_wav(bytes, n_bytes, place);
    return wav == AUDIO_NOT ? audio_find_aiff(bytes, n_bytes, place) : wav;
}

static uint32_t probe(const uint8_t *bytes, size_t n_bytes, const char *name)
{
    audio_place place;
    flac_stream stream;
    size_t frames_at;
    (void)name;
    switch (find_samples(bytes, n_bytes, &place)) {
    case AUDIO_FOUND:
        return SURE;
    case AUDIO_FURTHER:
        return PERHAPS;
    case AUDIO_NOT:
        break;
    }
    return flac_read_start(bytes, n_bytes, &stream, &frames_at) ? SURE : 0;
}

static int32_t create(const char *name, void **analysis)
{
    (void)name;
    *analysis = calloc(1, sizeof(audio_analysis));
    return *analysis ? VLMC_PLUGIN_OK : VLMC_PLUGIN_MEMORY;
}

static void destroy(void *analysis)
{
    audio_analysis *a = analysis;
    if (a)
        flac_scan_destroy(a->scan);
    free(a);
}

// The head of the file, up to samples or frames.
static int32_t next_start(audio_analysis *a, const uint8_t *bytes, size_t n_bytes,
                          vlmc_segment *segment)
{
    audio_place place;
    flac_stream stream;
    size_t frames_at;
    if (find_samples(bytes, n_bytes, &place) == AUDIO_FOUND) {
        a->layout = place.layout;
        a->samples_left = place.n_bytes;
        a->stage = STAGE_SAMPLES;
        segment->bytes = place.at;
        return VLMC_PLUGIN_OK;
    }
    if (!flac_read_start(bytes, n_bytes, &stream, &frames_at) || frames_at == 0)
        return VLMC_PLUGIN_UNSUPPORTED;
    const int32_t result = flac_scan_create(&stream, &a->scan);
    a->stage = STAGE_FRAMES;
    segment->bytes = frames_at;
    return result;
}

static int32_t next_samples(audio_analysis *a, size_t n_bytes, bool at_end, vlmc_segment *segment)
{
    const size_t frame = (size_t)a->layout.sample_bytes * a->layout.channels;
    uint64_t take = SEGMENT_BYTES_MAX - SEGMENT_BYTES_MAX % frame;
    if (take > n_bytes)
        take = at_end || n_bytes < frame ? n_bytes : n_bytes - n_bytes % frame;
    if (take >= a->samples_left) {
        take = a->samples_left;
        a->stage = STAGE_REST;
    }
    a->samples_left -= take;
    audio_layout_write(&a->layout, a->params);
    *segment = (vlmc_segment){
        .bytes = take,
        .tokenizer = audio_pcm_tokenizer.id,
        .params_bytes = sizeof a->params,
        .params = a->params,
    };
    return VLMC_PLUGIN_OK;
}

static int32_t next(void *analysis, const uint8_t *bytes, size_t n_bytes, uint32_t at_end,
                    vlmc_segment *segment)
{
    audio_analysis *a = analysis;
    *segment = (vlmc_segment){0};
    if (n_bytes == 0)
        return VLMC_PLUGIN_INVALID;
    if (a->stage == STAGE_START)
        return next_start(a, bytes, n_bytes, segment);
    if (a->stage == STAGE_SAMPLES && a->samples_left > 0)
        return next_samples(a, n_bytes, at_end, segment);
    if (a->stage == STAGE_FRAMES)
        return flac_scan_next(a->scan, bytes, n_bytes, segment);
    segment->bytes = n_bytes;
    return VLMC_PLUGIN_OK;
}

const vlmc_analyser audio_analyser = {
    .struct_size = sizeof(vlmc_analyser),
    .probe = probe,
    .create = create,
    .next = next,
    .destroy = destroy,
};
