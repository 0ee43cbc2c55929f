// SPDX-License-Identifier: Apache-2.0
#include "gpu/cache_file.h"
#include "gpu/instance.h"
#include "gpu/quirks.h"
#include "gpu_support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const vlmc_gpu_device_info devices[] = {
    {.index = 0, .name = "llvmpipe (LLVM 15)", .type = "cpu", .usable = true},
    {.index = 1, .name = "Radeon RX 6600", .type = "discrete", .usable = true},
    {.index = 2, .name = "Radeon Graphics", .type = "integrated", .usable = true},
    {.index = 3, .name = "Old card", .type = "discrete", .usable = false},
};

static vlmc_status choose(const char *selector, uint32_t *index, vlmc_error *error)
{
    *index = 99;
    return vlmc_gpu_select(devices, 4, selector, index, error);
}

Test(select, takes_the_best_device_that_can_compute)
{
    uint32_t index;
    vlmc_error error;
    test_must(choose(NULL, &index, &error), &error);
    cr_expect(index == 1);
    test_must(choose("", &index, &error), &error);
    cr_expect(index == 1);
}

Test(select, takes_a_number_or_part_of_a_name_in_any_case)
{
    uint32_t index;
    vlmc_error error;
    test_must(choose("2", &index, &error), &error);
    cr_expect(index == 2);
    test_must(choose("LLVMpipe", &index, &error), &error);
    cr_expect(index == 0);
}

Test(select, names_the_devices_that_a_selector_could_mean)
{
    uint32_t index;
    vlmc_error error;
    cr_expect(choose("radeon", &index, &error) == VLMC_ERROR_USAGE);
    cr_expect(strstr(error.text, "Radeon RX 6600") && strstr(error.text, "Radeon Graphics"), "%s",
              error.text);
}

Test(select, refuses_what_is_not_there_or_cannot_compute)
{
    uint32_t index;
    vlmc_error error;
    cr_expect(choose("4", &index, &error) == VLMC_ERROR_DEVICE);
    cr_expect(choose("99999999999999999999", &index, &error) == VLMC_ERROR_DEVICE);
    cr_expect(choose("geforce", &index, &error) == VLMC_ERROR_DEVICE);
    cr_expect(choose("old", &index, &error) == VLMC_ERROR_DEVICE);
    cr_expect(vlmc_gpu_select(NULL, 0, NULL, &index, &error) == VLMC_ERROR_DEVICE);
}

Test(quirks, keep_the_integer_dot_product_from_a_faulty_driver_only)
{
    vlmc_gpu_device_info faulty = {.vendor_id = 0x1002, .driver_id = VK_DRIVER_ID_AMD_PROPRIETARY};
    vlmc_gpu_device_info sound = {.vendor_id = 0x1002, .driver_id = VK_DRIVER_ID_MESA_RADV};
    vlmc_gpu_quirks_apply(&faulty);
    vlmc_gpu_quirks_apply(&sound);
    cr_expect(vlmc_gpu_path_disabled(&faulty, "dot") && faulty.disabled[0].reason);
    cr_expect(!vlmc_gpu_path_disabled(&sound, "dot"));
}

Test(list, describes_the_device_under_test)
{
    vlmc_gpu_device_info *found;
    uint32_t n;
    vlmc_error error;
    test_must(vlmc_gpu_list(&found, &n, &error), &error);
    cr_assert(n > 0, "NO VULKAN DEVICE: the driver under test did not load");
    const char *driver = getenv("VLMC_TEST_DRIVER");
    if (driver)
        cr_expect(strcasestr(found[0].name, strcmp(driver, "lavapipe") == 0 ? "llvmpipe" : driver),
                  "the device is %s, not %s", found[0].name, driver);
    cr_expect(found[0].usable && found[0].subgroup_size > 0 && found[0].heap_bytes > 0);
    vlmc_gpu_list_free(&found);
    cr_expect(found == NULL);
}

static void check_runs_with_cache(const vlmc_model *model, const char *cache_dir,
                                  const int16_t *expected)
{
    vlmc_engine *engine =
        test_engine(model, (vlmc_gpu_params){.engine = {.max_streams = 2, .max_steps = 5},
                                             .cache_dir = cache_dir});
    int16_t *logits = test_run(engine, 2, 5, 5);
    cr_expect(memcmp(logits, expected, 10 * model->hp.vocab * sizeof *logits) == 0);
    free(logits);
    vlmc_engine_destroy(&engine);
}

