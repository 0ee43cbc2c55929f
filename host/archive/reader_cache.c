// SPDX-License-Identifier: Apache-2.0
#include "reader_cache.h"

#include "util/room.h"

#include <stdlib.h>

void vlmc_reader_cache_destroy(vlmc_reader_cache *cache)
{
    for (uint32_t i = 0; i < cache->n_kept; i++)
        free(cache->kept[i].tokens);
    free(cache->uses);
    vlmc_spool_destroy(&cache->spool);
    *cache = (vlmc_reader_cache){0};
}

// ---- Who needs what ----

// One more segment begins at the first of its groups and ends behind the last.
// steps // (n_groups + 1), in the index's order, modulo 2^32
static void note_segment(const vlmc_index *index, const vlmc_segment_info *segment, uint32_t *steps)
{
    const uint64_t last = segment->first_token + segment->n_tokens - 1;
    steps[vlmc_index_find(index, segment->tokenizer, segment->first_token)]++;
    steps[vlmc_index_find(index, segment->tokenizer, last) + 1]--;
}

bool vlmc_reader_cache_begin(vlmc_reader_cache *cache, const vlmc_index *index)
{
    if (cache->uses)
        return true;
    uint32_t *steps = calloc((size_t)index->n_groups + 1, sizeof *steps), uses = 0;
    cache->uses = calloc((size_t)index->n_groups + 1, sizeof *cache->uses);
    if (!steps || !cache->uses) {
        free(steps);
        free(cache->uses);
        cache->uses = NULL;
        return false;
    }
    for (uint32_t e = 0; e < index->n_entries; e++) {
        vlmc_segment_info segment;
        for (vlmc_segment_walk walk = vlmc_segment_walk_begin(&index->entries[e]);
             vlmc_segment_walk_next(&walk, &segment);)
            note_segment(index, &segment, steps);
    }
    for (uint32_t i = 0; i < index->n_groups; i++) {
        uses += steps[i]; // segments: fewer than 2^30
        cache->uses[index->order[i]] = uses;
    }
    free(steps);
    cache->n_groups = index->n_groups;
    return true;
}

void vlmc_reader_cache_took(vlmc_reader_cache *cache, uint32_t group)
{
    if (cache->uses && cache->uses[group] > 0)
        cache->uses[group]--;
}

// ---- Groups ----

static bool is_needed(const vlmc_reader_cache *cache, const vlmc_kept_group *kept)
{
    return kept->used && cache->uses && cache->uses[kept->group] > 0;
}

// The one with memory to give up: the one not used for longest of those that nobody needs, else of
// all. NULL: there is none.
static vlmc_kept_group *find_oldest(vlmc_reader_cache *cache, bool *needed)
{
    vlmc_kept_group *oldest = NULL;
    *needed = false;
    for (uint32_t i = 0; i < cache->n_kept; i++) {
        vlmc_kept_group *kept = &cache->kept[i];
        const bool is = is_needed(cache, kept);
        if (kept->tokens &&
            (!oldest || (*needed && !is) || (*needed == is && kept->used < oldest->used))) {
            oldest = kept;
            *needed = is;
        }
    }
    return oldest;
}

// One without memory, or NULL.
static vlmc_kept_group *find_empty(vlmc_reader_cache *cache)
{
    for (uint32_t i = 0; i < cache->n_kept; i++)
        if (!cache->kept[i].tokens)
            return &cache->kept[i];
    return cache->n_kept < VLMC_CACHE_GROUPS_MAX ? &cache->kept[cache->n_kept++] : NULL;
}

static bool fits(const vlmc_reader_cache *cache, size_t n)
{
    return cache->n_held < VLMC_CACHE_GROUPS_MIN || cache->bytes + n <= cache->limit_bytes;
}

// Nothing is kept there any more.
static void forget(vlmc_reader_cache *cache, vlmc_kept_group *kept)
{
    if (kept->slow && is_needed(cache, kept))
        vlmc_spool_put(&cache->spool, cache->n_groups, kept->group, kept->tokens, kept->n);
    kept->used = 0;
}

static void release(vlmc_reader_cache *cache, vlmc_kept_group *kept)
{
    if (!kept->tokens)
        return;
    forget(cache, kept);
    cache->n_held--;
    cache->bytes -= kept->capacity;
    free(kept->tokens);
    *kept = (vlmc_kept_group){0};
}

// An empty one while it is worth more memory, else one to give up.
static vlmc_kept_group *choose(vlmc_reader_cache *cache, size_t n)
{
    bool needed;
    vlmc_kept_group *oldest = find_oldest(cache, &needed), *empty = NULL;
    if (cache->n_held < VLMC_CACHE_GROUPS_MIN || (needed && fits(cache, n)))
        empty = find_empty(cache);
    return empty ? empty : oldest;
}

vlmc_kept_group *vlmc_reader_cache_place(vlmc_reader_cache *cache, size_t n)
{
    bool needed;
    vlmc_kept_group *kept = choose(cache, n);
    forget(cache, kept);
    kept->n = n;
    if (kept->capacity < n || kept->capacity / 2 > n) // little memory is held in vain
        release(cache, kept);
    if (kept->tokens)
        return kept;
    while (!fits(cache, n))
        release(cache, find_oldest(cache, &needed));
    if (!vlmc_make_room(&kept->tokens, &kept->capacity, n))
        return NULL;
    kept->n = n;
    cache->n_held++;
    cache->bytes += kept->capacity;
    return kept;
}

void vlmc_reader_cache_keep(vlmc_reader_cache *cache, vlmc_kept_group *kept, uint32_t group,
                            bool slow)
{
    kept->group = group;
    kept->slow = slow;
    kept->used = ++cache->now;
}

// ---- Looking up ----

// A group that is in the temporary file.
static const uint8_t *load(vlmc_reader_cache *cache, uint32_t group, size_t n)
{
    if (!vlmc_spool_has(&cache->spool, group))
        return NULL;
    vlmc_kept_group *kept = vlmc_reader_cache_place(cache, n);
    if (!kept || !vlmc_spool_get(&cache->spool, group, kept->tokens, n))
        return NULL;
    vlmc_reader_cache_keep(cache, kept, group, true);
    return kept->tokens;
}

bool vlmc_reader_cache_has(const vlmc_reader_cache *cache, uint32_t group)
{
    for (uint32_t i = 0; i < cache->n_kept; i++)
        if (cache->kept[i].used && cache->kept[i].group == group)
            return true;
    return vlmc_spool_has(&cache->spool, group);
}

const uint8_t *vlmc_reader_cache_find(vlmc_reader_cache *cache, uint32_t group, size_t n)
{
    for (uint32_t i = 0; i < cache->n_kept; i++) {
        vlmc_kept_group *kept = &cache->kept[i];
        if (kept->used && kept->group == group) {
            kept->used = ++cache->now;
            return kept->tokens;
        }
    }
    return load(cache, group, n);
}
