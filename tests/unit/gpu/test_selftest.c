// SPDX-License-Identifier: Apache-2.0
#include "gpu/cache_file.h"
#include "gpu_support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[4096];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "%s/selftest-XXXXXX", test_scratch());
    cr_assert(mkdtemp(folder) != NULL);
}

TestSuite(selftest, .init = make_folder);

// The name of the only verdict in the folder.
static void verdict_name(char name[300])
{
    DIR *directory = opendir(folder);
    cr_assert(directory != NULL);
    int found = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (strncmp(entry->d_name, "selftest-", 9) == 0) {
            snprintf(name, 300, "%s", entry->d_name);
            found++;
        }
    closedir(directory);
    cr_assert(found == 1, "%d verdicts in %s", found, folder);
}

Test(selftest, passes_on_this_device_and_names_every_op)
{
    vlmc_gpu_selftest_result result;
    vlmc_error error;
    test_must(vlmc_gpu_selftest(NULL, NULL, false, &result, &error), &error);
    cr_expect(result.passed && !result.cached);
    cr_expect(result.n_ops == (result.device.integer_dot ? 18 : 9), "%u ops", result.n_ops);
    for (uint32_t i = 0; i < result.n_ops; i++)
        cr_expect(result.ops[i].passed && result.ops[i].time_ns > 0, "%s", result.ops[i].name);
}

Test(selftest, keeps_its_verdict_until_it_is_forced_or_the_file_is_damaged)
{
    vlmc_gpu_selftest_result result;
    vlmc_error error;
    test_must(vlmc_gpu_selftest(NULL, folder, false, &result, &error), &error);
    cr_expect(!result.cached);
    test_must(vlmc_gpu_selftest(NULL, folder, false, &result, &error), &error);
    cr_expect(result.cached && result.passed);
    test_must(vlmc_gpu_selftest(NULL, folder, true, &result, &error), &error);
    cr_expect(!result.cached);

    char name[300], path[5000];
    verdict_name(name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r+b");
    cr_assert(file && fseek(file, -1, SEEK_END) == 0 && fputc('x', file) == 'x');
    fclose(file);
    test_must(vlmc_gpu_selftest(NULL, folder, false, &result, &error), &error);
    cr_expect(!result.cached);
    cr_assert(truncate(path, 20) == 0);
    test_must(vlmc_gpu_selftest(NULL, folder, false, &result, &error), &error);
    cr_expect(!result.cached);
}

Test(selftest, reports_a_device_that_failed_before)
{
    vlmc_gpu_selftest_result result;
    vlmc_error error;
    test_must(vlmc_gpu_selftest(NULL, folder, false, &result, &error), &error);
    char name[300];
    verdict_name(name);
    size_t size;
    uint8_t *verdict = vlmc_gpu_cache_read(folder, name, &size);
    cr_assert(verdict && verdict[size - 4] == 1);
    verdict[size - 4] = 0; // its last field says whether it passed
    cr_assert(vlmc_gpu_cache_write(folder, name, verdict, size));
    free(verdict);
    cr_expect(vlmc_gpu_selftest(NULL, folder, false, &result, &error) == VLMC_ERROR_SELFTEST);
    cr_expect(result.cached && !result.passed);
    cr_expect(strstr(error.text, result.device.name) != NULL, "%s", error.text);
}