Test(cache, of_pipelines_may_hold_anything)
{
    char folder[4096], path[5000] = "";
    snprintf(folder, sizeof folder, "%s/pipelines-XXXXXX", test_scratch());
    cr_assert(mkdtemp(folder) != NULL);
    vlmc_model *model = test_model(0);
    int16_t *expected = test_reference(model, 2, 5);
    check_runs_with_cache(model, folder, expected);
    char name[300] = "";
    DIR *directory = opendir(folder);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (strncmp(entry->d_name, "pipelines-", 10) == 0)
            snprintf(name, sizeof name, "%s", entry->d_name);
    closedir(directory);
    cr_assert(*name, "no pipeline cache was written");
    snprintf(path, sizeof path, "%s/%s", folder, name);
    check_runs_with_cache(model, folder, expected);

    // Truncated, garbage, and garbage in a file that is sound by itself.
    cr_assert(truncate(path, 30) == 0);
    check_runs_with_cache(model, folder, expected);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fputs("this is no cache, but it is longer than its header", file) >= 0);
    fclose(file);
    check_runs_with_cache(model, folder, expected);
    uint8_t garbage[1000];
    memset(garbage, 0xA5, sizeof garbage);
    cr_assert(vlmc_gpu_cache_write(folder, name, garbage, sizeof garbage));
    check_runs_with_cache(model, folder, expected);
    check_runs_with_cache(model, "/proc/no/such/folder", expected);
    free(expected);
    vlmc_model_destroy(&model);
}

Test(engine, refuses_what_it_cannot_run)
{
    vlmc_model *model = test_model(1);
    vlmc_engine *engine =
        test_engine(model, (vlmc_gpu_params){.engine = {.max_streams = 2, .max_steps = 3}});
    vlmc_error error;
    int16_t logits[48];
    const uint32_t good[] = {0, 0}, bad[] = {0, 256};
    const uint16_t token = 48, no_token = 49;
    cr_expect(vlmc_engine_reset(engine, 3, &error) == VLMC_ERROR_USAGE);
    test_must(vlmc_engine_reset(engine, 1, &error), &error);
    cr_expect(vlmc_engine_forward(engine, 4, &token, good, logits, &error) == VLMC_ERROR_USAGE);
    cr_expect(vlmc_engine_forward(engine, 0, &token, good, logits, &error) == VLMC_ERROR_USAGE);
    cr_expect(vlmc_engine_forward(engine, 1, &no_token, good, logits, &error) == VLMC_ERROR_USAGE);
    cr_expect(vlmc_engine_forward(engine, 1, &token, bad, logits, &error) == VLMC_ERROR_USAGE);
    test_must(vlmc_engine_forward(engine, 1, &token, good, logits, &error), &error);
    vlmc_engine_destroy(&engine);
    vlmc_gpu_params params = {.engine = {.model = model, .max_streams = 1, .max_steps = 1}};
    cr_expect(vlmc_gpu_engine_create("no such device", &params, &engine, &error) ==
              VLMC_ERROR_DEVICE);
    cr_expect(engine == NULL);
    vlmc_model_destroy(&model);
}

Test(engine, says_that_the_device_is_out_of_memory)
{
    vlmc_model *model = test_model(3);
    vlmc_gpu_params params = {
        .engine = {.model = model, .max_streams = 1u << 22, .max_steps = 64},
        .cache_dir = test_cache(),
    };
    vlmc_engine *engine;
    vlmc_error error;
    cr_expect(vlmc_gpu_engine_create(NULL, &params, &engine, &error) == VLMC_ERROR_DEVICE);
    cr_expect(engine == NULL && strstr(error.text, "ran out of memory"), "%s", error.text);
    cr_expect(error.vk_result == VK_ERROR_OUT_OF_DEVICE_MEMORY);
    vlmc_model_destroy(&model);
}

Test(engine, says_that_there_is_no_device)
{
    setenv("VK_ICD_FILENAMES", "/no/such/driver.json", 1);
    setenv("VK_DRIVER_FILES", "/no/such/driver.json", 1);
    vlmc_model *model = test_model(0);
    const vlmc_gpu_params params = {.engine = {.model = model, .max_streams = 1, .max_steps = 1}};
    vlmc_engine *engine;
    vlmc_error error;
    cr_expect(vlmc_gpu_engine_create(NULL, &params, &engine, &error) == VLMC_ERROR_DEVICE);
    cr_expect(engine == NULL && strstr(error.text, "driver"), "%s", error.text);
    vlmc_model_destroy(&model);
}
