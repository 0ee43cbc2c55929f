// SPDX-License-Identifier: Apache-2.0
#include "auto_model.h"

#include "codec/cut.h"
#include "codec/level.h"
#include "codec/lockstep.h"
#include "job.h"
#include "model/engine.h"
#include "util/progress.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_BYTES (UINT64_C(4) << 20)
#define SLICE_BYTES (1u << 18)
#define MEASURE_SECONDS 0.2
#define POSITIONS 4096u // of one forward, about, as an encoder's

static const char *const sizes[] = {"text-base", VLMC_TEXT_MODEL, VLMC_TEXT_MODEL_NANO};
#define N_SIZES (sizeof sizes / sizeof *sizes)

bool auto_model_wanted(const char *name)
{
    return name && strcmp(name, "auto") == 0;
}

uint64_t auto_model_text_bytes(const estimate_sample *sample)
{
    uint64_t bytes = 0;
    for (uint32_t k = 0; k < sample->n_kinds; k++) {
        const estimate_kind *kind = &sample->kinds[k];
        if (!kind->stored && (!kind->tokenizer || strcmp(kind->tokenizer->modality, "text") == 0))
            bytes += kind->bytes;
    }
    return bytes;
}

vlmc_status auto_model_look(cli *cli, const walk *walk, vlmc_worker *worker, uint64_t *text_bytes,
                            vlmc_error *error)
{
    const estimate_sample_params take = {
        .cli = cli,
        .walk = walk,
        .worker = worker,
        .read_bytes = LOOK_BYTES,
        .slice_bytes = SLICE_BYTES,
    };
    estimate_sample sample;
    cli_job job;
    cli_job_begin(&job, cli, "reading a sample", 0);
    const vlmc_status status = estimate_sample_take(&take, &sample, error);
    cli_job_end(&job);
    VLMC_TRY(status);
    *text_bytes = auto_model_text_bytes(&sample);
    estimate_sample_free(&sample);
    return VLMC_OK;
}

// ---- How fast is it here? ----

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct trial {
    vlmc_engine *engine;
    uint32_t streams, steps;
    uint16_t *tokens; // (streams, steps), all 0, which every vocabulary has
    uint32_t *rows;   // (streams, steps, n_contexts)
    int16_t *logits;  // (streams, steps, vocab)
} trial;

// Rows from all over the tables, as text has them.
static void fill(trial *t, const vlmc_hyperparameters *hp)
{
    uint32_t random = 1;
    for (uint32_t i = 0; i < t->streams * t->steps; i++)
        for (uint32_t c = 0; c < hp->n_contexts; c++) {
            random = random * 1664525u + 1013904223u;
            t->rows[(size_t)i * hp->n_contexts + c] =
                (uint32_t)((uint64_t)random * hp->contexts[c].rows >> 32);
        }
}

static vlmc_status run(trial *t, double *tokens_second, vlmc_error *error)
{
    double begun = 0, seconds = 0;
    VLMC_TRY(vlmc_engine_reset(t->engine, t->streams, error));
    for (uint32_t n = 0; n < 2 || seconds < MEASURE_SECONDS; n++) {
        if (n == 1)
            begun = now(); // the first one makes everything ready
        VLMC_TRY(vlmc_engine_forward(t->engine, t->steps, t->tokens, t->rows, t->logits, error));
        seconds = n ? now() - begun : 0;
        if (seconds > 0)
            *tokens_second = (double)n * t->streams * t->steps / seconds;
    }
    return VLMC_OK;
}

