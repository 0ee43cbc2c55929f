// SPDX-License-Identifier: Apache-2.0
#include "audio_support.h"

#include <string.h>

int32_t audio_sample(uint32_t i, uint32_t channel, uint32_t bits, uint64_t *state)
{
    const int32_t period = 60 + 40 * (int32_t)channel + (int32_t)(i / 3000 % 5) * 13;
    const int32_t half = period / 2, phase = (int32_t)(i % (uint32_t)period);
    const int32_t wave = phase < half ? 4 * phase - period : 3 * period - 4 * phase;
    const int32_t noise = (int32_t)(plugin_random(state) % 31) - 15;
    const int64_t value = ((int64_t)wave * 100 + noise * (int32_t)(i / 5000 % 7)) * 256;
    return (int32_t)(value >> (24 - bits)) >> 1;
}

const vlmc_tokenizer *audio_tokenizer(const char *id)
{
    return plugin_tokenizer(&vlmc_plugin_entry, id);
}

static void note(void *user, const vlmc_segment *s, const plugin_bytes *tokens)
{
    audio_report *report = user;
    if (strcmp(s->tokenizer, "audio.pcm") == 0) {
        report->pcm_bytes += s->bytes;
        plugin_put(&report->pcm_tokens, tokens->data, tokens->n);
        if (report->pcm_params.n == 0)
            plugin_put(&report->pcm_params, s->params, s->params_bytes);
    } else {
        report->flac_bytes += s->bytes;
        plugin_put(&report->flac_params, s->params, s->params_bytes);
    }
}

audio_report audio_check_file(const void *data, size_t n, size_t piece_bytes, uint64_t seed)
{
    audio_report report = {0};
    plugin_report of_plugin =
        plugin_check_file(&vlmc_plugin_entry, data, n, piece_bytes, seed, note, &report);
    report.fault = of_plugin.fault;
    report.plain_bytes = of_plugin.plain_bytes;
    report.n_tokens = of_plugin.n_tokens;
    report.n_segments = of_plugin.n_segments;
    plugin_report_free(&of_plugin);
    return report;
}

void audio_report_free(audio_report *report)
{
    plugin_free(&report->flac_params);
    plugin_free(&report->pcm_tokens);
    plugin_free(&report->pcm_params);
}
