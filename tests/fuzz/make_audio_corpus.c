// SPDX-License-Identifier: Apache-2.0
// make_audio_corpus FOLDER: writes tests/fuzz/corpus/audio. Not run by tests.
#include "audio/flac_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 1500u

static void save(const char *folder, const char *name, plugin_bytes *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(file->data, 1, file->n, f) != file->n || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
    plugin_free(file);
}

static void put_samples(plugin_bytes *out, uint32_t channels, uint32_t bits, bool big_endian)
{
    uint64_t random = bits;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        for (uint32_t c = 0; c < channels; c++) {
            const uint32_t value = (uint32_t)audio_sample(i, c, bits, &random);
            plugin_put_number(out, bits == 8 ? value + 128 : value, bits / 8, big_endian);
        }
    }
}

static plugin_bytes wav(const char *magic, uint32_t channels, uint32_t bits, bool data_first)
{
    plugin_bytes out = {0};
    const uint32_t size = SAMPLES * channels * bits / 8;
    plugin_put_text(&out, magic);
    plugin_put_number(&out, 0xFFFFFFFF, 4, false);
    plugin_put_text(&out, "WAVE");
    if (strcmp(magic, "RF64") == 0) {
        plugin_put_text(&out, "ds64");
        const uint32_t words[8] = {28, 0, 0, size};
        for (int i = 0; i < 8; i++)
            plugin_put_number(&out, words[i], 4, false);
    }
    for (int part = 0; part < 2; part++) {
        if ((part == 0) == data_first) {
            plugin_put_text(&out, "data");
            plugin_put_number(&out, strcmp(magic, "RF64") == 0 ? 0xFFFFFFFF : size, 4, false);
            put_samples(&out, channels, bits, false);
            continue;
        }
        plugin_put_text(&out, "fmt ");
        plugin_put_number(&out, 16, 4, false);
        plugin_put_number(&out, 1 | channels << 16, 4, false);
        plugin_put_number(&out, 16000, 4, false);
        plugin_put_number(&out, 16000 * channels * bits / 8, 4, false);
        plugin_put_number(&out, channels * bits / 8 | bits << 16, 4, false);
    }
    plugin_put_text(&out, "LIST\4");
    plugin_put(&out, "\0\0\0INFO", 7);
    return out;
}

static plugin_bytes aiff(const char *coding, uint32_t channels, uint32_t bits)
{
    plugin_bytes out = {0};
    plugin_put_text(&out, "FORM");
    plugin_put_number(&out, 0, 4, true);
    plugin_put_text(&out, coding ? "AIFCCOMM" : "AIFFCOMM");
    plugin_put_number(&out, coding ? 24 : 18, 4, true);
    plugin_put_number(&out, channels, 2, true);
    plugin_put_number(&out, SAMPLES, 4, true);
    plugin_put_number(&out, bits, 2, true);
    plugin_put(&out, "\x40\x0C\xFA\0\0\0\0\0\0\0", 10);
    plugin_put_text(&out, coding ? coding : "");
    if (coding)
        plugin_put_number(&out, 0, 2, true);
    plugin_put_text(&out, "SSND");
    plugin_put_number(&out, 8 + SAMPLES * channels * bits / 8, 4, true);
    plugin_put_number(&out, 0, 4, true);
    plugin_put_number(&out, 0, 4, true);
    put_samples(&out, channels, bits, !coding);
    return out;
}

static plugin_bytes flac(uint32_t level, uint32_t channels, uint32_t bits)
{
    int32_t samples[2 * 3 * SAMPLES];
    uint64_t random = 1;
    for (uint32_t i = 0; i < 3 * SAMPLES * channels; i++)
        samples[i] = audio_sample(i / channels, 0, bits, &random) + (int32_t)(i % 2);
    return flac_file_of_library(&(flac_spec){.level = level,
                                             .channels = channels,
                                             .bits = bits,
                                             .block_samples = 1152,
                                             .n_samples = 3 * SAMPLES,
                                             .samples = samples});
}

static plugin_bytes random_flac(uint32_t channels, uint32_t bits, uint32_t n_frames)
{
    plugin_bytes out = {0};
    uint64_t random = bits;
    flac_put_head(&out, channels, bits);
    flac_put_random_frames(&out, channels, bits, n_frames, &random);
    return out;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_audio_corpus FOLDER\n");
        return 64;
    }
    const struct {
        const char *name;
        plugin_bytes file;
    } files[] = {
        {"u8-mono.wav", wav("RIFF", 1, 8, false)}, {"s16-data-first.wav", wav("RIFF", 1, 16, true)},
        {"s16-64.wav", wav("RF64", 1, 16, false)}, {"s24.aiff", aiff(NULL, 1, 24)},
        {"sowt.aifc", aiff("sowt", 1, 16)},        {"level8-stereo.flac", flac(8, 2, 16)},
        {"level3-mono-24.flac", flac(3, 1, 24)},   {"level0-mono-8.flac", flac(0, 1, 8)},
        {"odd-12.flac", random_flac(2, 12, 8)},    {"odd-16.flac", random_flac(1, 16, 12)},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        plugin_bytes file = files[i].file;
        save(argv[1], files[i].name, &file);
    }
    return 0;
}
