// SPDX-License-Identifier: Apache-2.0
#include "estimate_sample.h"

#include "codec/group.h"
#include "estimate_media.h"
#include "estimate_parts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// A joined kind's slice is made of pieces of this size.
#define PIECE_BYTES (64u << 10)

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a sample of the files");
}

// Of this thread: what others do on the machine does not count.
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// ---- Kinds ----

estimate_kind *estimate_kind_of(estimate_sample *sample, const vlmc_loaded_plugin *plugin,
                                const vlmc_tokenizer *tokenizer)
{
    for (uint32_t i = 0; i < sample->n_kinds; i++)
        if (sample->kinds[i].tokenizer == tokenizer && !sample->kinds[i].stored)
            return &sample->kinds[i];
    if (sample->n_kinds == ESTIMATE_KINDS_MAX)
        return &sample->kinds[0];
    estimate_kind *kind = &sample->kinds[sample->n_kinds++];
    *kind = (estimate_kind){
        .tokenizer = tokenizer,
        .plugin = plugin,
        .joins = (tokenizer->flags & VLMC_TOKENIZER_JOINS) != 0,
    };
    return kind;
}

static const vlmc_tokenizer *joined_tokenizer(const vlmc_loaded_plugin *plugin)
{
    for (uint32_t i = 0; i < plugin->n_tokenizers; i++)
        if (plugin->tokenizers[i]->flags & VLMC_TOKENIZER_JOINS)
            return plugin->tokenizers[i];
    return NULL;
}

static estimate_kind *kind_of_part(estimate_sampler *s, const estimate_part *p)
{
    const vlmc_tokenizer *joined = p->plugin ? joined_tokenizer(p->plugin) : NULL;
    if (p->copy)
        return NULL;
    if (joined)
        return estimate_kind_of(s->sample, p->plugin, joined);
    return p->plugin ? NULL : &s->sample->kinds[p->stored ? 1 : 0];
}

static vlmc_status judge_parts(estimate_sampler *s, vlmc_error *error)
{
    bool stored = false;
    for (size_t i = 0; i < s->n_parts; i++) {
        estimate_part *p = &s->parts[i];
        vlmc_content_kind kind;
        if (!p->plugin && !p->copy) {
            VLMC_TRY(vlmc_group_kind(s->groups, s->buffer + p->at, (uint32_t)p->n, &kind, error));
            if (kind != VLMC_CONTENT_NEUTRAL)
                stored = kind == VLMC_CONTENT_INCOMPRESSIBLE;
            p->stored = stored;
        }
        estimate_kind *of = kind_of_part(s, p);
        if (of)
            of->raw_bytes += p->n;
        s->sample->read_bytes += p->n;
    }
    return VLMC_OK;
}

// Puts a kind's bytes one after the other.
static vlmc_status collect_raw(estimate_sampler *s, estimate_kind *kind, vlmc_error *error)
{
    size_t at = 0;
    kind->raw = malloc(kind->raw_bytes + 1);
    if (!kind->raw)
        return no_memory(error);
    for (size_t i = 0; i < s->n_parts; i++)
        if (kind_of_part(s, &s->parts[i]) == kind) {
            memcpy(kind->raw + at, s->buffer + s->parts[i].at, s->parts[i].n);
            at += s->parts[i].n;
        }
    return VLMC_OK;
}

size_t estimate_thin(const uint8_t *bytes, size_t n, size_t piece, uint8_t *out, size_t wanted)
{
    if (wanted >= n) {
        memcpy(out, bytes, n);
        return n;
    }
    if (piece > wanted)
        piece = wanted;
    const size_t pieces = wanted / piece;
    for (size_t i = 0; i < pieces; i++) {
        const size_t each = n / pieces; // >= piece
        memcpy(out + i * piece, bytes + i * each + (each - piece) / 2, piece);
    }
    return pieces * piece;
}

// The slice of a joined kind: pieces of its bytes, turned into tokens where it has a tokenizer.
static vlmc_status cut_slice(estimate_sampler *s, estimate_kind *kind, uint64_t joined_bytes,
                             vlmc_error *error)
{
    const double share = (double)kind->raw_bytes / (double)joined_bytes;
    size_t wanted = (size_t)(share * s->params->slice_bytes);
    if (wanted < PIECE_BYTES)
        wanted = PIECE_BYTES;
    kind->thin = malloc(wanted + 1);
    if (!kind->thin)
        return no_memory(error);
    kind->thin_bytes = estimate_thin(kind->raw, kind->raw_bytes, PIECE_BYTES, kind->thin,
                                     wanted < kind->raw_bytes ? wanted : kind->raw_bytes);
    if (kind->tokenizer)
        return estimate_text_slice(s->params->worker, kind, error);
    estimate_slice *slice = &kind->slices[kind->n_slices++];
    slice->n = (uint32_t)kind->thin_bytes;
    slice->tokens = malloc(kind->thin_bytes + 1);
    if (!slice->tokens)
        return no_memory(error);
    memcpy(slice->tokens, kind->thin, kind->thin_bytes);
    kind->seen_bytes = kind->seen_tokens = kind->thin_bytes;
    return VLMC_OK;
}

// Many short files that nobody could judge may look incompressible together.
static vlmc_status judge_all(estimate_sampler *s, estimate_kind *kind, vlmc_error *error)
{
    vlmc_content_kind content;
    if (kind->tokenizer)
        return VLMC_OK;
    VLMC_TRY(vlmc_group_kind(s->groups, kind->raw, (uint32_t)kind->raw_bytes, &content, error));
    if (content == VLMC_CONTENT_INCOMPRESSIBLE) {
        s->sample->kinds[1].raw_bytes += kind->raw_bytes;
        kind->raw_bytes = 0;
    }
    return VLMC_OK;
}

