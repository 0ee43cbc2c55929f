// SPDX-License-Identifier: Apache-2.0
// A small sample learns less than a group, and pieces from everywhere have less in common than what
// lies together. So these measures are put together, each of which is cheap enough for its sample:
//   - the mixer with the fewest contexts on some 1 MiB, and by how much more contexts, and then a
//     transformer, better it on less and less;
//   - zstd on all that was read, in groups of the archive's size, against zstd on that 1 MiB: by so
//     much does what lies together help;
//   - each doubling of the group beyond the sample leaves LEARNT of the code, for a while;
//   - what a transformer is ahead at a small size dwindles as the mixer learns: with each doubling
//     of the size, GAIN_KEPT of the gain stays.
#include "estimate_rate.h"

#include "archive/format.h"
#include "codec/group.h"
#include "estimate_coder.h"
#include "interrupt.h"

#include <stdlib.h>
#include <time.h>

#define EFFORTS 3u
#define AS_BYTES EFFORTS           // an effort and this: for tokens that a level takes as bytes
#define EFFORT_TOKENS (192u << 10) // coded at each effort
#define MODEL_TOKENS (144u << 10)  // coded with a transformer, all efforts and kinds together
#define TOKENS_MIN (12u << 10)     // of a kind
#define GAIN_KEPT 0.76
#define LEARNT 0.975 // what of a code stays with each doubling of the group
#define LEARNS_UNTIL (4.0 * (1 << 20))
#define MEDIA_TOKENS (16u << 10) // how media learn is seen from so many, against a whole slice
#define MEDIA_LESS 0.85          // of what a doubling saved, the next one saves
#define SIZES_MAX 16u            // different groups

// Where a transformer is worth a try, and what each try of a group takes (archive/group_job.c).
#define PROMISING 1.0625
#define FAR_AHEAD (2.0 / 3)
#define TRY_TOKENS 32768.0

typedef struct rate {
    bool known, known_model;
    double bytes;   // for a token, by the mixer alone, at the slice's size
    double seconds; // for a token
    double gain;    // what a transformer leaves of it, at gain_tokens; 0: there is none
    double gain_tokens;
    double model_seconds;    // for a token
    const vlmc_model *model; // that these two are of
} rate;

typedef struct packed_size {
    uint32_t group; // bytes
    double bytes;   // for a byte, by zstd
} packed_size;

typedef struct kind_rates {
    rate efforts[2 * EFFORTS];
    packed_size zstd[SIZES_MAX];
    uint32_t n_zstd;
    double zstd_thin;    // for a byte of the slice
    double zstd_seconds; // for a byte
    double share;        // of the tokens that are coded
    double media_learnt; // what of a code stays from MEDIA_TOKENS to a slice; 0: not known
} kind_rates;

typedef struct rater {
    const estimate_rate_params *params;
    estimate_coder *coder;
    vlmc_group_packer *groups;
    uint32_t n_model_efforts; // that the levels need
    // Of the level in work, by groups that may be packed side by side.
    double side_seconds;    // all of them
    double longest_seconds; // the longest one
    double side_groups;
    kind_rates rates[ESTIMATE_KINDS_MAX];
} rater;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// ---- Measuring ----

static uint32_t portion(double share, uint32_t tokens)
{
    const uint32_t n = (uint32_t)(share * tokens);
    return n < TOKENS_MIN ? TOKENS_MIN : n;
}

// Where the rate of a kind at a level is kept.
static uint32_t slot_of(const estimate_kind *kind, const vlmc_level *level)
{
    return level->mix.effort + (kind->joins && kind->tokenizer && !level->models ? AS_BYTES : 0);
}

