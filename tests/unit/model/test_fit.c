// SPDX-License-Identifier: Apache-2.0
#include "model/fit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const vlmc_context_declaration declarations[] = {
    {"west", "the token before", 256, VLMC_CONTEXT_EMBED | VLMC_CONTEXT_MIX},
    {"noise", "how far predictions were off", 12, VLMC_CONTEXT_SELECT},
};

static const vlmc_tokenizer tokenizer = {
    .struct_size = sizeof tokenizer,
    .version = 1,
    .id = "made.up",
    .modality = "image",
    .alphabet = 256,
    .n_contexts = 2,
    .contexts = declarations,
};

static vlmc_hyperparameters with_contexts(vlmc_context_spec a, vlmc_context_spec b)
{
    return (vlmc_hyperparameters){
        .vocab = 256,
        .width = 32,
        .layers = 1,
        .heads = 2,
        .kv_heads = 1,
        .head_dim = 16,
        .hidden = 32,
        .window = 8,
        .n_contexts = 2,
        .context_dim = 16,
        .contexts = {a, b},
    };
}

static const vlmc_context_spec ngram = {VLMC_CONTEXT_NGRAM, 2, 16, 0};

// The status of a model of that modality with `hp`; the sentence holds `hint`.
static vlmc_status fits(const vlmc_hyperparameters *hp, const char *modality,
                        const vlmc_tokenizer *with, const char *hint)
{
    vlmc_model *model;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_model_random(hp, 1, &model, &error), VLMC_OK, "%s", error.text);
    snprintf(model->modality, sizeof model->modality, "%s", modality);
    const vlmc_status status = vlmc_model_fits(model, with, &error);
    cr_assert_not_null(strstr(error.text, hint), "%s", error.text);
    vlmc_model_destroy(&model);
    return status;
}

Test(fit, a_model_of_the_tokenizers_own_contexts_fits)
{
    const vlmc_hyperparameters hp =
        with_contexts((vlmc_context_spec){VLMC_CONTEXT_PLUGIN, 0, 256, 0}, ngram);
    cr_assert_eq(fits(&hp, "image", &tokenizer, ""), VLMC_OK);
}

Test(fit, plain_bytes_take_text_models_without_a_plugins_contexts)
{
    const vlmc_hyperparameters plain = with_contexts(ngram, ngram);
    const vlmc_hyperparameters hp =
        with_contexts((vlmc_context_spec){VLMC_CONTEXT_PLUGIN, 0, 256, 0}, ngram);
    cr_assert_eq(fits(&plain, "text", NULL, ""), VLMC_OK);
    cr_assert_eq(fits(&plain, "audio", NULL, "audio"), VLMC_ERROR_MODEL_INVALID);
    cr_assert_eq(fits(&hp, "text", NULL, "plain bytes"), VLMC_ERROR_MODEL_INVALID);
}

Test(fit, what_does_not_fit_is_named)
{
    vlmc_hyperparameters hp =
        with_contexts((vlmc_context_spec){VLMC_CONTEXT_PLUGIN, 0, 256, 0}, ngram);
    cr_assert_eq(fits(&hp, "text", &tokenizer, "made.up"), VLMC_ERROR_MODEL_INVALID);
    hp.contexts[0].rows = 255;
    cr_assert_eq(fits(&hp, "image", &tokenizer, "west"), VLMC_ERROR_MODEL_INVALID);
    hp.contexts[0] = (vlmc_context_spec){VLMC_CONTEXT_PLUGIN, 1, 12, 0};
    cr_assert_eq(fits(&hp, "image", &tokenizer, "not for embedding"), VLMC_ERROR_MODEL_INVALID);
    hp.contexts[0].order = 2;
    cr_assert_eq(fits(&hp, "image", &tokenizer, "side context 2"), VLMC_ERROR_MODEL_INVALID);
    hp.contexts[0] = ngram;
    hp.vocab = 512;
    cr_assert_eq(fits(&hp, "image", &tokenizer, "512"), VLMC_ERROR_MODEL_INVALID);
}

Test(fit, a_model_may_have_32_side_contexts)
{
    vlmc_hyperparameters hp = with_contexts(ngram, ngram);
    hp.n_contexts = VLMC_CONTEXTS_MAX;
    for (uint32_t i = 0; i < VLMC_CONTEXTS_MAX; i++)
        hp.contexts[i] = (vlmc_context_spec){VLMC_CONTEXT_PLUGIN, 0, 256, 0};
    cr_assert_eq(VLMC_CONTEXTS_MAX, 32);
    cr_assert_eq(fits(&hp, "image", &tokenizer, ""), VLMC_OK);
}