static vlmc_status cut_slices(estimate_sampler *s, vlmc_error *error)
{
    uint64_t joined_bytes = 0;
    for (uint32_t i = 0; i < s->sample->n_kinds; i++)
        if (s->sample->kinds[i].joins)
            joined_bytes += s->sample->kinds[i].raw_bytes;
    for (uint32_t i = 0; i < s->sample->n_kinds; i++) {
        estimate_kind *kind = &s->sample->kinds[i];
        if (!kind->joins || kind->raw_bytes == 0)
            continue;
        VLMC_TRY(collect_raw(s, kind, error));
        VLMC_TRY(judge_all(s, kind, error));
        if (kind->raw_bytes == 0)
            continue;
        VLMC_TRY(cut_slice(s, kind, joined_bytes, error));
    }
    return VLMC_OK;
}

// ---- Files that are segments of their own ----

// Looks into some files of a plugin, spread over all of its parts, and shares out what the parts
// hold of it as those files turned out.
static vlmc_status look_into(estimate_sampler *s, const vlmc_loaded_plugin *plugin,
                             vlmc_error *error)
{
    size_t n = 0, seen = 0, last = SIZE_MAX;
    uint64_t bytes = 0;
    estimate_media media = {.sample = s->sample, .plugin = plugin, .worker = s->params->worker};
    for (size_t i = 0; i < s->n_parts; i++)
        if (s->parts[i].plugin == plugin) {
            bytes += s->parts[i].n;
            n++;
        }
    const size_t each = n / ESTIMATE_MEDIA_FILES_MAX + 1;
    for (size_t i = 0; i < s->n_parts; i++) {
        const estimate_part *p = &s->parts[i];
        if (p->plugin != plugin || seen++ % each != each / 2 % (n < each ? n : each))
            continue;
        if (p->item != last)
            VLMC_TRY(estimate_media_file(&media, s->params->cli, &s->params->walk->items[p->item],
                                         error));
        last = p->item;
    }
    estimate_media_finish(&media, bytes);
    return VLMC_OK;
}

static vlmc_status look_into_all(estimate_sampler *s, vlmc_error *error)
{
    const vlmc_loaded_plugin *done[ESTIMATE_KINDS_MAX];
    uint32_t n_done = 0;
    for (size_t i = 0; i < s->n_parts; i++) {
        const vlmc_loaded_plugin *plugin = s->parts[i].plugin;
        if (!plugin || joined_tokenizer(plugin))
            continue;
        uint32_t k = 0;
        while (k < n_done && done[k] != plugin)
            k++;
        if (k < n_done || n_done == ESTIMATE_KINDS_MAX)
            continue;
        done[n_done++] = plugin;
        VLMC_TRY(look_into(s, plugin, error));
    }
    return VLMC_OK;
}

// From what was read to all.
static void scale(estimate_sampler *s)
{
    const uint64_t total = s->params->walk->content_bytes;
    for (uint32_t i = 0; i < s->sample->n_kinds && s->sample->read_bytes; i++) {
        estimate_kind *kind = &s->sample->kinds[i];
        const double all = (double)total / (double)s->sample->read_bytes;
        const double seen = kind->seen_bytes ? (double)kind->seen_bytes : 1;
        kind->bytes = (uint64_t)((double)kind->raw_bytes * all);
        kind->tokens = (double)kind->bytes * ((double)kind->seen_tokens / seen);
        kind->seconds = (double)kind->bytes * (kind->seen_seconds / seen);
    }
}

vlmc_status estimate_sample_take(const estimate_sample_params *params, estimate_sample *sample,
                                 vlmc_error *error)
{
    const uint64_t total = params->walk->content_bytes;
    const double start = now();
    estimate_sampler s = {.params = params, .sample = sample};
    *sample = (estimate_sample){.n_kinds = 2};
    sample->kinds[0].joins = true;
    sample->kinds[1].stored = true;
    s.capacity =
        (size_t)(params->read_bytes < total ? params->read_bytes : total) + ESTIMATE_STRETCHES;
    s.buffer = malloc(s.capacity);
    vlmc_status status =
        s.buffer ? estimate_copies_create(params->walk, &s.copies, error) : no_memory(error);
    if (status == VLMC_OK)
        status = vlmc_group_packer_create(true, &s.groups, error);
    if (status == VLMC_OK)
        status = estimate_read_parts(&s, error);
    if (status == VLMC_OK)
        status = judge_parts(&s, error);
    if (status == VLMC_OK && sample->read_bytes)
        sample->read_seconds = (now() - start) * (double)total / (double)sample->read_bytes;
    if (status == VLMC_OK)
        status = look_into_all(&s, error);
    if (status == VLMC_OK)
        status = cut_slices(&s, error);
    if (status == VLMC_OK)
        scale(&s);
    else
        estimate_sample_free(sample);
    vlmc_group_packer_destroy(&s.groups);
    estimate_copies_destroy(&s.copies);
    free(s.parts);
    free(s.buffer);
    return status;
}

void estimate_sample_free(estimate_sample *sample)
{
    for (uint32_t i = 0; i < sample->n_kinds; i++) {
        estimate_kind *kind = &sample->kinds[i];
        for (uint32_t k = 0; k < kind->n_slices; k++) {
            free(kind->slices[k].tokens);
            free(kind->slices[k].params);
        }
        free(kind->raw);
        free(kind->thin);
    }
    sample->n_kinds = 0;
}
