// SPDX-License-Identifier: Apache-2.0
// Mixer and coder alone on one core: size and speed of each effort, both ways, and of one effort in
// more streams.
// usage: bench_mix FILE [STREAMS…]
#include "codec/lockstep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MEMORY 23u

static void die(const char *text)
{
    fprintf(stderr, "bench_mix: %s\n", text);
    exit(2);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint8_t *read_file(const char *path, uint32_t *n)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(VLMC_GROUP_BYTES_MAX);
    if (!file || !bytes)
        die("cannot read the file");
    *n = (uint32_t)fread(bytes, 1, VLMC_GROUP_BYTES_MAX, file);
    fclose(file);
    if (*n == 0)
        die("the file is empty");
    return bytes;
}

static void run(const uint8_t *bytes, uint32_t n, vlmc_mix_effort effort, uint32_t streams)
{
    static const char *const names[] = {"fast", "normal", "strong"};
    const vlmc_mix_settings settings = {effort, MEMORY};
    vlmc_lockstep *lockstep;
    vlmc_error error = {0};
    const size_t capacity = (size_t)n + n / 8 + 1024;
    uint8_t *packed = malloc(capacity), *again = malloc(n);
    size_t size;
    if (!packed || !again ||
        vlmc_lockstep_create(NULL, NULL, &settings, 1, n, &lockstep, &error) != VLMC_OK)
        die("not enough memory");
    const double start = now();
    if (vlmc_lockstep_encode(lockstep, NULL, bytes, n, streams, packed, capacity, &size, NULL, NULL,
                             &error) != VLMC_OK)
        die(error.text);
    const double middle = now();
    if (size == SIZE_MAX || vlmc_lockstep_decode(lockstep, NULL, packed, size, streams, again, n,
                                                 NULL, NULL, &error) != VLMC_OK)
        die(size == SIZE_MAX ? "it does not shrink" : error.text);
    const double end = now();
    if (memcmp(bytes, again, n) != 0)
        die("other bytes came back");
    printf("%-8s %3u streams  %9zu bytes  %.4f bits/byte  create %6.0f KB/s  extract %6.0f KB/s\n",
           names[effort], streams, size, 8.0 * (double)size / n, n / 1e3 / (middle - start),
           n / 1e3 / (end - middle));
    vlmc_lockstep_destroy(&lockstep);
    free(packed);
    free(again);
}

int main(int argc, char **argv)
{
    uint32_t n;
    if (argc < 2)
        die("usage: bench_mix FILE [STREAMS...]");
    uint8_t *bytes = read_file(argv[1], &n);
    for (vlmc_mix_effort effort = VLMC_MIX_FAST; effort <= VLMC_MIX_STRONG; effort++)
        run(bytes, n, effort, 1);
    for (int i = 2; i < argc; i++)
        run(bytes, n, VLMC_MIX_NORMAL, (uint32_t)strtoul(argv[i], NULL, 10));
    free(bytes);
    return 0;
}
