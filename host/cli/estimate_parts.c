// SPDX-License-Identifier: Apache-2.0
#include "estimate_parts.h"

#include "estimate_media.h"
#include "interrupt.h"

#include <stdlib.h>

// Files of a stretch, at most: very short ones would take long to open.
#define STRETCH_FILES_MAX 256u

// Shorter files are plain bytes, as for the writer.
#define CLAIMED_BYTES_MIN 4096u

// What is judged by its bytes is judged in blocks of this size, as by the writer.
#define BLOCK_BYTES (256u << 10)

// Which plugin takes the file, by its first bytes.
static vlmc_status probe(estimate_sampler *s, const estimate_part *p, int fd,
                         const vlmc_loaded_plugin **plugin, vlmc_error *error)
{
    const walk_item *item = &s->params->walk->items[p->item];
    vlmc_worker *worker = s->params->worker;
    vlmc_worker_probe found = {0};
    size_t n;
    *plugin = NULL;
    if (!worker || item->size_bytes < CLAIMED_BYTES_MIN)
        return VLMC_OK;
    VLMC_TRY(vlmc_worker_begin(worker, item->stored, error));
    if (!estimate_fill_window(worker, fd, VLMC_WORKER_PROBE_BYTES, &n))
        return VLMC_OK;
    const vlmc_status status = vlmc_worker_probe_file(worker, &found, error);
    *plugin = status == VLMC_OK ? found.plugin : NULL;
    return status == VLMC_ERROR_PLUGIN || status == VLMC_ERROR_UNSUPPORTED ? VLMC_OK : status;
}

// A file is read on where the part before ended; what is judged by its bytes, in blocks.
static bool extends(const estimate_sampler *s, size_t item, uint64_t offset, size_t n)
{
    const estimate_part *last = s->n_parts ? &s->parts[s->n_parts - 1] : NULL;
    return last && last->item == item && !last->copy && last->offset + last->n == offset &&
           (last->plugin || last->n + n <= BLOCK_BYTES);
}

static vlmc_status read_part(estimate_sampler *s, size_t item, uint64_t offset, size_t n,
                             vlmc_error *error)
{
    const walk_item *from = &s->params->walk->items[item];
    VLMC_TRY(cli_interrupt_check(error));
    if (s->n_parts == s->parts_capacity) {
        const size_t capacity = 2 * s->parts_capacity + 64;
        estimate_part *grown = realloc(s->parts, capacity * sizeof *grown);
        if (!grown)
            return vlmc_fail(error, VLMC_ERROR_MEMORY,
                             "not enough memory for a sample of the files");
        s->parts = grown;
        s->parts_capacity = capacity;
    }
    const int fd = estimate_open(s->params->cli, from->disk);
    if (fd < 0)
        return VLMC_OK;
    n = estimate_read(fd, offset, s->buffer + s->used, n);
    vlmc_status status = VLMC_OK;
    if (extends(s, item, offset, n)) {
        s->parts[s->n_parts - 1].n += n;
    } else if (n > 0) {
        estimate_part *p = &s->parts[s->n_parts++];
        *p = (estimate_part){.item = item, .offset = offset, .at = s->used, .n = n};
        p->copy = estimate_copies_has(&s->copies, item, offset, s->buffer + p->at, n);
        if (!p->copy)
            status = probe(s, p, fd, &p->plugin, error);
    }
    s->used += n;
    estimate_close(fd);
    return status;
}

vlmc_status estimate_read_parts(estimate_sampler *s, vlmc_error *error)
{
    const walk *walk = s->params->walk;
    const uint64_t total = walk->content_bytes;
    uint64_t before = 0; // bytes of files before `item`
    size_t item = 0;
    for (uint64_t i = 0; i < ESTIMATE_STRETCHES; i++) {
        uint64_t at = (uint64_t)((double)total / ESTIMATE_STRETCHES * (double)i);
        uint64_t end = i + 1 == ESTIMATE_STRETCHES
                           ? total
                           : (uint64_t)((double)total / ESTIMATE_STRETCHES * (double)(i + 1));
        const uint64_t room = s->capacity / ESTIMATE_STRETCHES;
        if (end - at > room) { // the middle
            at += (end - at - room) / 2;
            end = at + room;
        }
        for (uint32_t files = 0; at < end && item < walk->n_items;) {
            const uint64_t size = walk->items[item].size_bytes;
            if (before + size <= at) {
                before += size;
                item++;
                continue;
            }
            if (files++ == STRETCH_FILES_MAX)
                break;
            const uint64_t stop = before + size < end ? before + size : end;
            VLMC_TRY(read_part(s, item, at - before, (size_t)(stop - at), error));
            at = stop;
        }
    }
    return VLMC_OK;
}
