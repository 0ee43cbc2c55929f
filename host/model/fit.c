// SPDX-License-Identifier: Apache-2.0
#include "fit.h"

#include <string.h>

static vlmc_status check_context(const vlmc_model *model, const vlmc_context_spec *spec,
                                 const vlmc_tokenizer *tokenizer, vlmc_error *error)
{
    if (!tokenizer || spec->order >= tokenizer->n_contexts)
        return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID,
                         "model \"%s\" wants side context %u, which %s does not have", model->name,
                         (unsigned)spec->order, tokenizer ? tokenizer->id : "plain bytes");
    const vlmc_context_declaration *context = &tokenizer->contexts[spec->order];
    if (!(context->flags & VLMC_CONTEXT_EMBED))
        return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID,
                         "model \"%s\" wants side context \"%s\" of %s, which is not for embedding",
                         model->name, context->name, tokenizer->id);
    if (context->cardinality != spec->rows)
        return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID,
                         "model \"%s\" wants %u values of side context \"%s\", %s has %u",
                         model->name, (unsigned)spec->rows, context->name, tokenizer->id,
                         (unsigned)context->cardinality);
    return VLMC_OK;
}

vlmc_status vlmc_model_fits(const vlmc_model *model, const vlmc_tokenizer *tokenizer,
                            vlmc_error *error)
{
    const vlmc_hyperparameters *hp = &model->hp;
    const char *modality = tokenizer ? tokenizer->modality : "text";
    if (hp->vocab != VLMC_PLUGIN_ALPHABET_MAX)
        return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID,
                         "model \"%s\" predicts %u symbols and not bytes; choose a byte model",
                         model->name, (unsigned)hp->vocab);
    if (strcmp(model->modality, modality) != 0)
        return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID,
                         "model \"%s\" is for %s, and %s needs one for %s", model->name,
                         model->modality, tokenizer ? tokenizer->id : "a file of plain bytes",
                         modality);
    for (uint32_t i = 0; i < hp->n_contexts; i++)
        if (hp->contexts[i].kind == VLMC_CONTEXT_PLUGIN)
            VLMC_TRY(check_context(model, &hp->contexts[i], tokenizer, error));
    return VLMC_OK;
}
