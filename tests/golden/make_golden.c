// SPDX-License-Identifier: Apache-2.0
// Writes the golden files of the current format:
// VLMC_TEST_PLUGINS=BUILD/tests/plugins make_golden tests/golden
// Only for a new version of format or numerics; see README.md.
#include "golden.h"
#include "model/gguf_write.h"
#include "tiny_model.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_golden FOLDER\n");
        return 64;
    }
    char path[4096];
    vlmc_error error = {0};
    vlmc_model *model = tiny_model(GOLDEN_MODEL_SEED);
    golden_plugins plugins = golden_open_plugins();
    snprintf(path, sizeof path, "%s/tiny.gguf", argv[1]);
    vlmc_status status = vlmc_model_write(model, path, &error);
    for (size_t i = 0; i < GOLDEN_ARCHIVES && status == VLMC_OK; i++) {
        snprintf(path, sizeof path, "%s/%s", argv[1], golden_archives[i].name);
        status = golden_write(argv[1], &golden_archives[i], model, &plugins, path, &error);
    }
    golden_close_plugins(&plugins);
    vlmc_model_destroy(&model);
    if (status != VLMC_OK)
        fprintf(stderr, "make_golden: %s\n", error.text);
    return vlmc_exit_code(status);
}
