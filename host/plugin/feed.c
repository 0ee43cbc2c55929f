// SPDX-License-Identifier: Apache-2.0
#include "feed.h"

#include <string.h>

vlmc_status vlmc_plugin_result(int32_t result, const char *id, const char *verb, vlmc_error *error)
{
    switch (result) {
    case VLMC_PLUGIN_OK:
        return VLMC_OK;
    case VLMC_PLUGIN_UNSUPPORTED:
        return vlmc_fail(error, VLMC_ERROR_UNSUPPORTED, "%s does not %s this", id, verb);
    case VLMC_PLUGIN_INVALID:
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s finds this broken and does not %s it", id,
                         verb);
    case VLMC_PLUGIN_MEMORY:
        return vlmc_fail(error, VLMC_ERROR_PLUGIN, "%s needs more memory than it may use to %s", id,
                         verb);
    default:
        return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                         "%s broke its rules in %s: it returned %d, which means nothing", id, verb,
                         (int)result);
    }
}

size_t vlmc_feed_put(vlmc_feed *feed, const uint8_t *bytes, size_t n, bool ended)
{
    if (feed->begin > 0) {
        memmove(feed->buffer, feed->buffer + feed->begin, feed->end - feed->begin);
        feed->end -= feed->begin;
        feed->begin = 0;
    }
    const size_t room = sizeof feed->buffer - feed->end;
    const size_t take = n < room ? n : room;
    if (take > 0)
        memcpy(feed->buffer + feed->end, bytes, take);
    feed->end += take;
    feed->ended = ended && take == n;
    // A full buffer waits too, until it is known whether it is the last.
    if (take < n || feed->ended)
        feed->starving = false;
    return take;
}

bool vlmc_feed_ready(const vlmc_feed *feed)
{
    return !feed->done && !feed->starving;
}

static vlmc_status broken(const vlmc_feed *feed, const char *rule, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_PLUGIN, "%s broke its rules in %s: %s", feed->id, feed->verb,
                     rule);
}

static vlmc_status check_io(const vlmc_feed *feed, const vlmc_plugin_io *io, vlmc_error *error)
{
    if (io->in_used > io->in_bytes)
        return broken(feed, "it took more than there was", error);
    if (io->out_made > io->out_capacity)
        return broken(feed, "it made more than there was room for", error);
    if (io->out_ended > 1)
        return broken(feed, "out_ended is neither 0 nor 1", error);
    if (io->out_ended && (!feed->ended || io->in_used < io->in_bytes))
        return broken(feed, "it ended before its input did", error);
    return VLMC_OK;
}

// After a call that did nothing, or took all and had room left: more input, if there is any.
static vlmc_status starve(vlmc_feed *feed, bool idle, vlmc_error *error)
{
    const bool full = feed->begin == 0 && feed->end == sizeof feed->buffer;
    if (feed->ended || full)
        return idle ? broken(feed, "it stands still, with input and room left", error) : VLMC_OK;
    feed->starving = true;
    return VLMC_OK;
}

vlmc_status vlmc_feed_get(vlmc_feed *feed, uint8_t *out, size_t *made, vlmc_error *error)
{
    vlmc_plugin_io io = {
        .in = feed->buffer + feed->begin,
        .in_bytes = feed->end - feed->begin,
        .out = out,
        .out_capacity = VLMC_FEED_BYTES,
        .in_ended = feed->ended,
    };
    *made = 0;
    VLMC_TRY(vlmc_plugin_result(feed->call(feed->object, &io), feed->id, feed->verb, error));
    VLMC_TRY(check_io(feed, &io, error));
    feed->begin += io.in_used;
    *made = io.out_made;
    feed->done = io.out_ended;
    const bool idle = io.in_used == 0 && io.out_made == 0;
    const bool satisfied = feed->begin == feed->end && io.out_made < io.out_capacity;
    return !feed->done && (idle || satisfied) ? starve(feed, idle, error) : VLMC_OK;
}
