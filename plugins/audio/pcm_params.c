// SPDX-License-Identifier: Apache-2.0
// Parameters of audio.pcm from text.
#include "pcm.h"

#include <string.h>

#define RATE_MAX 100000000u

typedef struct word {
    const char *text;
    size_t n;
} word;

static bool is_word(word w, const char *text)
{
    return w.n == strlen(text) && memcmp(w.text, text, w.n) == 0;
}

// What follows `name`, a number of 1..most; 0 when it is none.
static uint32_t number_after(word w, const char *name, uint32_t most)
{
    const size_t n = strlen(name);
    uint32_t value = 0;
    if (w.n <= n || memcmp(w.text, name, n) != 0)
        return 0;
    for (size_t i = n; i < w.n; i++) {
        if (w.text[i] < '0' || w.text[i] > '9')
            return 0;
        value = 10 * value + (uint32_t)(w.text[i] - '0');
        if (value > most)
            return 0;
    }
    return value;
}

static bool parse_format(word w, audio_layout *layout)
{
    static const char *const names[] = {"8", "16le", "16be", "24le", "24be"};
    if (w.n < 2 || (w.text[0] != 'u' && w.text[0] != 's'))
        return false;
    const word rest = {w.text + 1, w.n - 1};
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!is_word(rest, names[i]))
            continue;
        layout->sample_bytes = (uint8_t)(1 + (i + 1) / 2);
        layout->little_endian = i & 1;
        layout->is_signed = w.text[0] == 's';
        return true;
    }
    return false;
}

static uint32_t parse_channels(word w)
{
    return is_word(w, "mono") ? 1 : is_word(w, "stereo") ? 2 : number_after(w, "channels=", 8);
}

// Each kind of word at most once.
static bool parse_word(word w, audio_layout *layout)
{
    const uint32_t channels = parse_channels(w), rate = number_after(w, "rate=", RATE_MAX);
    if (channels) {
        const bool is_new = layout->channels == 0;
        layout->channels = (uint8_t)channels;
        return is_new;
    }
    if (rate) {
        const bool is_new = layout->rate == 0;
        layout->rate = rate;
        return is_new;
    }
    return layout->sample_bytes == 0 && parse_format(w, layout);
}

int32_t audio_pcm_parse_params(const char *text, void *params, uint32_t *params_bytes)
{
    audio_layout layout = {0};
    for (const char *at = text;; at++) {
        const word w = {at, strcspn(at, ",")};
        if (!parse_word(w, &layout))
            return VLMC_PLUGIN_INVALID;
        at += w.n;
        if (!*at)
            break;
    }
    if (layout.sample_bytes == 0)
        return VLMC_PLUGIN_INVALID;
    if (*params_bytes < AUDIO_LAYOUT_BYTES)
        return VLMC_PLUGIN_MEMORY;
    if (layout.channels == 0)
        layout.channels = 1;
    audio_layout_write(&layout, params);
    *params_bytes = AUDIO_LAYOUT_BYTES;
    return VLMC_PLUGIN_OK;
}