static vlmc_status measure(cli_engines *engines, const vlmc_model *model, uint32_t streams,
                           double *tokens_second, vlmc_error *error)
{
    const vlmc_engine_source source = cli_engines_source(engines);
    const vlmc_hyperparameters *hp = &model->hp;
    const uint32_t steps = POSITIONS / streams;
    trial t = {
        .streams = streams,
        .steps = steps < VLMC_SLAB_STEPS_MAX ? steps : VLMC_SLAB_STEPS_MAX,
    };
    const size_t positions = (size_t)t.streams * t.steps;
    t.tokens = calloc(positions, sizeof *t.tokens);
    t.rows = calloc(positions * (hp->n_contexts ? hp->n_contexts : 1), sizeof *t.rows);
    t.logits = calloc(positions * hp->vocab, sizeof *t.logits);
    vlmc_status status = t.tokens && t.rows && t.logits
                             ? VLMC_OK
                             : vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory");
    if (status == VLMC_OK) {
        bool again; // on another engine, where one is lost in the middle of its work
        fill(&t, hp);
        do {
            again = false;
            status = source.open(source.user, model, t.streams, t.steps, &t.engine, error);
            if (status == VLMC_OK) {
                status = run(&t, tokens_second, error);
                again = status == VLMC_ERROR_DEVICE && source.lost(source.user, error);
            }
            vlmc_engine_destroy(&t.engine);
        } while (again);
    }
    free(t.tokens);
    free(t.rows);
    free(t.logits);
    return status;
}

// ---- Choosing ----

static void use(cli_engines *engines, const char *name)
{
    engines->model_name = name ? name : CLI_DEFAULT_MODEL;
    engines->model_chosen = true;
    engines->no_text_model = !name;
}

vlmc_status auto_model_choose(cli_engines *engines, uint64_t text_bytes, uint32_t level,
                              auto_model *chosen, vlmc_error *error)
{
    const vlmc_level *l = vlmc_level_of(level);
    const uint32_t group = text_bytes < l->group_bytes ? (uint32_t)text_bytes : l->group_bytes;
    const uint32_t streams = group ? vlmc_cut_streams(group, 1, l->stream_tokens) : 1;
    const char *for_tests = engines->common->cli->env.auto_seconds;
    const double seconds_most = for_tests ? strtod(for_tests, NULL) : AUTO_MODEL_SECONDS_MOST;
    bool any = false;
    *chosen = (auto_model){0};
    for (size_t i = 0; i < N_SIZES; i++) {
        const vlmc_model *model;
        double tokens_second;
        const vlmc_status status = cli_engines_find(engines, sizes[i], &model, error);
        if (status == VLMC_ERROR_MODEL_MISSING)
            continue;
        VLMC_TRY(status);
        any = true;
        *chosen = (auto_model){.name = sizes[i]};
        if (!l->models || text_bytes == 0)
            break; // it will not be needed
        VLMC_TRY(measure(engines, model, streams, &tokens_second, error));
        chosen->bytes_second = (uint64_t)tokens_second;
        if ((double)text_bytes / tokens_second <= seconds_most)
            break;
        *chosen = (auto_model){0};
    }
    if (!any) // the sentence says where the last one was looked for
        return VLMC_ERROR_MODEL_MISSING;
    use(engines, chosen->name);
    return VLMC_OK;
}

bool auto_model_again(cli_engines *engines, const char *name)
{
    if (!*name) {
        use(engines, NULL);
        return true;
    }
    for (size_t i = 0; i < N_SIZES; i++)
        if (strcmp(sizes[i], name) == 0) {
            use(engines, sizes[i]);
            return true;
        }
    return false;
}

void auto_model_tell(cli *cli, const auto_model *chosen, uint64_t text_bytes)
{
    char text[16], speed[16];
    vlmc_format_bytes(text_bytes, text, sizeof text);
    vlmc_format_bytes(chosen->bytes_second, speed, sizeof speed);
    if (!chosen->name)
        cli_notice(cli,
                   "no model of text, for %s of it: each would take more than %.0f minutes here",
                   text, AUTO_MODEL_SECONDS_MOST / 60);
    else if (chosen->bytes_second)
        cli_notice(cli, "the model %s, for %s of text: it does %s a second here", chosen->name,
                   text, speed);
}