static vlmc_status rate_alone(rater *r, uint32_t k, uint32_t slot, vlmc_error *error)
{
    estimate_kind kind = r->params->sample->kinds[k];
    const vlmc_mix_effort effort = slot % EFFORTS;
    rate *rates = r->rates[k].efforts + (slot - effort), *to = &rates[effort];
    const vlmc_mix_settings fast = {VLMC_MIX_FAST, 21}, settings = {effort, 22};
    estimate_measure all, some, some_fast;
    if (to->known)
        return VLMC_OK;
    to->known = true;
    kind.as_bytes |= slot >= AS_BYTES;
    if (effort == VLMC_MIX_FAST || !kind.joins) {
        VLMC_TRY(estimate_code(r->coder, &kind, UINT32_MAX,
                               effort == VLMC_MIX_FAST ? &fast : &settings, NULL, &all, error));
        to->bytes = all.bytes / all.tokens;
        to->seconds = all.seconds / all.tokens;
        return VLMC_OK;
    }
    VLMC_TRY(rate_alone(r, k, slot - effort + VLMC_MIX_FAST, error));
    const uint32_t n = portion(r->rates[k].share, EFFORT_TOKENS);
    VLMC_TRY(estimate_code(r->coder, &kind, n, &fast, NULL, &some_fast, error));
    VLMC_TRY(estimate_code(r->coder, &kind, n, &settings, NULL, &some, error));
    to->bytes = rates[VLMC_MIX_FAST].bytes * (some.bytes / some_fast.bytes);
    // By how much more contexts are slower, on top of what more memory costs.
    to->seconds = rates[VLMC_MIX_FAST].seconds * (some.seconds / some_fast.seconds);
    return VLMC_OK;
}

static vlmc_status rate_model(rater *r, uint32_t k, const vlmc_level *level, vlmc_error *error)
{
    const estimate_kind *kind = &r->params->sample->kinds[k];
    const vlmc_engine_source *source = r->params->source;
    rate *to = &r->rates[k].efforts[level->mix.effort];
    const vlmc_mix_settings settings = {level->mix.effort, 21};
    const vlmc_model *model;
    estimate_measure with, without;
    VLMC_TRY(source->choose(source->user, kind->as_bytes ? NULL : kind->tokenizer, &model, error));
    if (to->known_model && to->model == model)
        return VLMC_OK;
    to->known_model = true;
    to->model = model;
    to->gain = 0;
    if (!model)
        return VLMC_OK;
    const uint32_t n =
        kind->joins ? portion(r->rates[k].share, MODEL_TOKENS / r->n_model_efforts) : MODEL_TOKENS;
    VLMC_TRY(estimate_code(r->coder, kind, n, &settings, NULL, &without, error));
    VLMC_TRY(estimate_code(r->coder, kind, n, &settings, model, &with, error));
    to->gain = with.bytes / without.bytes;
    to->gain_tokens = with.tokens;
    to->model_seconds = with.seconds / with.tokens;
    return VLMC_OK;
}

static vlmc_status pack_zstd(rater *r, const uint8_t *bytes, size_t n, uint32_t group, double *each,
                             vlmc_error *error)
{
    double sum = 0;
    for (size_t at = 0; at < n;) {
        vlmc_packed_group packed;
        const uint32_t piece = n - at < group ? (uint32_t)(n - at) : group;
        VLMC_TRY(cli_interrupt_check(error));
        VLMC_TRY(vlmc_group_pack(r->groups, bytes + at, piece, &packed, error));
        sum += packed.size;
        at += piece;
    }
    *each = sum / (double)n;
    return VLMC_OK;
}

// What zstd makes of a byte in groups of this size.
static vlmc_status rate_zstd(rater *r, uint32_t k, uint32_t group, double *each, vlmc_error *error)
{
    const estimate_kind *kind = &r->params->sample->kinds[k];
    kind_rates *rates = &r->rates[k];
    if (group > kind->raw_bytes)
        group = (uint32_t)kind->raw_bytes;
    for (uint32_t i = 0; i < rates->n_zstd; i++)
        if (rates->zstd[i].group == group) {
            *each = rates->zstd[i].bytes;
            return VLMC_OK;
        }
    const double start = now();
    VLMC_TRY(pack_zstd(r, kind->raw, kind->raw_bytes, group, each, error));
    rates->zstd_seconds = (now() - start) / (double)kind->raw_bytes;
    if (rates->n_zstd < SIZES_MAX)
        rates->zstd[rates->n_zstd++] = (packed_size){.group = group, .bytes = *each};
    if (rates->zstd_thin == 0)
        VLMC_TRY(pack_zstd(r, kind->thin, kind->thin_bytes, (uint32_t)kind->thin_bytes,
                           &rates->zstd_thin, error));
    return VLMC_OK;
}

// ---- Putting together ----

