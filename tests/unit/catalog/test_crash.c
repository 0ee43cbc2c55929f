// SPDX-License-Identifier: Apache-2.0
// Writers that are killed. VLMC_TEST_KILLS says how often: more is a longer test, each writer lives
// longer as well then.
#include "catalog_support.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARCHIVES 24
#define WRITERS 2

// What each writer was told is recorded: shared with the test, which outlives it.
typedef struct promises {
    // Of the archive at this place, its version; 0: none.
    volatile unsigned versions[WRITERS][ARCHIVES];
    volatile unsigned n_recorded[WRITERS];
} promises;

static void write_for_ever(const char *path, unsigned writer, unsigned seed, promises *kept)
{
    char name[64], inside[64];
    for (unsigned i = seed;; i++) {
        vlmc_error error;
        vlmc_catalog *catalog;
        vlmc_reader *reader;
        const vlmc_catalog_params params = {.path = path, .create = true, .busy_ms = 60000};
        const unsigned place = i % ARCHIVES;
        snprintf(name, sizeof name, "killed_%u_%u.vlmc", writer, place);
        snprintf(inside, sizeof inside, "dir/of %u version %u", writer, i);
        char *file = scratch(name);
        reader = make_small_archive(file, inside, inside);
        kept->versions[writer][place] = 0; // between two versions, either may be known
        if (vlmc_catalog_open(&params, &catalog, &error) != VLMC_OK ||
            vlmc_catalog_record(catalog, reader, file, VLMC_CATALOG_WITH_NAMES, &error) != VLMC_OK)
            _exit(1);
        kept->versions[writer][place] = i;
        kept->n_recorded[writer]++;
        vlmc_catalog_close(&catalog);
        vlmc_reader_destroy(&reader);
        free(file);
    }
}

static void assert_kept(vlmc_catalog *catalog, const promises *kept)
{
    char name[128], inside[64];
    for (unsigned writer = 0; writer < WRITERS; writer++) {
        for (unsigned place = 0; place < ARCHIVES; place++) {
            const unsigned version = kept->versions[writer][place];
            if (!version)
                continue;
            snprintf(inside, sizeof inside, "dir/of %u version %u", writer, version);
            snprintf(name, sizeof name, "killed_%u_%u.vlmc:%s;", writer, place, inside);
            cr_assert_str_eq(find(catalog, VLMC_FIND_EXACT, inside), name);
        }
    }
}

// Two writers at once, killed at any moment: the catalog is whole and has all that it said it had.
Test(crash, killed_writers_lose_nothing)
{
    const char *kills = getenv("VLMC_TEST_KILLS");
    const unsigned rounds = (kills ? (unsigned)atoi(kills) : 20) / WRITERS;
    const unsigned life_us = kills ? 300000 : 60000;
    char *path = scratch("killed.db");
    vlmc_error error;
    promises *kept =
        mmap(NULL, sizeof *kept, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(kept != MAP_FAILED);
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_catalog_close(&catalog);
    srand(1);
    for (unsigned round = 0; round < rounds; round++) {
        pid_t children[WRITERS];
        for (unsigned w = 0; w < WRITERS; w++) {
            children[w] = fork();
            if (children[w] == 0)
                write_for_ever(path, w, 1 + round * 1000, kept);
        }
        for (unsigned w = 0; w < WRITERS; w++) {
            int result;
            usleep(5000 + (unsigned)rand() % life_us);
            kill(children[w], SIGKILL);
            waitpid(children[w], &result, 0);
            cr_assert(WIFSIGNALED(result), "a writer gave up");
        }
        catalog = open_catalog(path);
        cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_OK, "%s", error.text);
        assert_kept(catalog, kept);
        vlmc_catalog_close(&catalog);
    }
    printf("%u kills, %u archives recorded\n", rounds * WRITERS,
           kept->n_recorded[0] + kept->n_recorded[1]);
    cr_assert(kept->n_recorded[0] > 0 && kept->n_recorded[1] > 0, "nobody wrote");
    munmap(kept, sizeof *kept);
    free(path);
}
