// SPDX-License-Identifier: Apache-2.0
#include "cut.h"

static uint32_t usable_align(uint32_t align)
{
    return align == 0 || align > VLMC_ALIGN_TOKENS_MAX ? 1 : align;
}

static uint32_t divide_up(uint32_t n, uint32_t by)
{
    return n / by + (n % by != 0);
}

bool vlmc_cut_make(uint32_t n, uint32_t streams, uint32_t align, vlmc_cut *cut)
{
    align = usable_align(align);
    *cut = (vlmc_cut){.n = n, .streams = streams, .align = align, .units = divide_up(n, align)};
    return n >= 1 && n <= VLMC_GROUP_BYTES_MAX && streams >= 1 && streams <= VLMC_STREAMS_MAX &&
           streams <= cut->units;
}

uint32_t vlmc_cut_offset(const vlmc_cut *cut, uint32_t s)
{
    const uint32_t rest = cut->units % cut->streams;
    const uint32_t units = s * (cut->units / cut->streams) + (s < rest ? s : rest);
    // The last unit may be short; 2^26 + align does not overflow.
    const uint32_t offset = units * cut->align;
    return offset < cut->n ? offset : cut->n;
}

uint32_t vlmc_cut_length(const vlmc_cut *cut, uint32_t s)
{
    return vlmc_cut_offset(cut, s + 1) - vlmc_cut_offset(cut, s);
}

uint32_t vlmc_cut_active(const vlmc_cut *cut, uint32_t t)
{
    // The last stream is one of the shorter ones, and less where the last unit is.
    const uint32_t shorter = cut->units / cut->streams * cut->align;
    if (t < shorter)
        return t < vlmc_cut_length(cut, cut->streams - 1) ? cut->streams : cut->streams - 1;
    return t - shorter < cut->align ? cut->units % cut->streams : 0;
}

static uint32_t clamp_streams(uint32_t streams, uint32_t units)
{
    const uint32_t most = units < VLMC_STREAMS_MAX ? units : VLMC_STREAMS_MAX;
    streams = streams < most ? streams : most;
    return streams > 0 ? streams : 1;
}

uint32_t vlmc_cut_streams(uint32_t n, uint32_t align, uint32_t stream_tokens)
{
    const uint32_t per_stream = stream_tokens ? stream_tokens : 1;
    const uint32_t rounded = n / per_stream + (n % per_stream >= per_stream - per_stream / 2);
    return clamp_streams(rounded, divide_up(n, usable_align(align)));
}

// Units of the segment that a group may have at most.
static uint64_t group_units(uint32_t align, uint32_t limit)
{
    return limit > align ? limit / align : 1;
}

static uint64_t segment_units(uint64_t n, uint32_t align)
{
    return n / align + (n % align != 0);
}

uint64_t vlmc_cut_groups(uint64_t n, uint32_t align, uint32_t limit)
{
    align = usable_align(align);
    const uint64_t units = segment_units(n, align), most = group_units(align, limit);
    return units / most + (units % most != 0);
}

uint64_t vlmc_cut_group_offset(uint64_t n, uint32_t align, uint32_t limit, uint64_t g)
{
    const uint64_t groups = vlmc_cut_groups(n, align, limit);
    align = usable_align(align);
    const uint64_t units = segment_units(n, align);
    if (g >= groups)
        return n;
    const uint64_t rest = units % groups;
    return (g * (units / groups) + (g < rest ? g : rest)) * align;
}