static double least(double a, double b)
{
    return a < b ? a : b;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

static uint64_t groups_of(const estimate_kind *kind, uint32_t limit)
{
    return (uint64_t)kind->tokens / limit + 1;
}

// What is left of the mixer's code of `from` tokens, for each, in a group of so many.
static double learnt(double from, double tokens)
{
    double left = 1;
    tokens = least(tokens, LEARNS_UNTIL);
    for (; from * 2 <= tokens; from *= 2)
        left *= LEARNT;
    return from < tokens ? left * (1 - (1 - LEARNT) * (tokens / from - 1)) : left;
}

// What a transformer leaves of the mixer's bytes in a group of so many tokens.
static double gain_at(const rate *rate, double tokens)
{
    double gained = 1 - rate->gain, at = rate->gain_tokens;
    if (gained < 0)
        return 1;
    tokens = least(tokens, LEARNS_UNTIL);
    for (; at * 2 <= tokens; at *= 2)
        gained *= GAIN_KEPT;
    if (at < tokens) // a part of a doubling
        gained *= 1 - (1 - GAIN_KEPT) * (tokens / at - 1);
    return 1 - gained;
}

// A level's groups may be coded with and without the model at the same time.
static bool has_second_thread(const rater *r, uint32_t number)
{
    const vlmc_level *level = vlmc_level_of(number);
    return level->models &&
           (uint64_t)VLMC_MIX_LINE_BYTES << level->mix.memory <= r->params->beside_bytes[number];
}

static vlmc_status joined(rater *r, uint32_t k, const vlmc_level *level, estimate_result *to,
                          vlmc_error *error)
{
    const estimate_kind *kind = &r->params->sample->kinds[k];
    const uint32_t slot = slot_of(kind, level);
    const rate *rate = &r->rates[k].efforts[slot];
    const double groups = (double)groups_of(kind, level->group_bytes);
    const double group = kind->tokens / groups;
    double zstd, bytes, seconds;
    VLMC_TRY(rate_zstd(r, k, (uint32_t)group + 1, &zstd, error));
    bytes = zstd * (double)kind->bytes;
    seconds = r->rates[k].zstd_seconds * (double)kind->bytes;
    if (r->params->source->open) {
        VLMC_TRY(rate_alone(r, k, slot, error));
        const double together = r->rates[k].zstd_thin > 0 ? zstd / r->rates[k].zstd_thin : 1;
        double coded = rate->bytes * kind->tokens * together * learnt(kind->slices[0].n, group);
        if (level->models)
            VLMC_TRY(rate_model(r, k, level, error));
        // With and without the model may be coded at the same time, but share the processor's
        // threads with it: the sum is near the truth with few of them and too much with many.
        if (!level->models || rate->gain <= 0 || rate->gain > FAR_AHEAD)
            seconds += rate->seconds * kind->tokens;
        if (level->models && rate->gain > 0) {
            seconds += groups * least(TRY_TOKENS, group) * (rate->seconds + rate->model_seconds);
            if (rate->gain < PROMISING)
                seconds += rate->model_seconds * kind->tokens;
            coded *= gain_at(rate, group);
        }
        bytes = least(bytes, coded);
    }
    to->bytes += bytes + groups * (VLMC_RECORD_BYTES + 6);
    r->side_seconds += seconds;
    r->side_groups += groups;
    const double longest = seconds * least(1, level->group_bytes / kind->tokens);
    if (longest > r->longest_seconds)
        r->longest_seconds = longest;
    return VLMC_OK;
}

// What is left of the code of media's slices in whole groups of `group` tokens, going by what the
// second half of a slice took less than the first.
static vlmc_status learnt_apart(rater *r, uint32_t k, const vlmc_level *level, double *left,
                                double *group, vlmc_error *error)
{
    const estimate_kind *kind = &r->params->sample->kinds[k];
    const vlmc_mix_settings fast = {VLMC_MIX_FAST, 21};
    kind_rates *rates = &r->rates[k];
    double segment = 0, all = 0, slice = 0;
    VLMC_TRY(rate_alone(r, k, VLMC_MIX_FAST, error));
    if (rates->media_learnt == 0) {
        estimate_measure half;
        VLMC_TRY(estimate_code(r->coder, kind, MEDIA_TOKENS, &fast, NULL, &half, error));
        rates->media_learnt = rates->efforts[VLMC_MIX_FAST].bytes / (half.bytes / half.tokens);
    }
    for (uint32_t i = 0; i < kind->n_slices; i++) {
        const double tokens = (double)kind->slices[i].segment_tokens;
        segment += tokens * tokens;
        slice += tokens * kind->slices[i].n;
        all += tokens;
    }
    *group = segment = least(segment / all, level->group_bytes);
    double saved = 1 - rates->media_learnt;
    *left = 1;
    for (slice /= all; slice * 2 <= segment && saved > 0; slice *= 2) {
        saved *= MEDIA_LESS;
        *left *= 1 - saved;
    }
    return VLMC_OK;
}

static vlmc_status apart(rater *r, uint32_t k, uint32_t number, estimate_result *to,
                         vlmc_error *error)
{
    const estimate_kind *kind = &r->params->sample->kinds[k];
    const vlmc_level *level = vlmc_level_of(number);
    const rate *rate = &r->rates[k].efforts[level->mix.effort];
    double left, group;
    VLMC_TRY(learnt_apart(r, k, level, &left, &group, error));
    VLMC_TRY(rate_alone(r, k, level->mix.effort, error));
    if (level->models)
        VLMC_TRY(rate_model(r, k, level, error));
    const bool with_model = level->models && rate->gain > 0;
    const double coded = rate->bytes * left * (with_model ? rate->gain : 1);
    to->bytes += least(coded * kind->tokens, (double)kind->bytes);
    const double groups = kind->tokens / group;
    const double at_once =
        with_model ? r->params->models_at_once[number] : r->params->groups_at_once[number];
    to->seconds += (with_model ? rate->model_seconds : rate->seconds) * kind->tokens /
                   most(1, least(at_once, groups));
    r->side_groups += groups;
    return VLMC_OK;
}

static vlmc_status rate_level(rater *r, uint32_t number, estimate_result *to, vlmc_error *error)
{
    const estimate_sample *sample = r->params->sample;
    const vlmc_level *level = vlmc_level_of(number);
    const double at_once = r->params->models_at_once[number]; // there, if the level has any
    double largest = 0;
    *to = (estimate_result){.seconds = sample->read_seconds};
    r->side_seconds = r->longest_seconds = r->side_groups = 0;
    for (uint32_t k = 0; k < sample->n_kinds; k++) {
        const estimate_kind *kind = &sample->kinds[k];
        if (kind->stored) {
            to->bytes += (double)kind->bytes;
            continue;
        }
        if (kind->bytes == 0 || kind->n_slices == 0)
            continue;
        if (kind->joins)
            VLMC_TRY(joined(r, k, level, to, error));
        else
            VLMC_TRY(apart(r, k, number, to, error));
        to->seconds += kind->seconds;
        largest = kind->tokens > largest ? kind->tokens : largest;
    }
    to->seconds += most(r->side_seconds / at_once, r->longest_seconds);
    if (largest > 0 && r->params->source->open)
        to->memory_bytes = ((uint64_t)VLMC_MIX_LINE_BYTES << level->mix.memory) *
                           (has_second_thread(r, number) ? 2 : 1) *
                           (uint64_t)most(1, least(at_once, r->side_groups));
    return VLMC_OK;
}

static void share_out(rater *r)
{
    const estimate_sample *sample = r->params->sample;
    uint64_t all = 0;
    bool efforts[EFFORTS] = {false};
    for (uint32_t k = 0; k < sample->n_kinds; k++)
        for (uint32_t i = 0; i < sample->kinds[k].n_slices; i++) {
            all += sample->kinds[k].joins ? sample->kinds[k].slices[i].n : 0;
        }
    for (uint32_t k = 0; k < sample->n_kinds; k++)
        if (sample->kinds[k].joins && sample->kinds[k].n_slices)
            r->rates[k].share = (double)sample->kinds[k].slices[0].n / (double)all;
    for (uint32_t level = r->params->first; level <= r->params->last; level++) {
        const vlmc_level *l = vlmc_level_of(level);
        r->n_model_efforts += l->models && !efforts[l->mix.effort];
        efforts[l->mix.effort] |= l->models;
    }
}

vlmc_status estimate_rate(const estimate_rate_params *params, estimate_result *results,
                          vlmc_error *error)
{
    rater *r = calloc(1, sizeof *r);
    if (!r)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for an estimate");
    r->params = params;
    share_out(r);
    vlmc_status status = vlmc_group_packer_create(params->source->open != NULL, &r->groups, error);
    if (status == VLMC_OK)
        status = estimate_coder_create(params->source, params->sample, &r->coder, error);
    for (uint32_t level = params->first; level <= params->last && status == VLMC_OK; level++) {
        cli_engines_at_level(params->engines, level);
        status = rate_level(r, level, &results[level], error);
    }
    estimate_coder_destroy(&r->coder);
    vlmc_group_packer_destroy(&r->groups);
    free(r);
    return status;
}
