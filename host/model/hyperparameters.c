// SPDX-License-Identifier: Apache-2.0
#include "model.h"

static vlmc_status refuse(const char *origin, const char *what, uint32_t value, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID, "%s: the model's %s of %u is not possible",
                     origin, what, value);
}

static int within(uint32_t value, uint32_t lo, uint32_t hi, uint32_t multiple)
{
    return value >= lo && value <= hi && value % multiple == 0;
}

vlmc_status vlmc_hyperparameters_check(const vlmc_hyperparameters *hp, const char *origin,
                                       vlmc_error *error)
{
    if (hp->numerics != 0)
        return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID,
                         "%s: needs numerics version %u and this vlmc has 0; use a newer vlmc",
                         origin, hp->numerics);
    const struct {
        const char *name;
        uint32_t value, lo, hi, multiple;
    } rules[] = {
        {"vocabulary", hp->vocab, 16, 65520, 16},
        {"width", hp->width, 32, 8192, 32},
        {"layer count", hp->layers, 1, VLMC_LAYERS_MAX, 1},
        {"head count", hp->heads, 1, 512, 1},
        {"key/value head count", hp->kv_heads, 1, 512, 1},
        {"head size", hp->head_dim, 16, 128, 16},
        {"feed-forward size", hp->hidden, 32, 32768, 32},
        {"window", hp->window, 1, 1024, 1},
        {"feed-forward kind", hp->ffn, VLMC_FFN_RELU2, VLMC_FFN_REGLU, 1},
        {"context count", hp->n_contexts, 0, VLMC_CONTEXTS_MAX, 1},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!within(rules[i].value, rules[i].lo, rules[i].hi, rules[i].multiple))
            return refuse(origin, rules[i].name, rules[i].value, error);
    if (hp->heads % hp->kv_heads != 0)
        return refuse(origin, "head count", hp->heads, error);
    if (!within(hp->heads * hp->head_dim, 32, 65536, 32))
        return refuse(origin, "head count times head size", hp->heads * hp->head_dim, error);
    if (hp->n_contexts == 0)
        return VLMC_OK;
    if (!within(hp->context_dim, 16, 1024, 16) || hp->n_contexts * hp->context_dim % 32 != 0)
        return refuse(origin, "context size", hp->context_dim, error);
    for (uint32_t i = 0; i < hp->n_contexts; i++)
        if (!vlmc_context_spec_valid(&hp->contexts[i]))
            return refuse(origin, "side context kind", hp->contexts[i].kind, error);
    return VLMC_OK;
}
