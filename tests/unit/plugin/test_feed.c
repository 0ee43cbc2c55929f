// SPDX-License-Identifier: Apache-2.0
#include "plugin/feed.h"

#include <criterion/criterion.h>
#include <string.h>

// A converter that copies, in steps of `unit` bytes, `growth` times each byte; it notes the sizes
// that it was offered.
typedef struct copier {
    size_t unit;
    size_t growth;
    uint64_t trace; // of in_bytes and out_capacity, call after call
    uint32_t calls;
} copier;

static int32_t copy(void *object, vlmc_plugin_io *io)
{
    copier *c = object;
    c->calls++;
    c->trace = (c->trace * 31 + io->in_bytes) * 31 + io->out_capacity;
    while (io->in_used < io->in_bytes) {
        const size_t left = io->in_bytes - io->in_used;
        const size_t n = left < c->unit ? left : c->unit;
        if ((n < c->unit && !io->in_ended) || io->out_capacity - io->out_made < n * c->growth)
            return VLMC_PLUGIN_OK;
        for (size_t i = 0; i < n * c->growth; i++)
            io->out[io->out_made++] = io->in[io->in_used + i / c->growth];
        io->in_used += n;
    }
    io->out_ended = io->in_ended;
    return VLMC_PLUGIN_OK;
}

static vlmc_feed make_feed(int32_t (*call)(void *, vlmc_plugin_io *), void *object)
{
    return (vlmc_feed){
        .call = call, .object = object, .id = "test.feed", .verb = "encode", .starving = true};
}

// Feeds n bytes in pieces of `piece` bytes; the end is said with the last piece or after it.
static size_t run(vlmc_feed *feed, const uint8_t *in, size_t n, size_t piece, bool late_end,
                  uint8_t *out, vlmc_status *status, vlmc_error *error)
{
    size_t at = 0;
    size_t made = 0;
    *status = VLMC_OK;
    while (!feed->done && *status == VLMC_OK) {
        size_t more;
        if (!vlmc_feed_ready(feed)) {
            const size_t left = n - at;
            const size_t give = left < piece ? left : piece;
            at += vlmc_feed_put(feed, in + at, give, late_end ? left == 0 : give == left);
            continue;
        }
        *status = vlmc_feed_get(feed, out + made, &more, error);
        made += more;
    }
    return made;
}

static uint8_t input[400000];
static uint8_t output[4 * sizeof input];

static void fill(void)
{
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)(i * 2654435761u >> 24);
}

Test(feed, a_plugin_sees_the_same_pieces_however_the_input_comes)
{
    const size_t units[] = {1, 3, 4096, 65536};
    const size_t pieces[] = {sizeof input, 65536, 65537, 1000, 1};
    const size_t sizes[] = {sizeof input, 2 * VLMC_FEED_BYTES, VLMC_FEED_BYTES, 1};
    fill();
    for (size_t u = 0; u < 16; u++) {
        const size_t n = sizes[u / 4];
        uint64_t trace = 0;
        for (size_t p = 0; p < 10; p++) {
            copier c = {.unit = units[u % 4], .growth = 1};
            vlmc_feed feed = make_feed(copy, &c);
            vlmc_status status;
            vlmc_error error;
            const size_t made = run(&feed, input, n, pieces[p / 2], p % 2, output, &status, &error);
            cr_assert_eq(status, VLMC_OK, "%s", error.text);
            cr_assert_eq(made, n);
            cr_assert_eq(memcmp(input, output, made), 0);
            if (p == 0)
                trace = c.trace;
            cr_assert_eq(c.trace, trace, "%zu bytes, unit %zu, way %zu", n, units[u % 4], p);
        }
    }
}

Test(feed, more_output_than_input_is_fetched_in_pieces)
{
    copier c = {.unit = 1, .growth = 4};
    vlmc_feed feed = make_feed(copy, &c);
    vlmc_status status;
    fill();
    cr_assert_eq(run(&feed, input, sizeof input, 10000, false, output, &status, NULL),
                 sizeof output);
    cr_assert_eq(status, VLMC_OK);
    cr_assert_eq(output[sizeof output - 1], input[sizeof input - 1]);
}

Test(feed, an_empty_input_has_an_end)
{
    copier c = {.unit = 1, .growth = 1};
    vlmc_feed feed = make_feed(copy, &c);
    vlmc_status status;
    cr_assert_eq(run(&feed, input, 0, 1, false, output, &status, NULL), 0);
    cr_assert_eq(status, VLMC_OK);
    cr_assert(feed.done && c.calls == 1);
}

Test(feed, one_that_wants_more_at_once_than_there_ever_is_stands_still)
{
    copier c = {.unit = VLMC_FEED_BYTES + 1, .growth = 1};
    vlmc_feed feed = make_feed(copy, &c);
    vlmc_status status;
    vlmc_error error;
    run(&feed, input, sizeof input, sizeof input, false, output, &status, &error);
    cr_assert_eq(status, VLMC_ERROR_PLUGIN);
    cr_assert(strstr(error.text, "stands still"), "%s", error.text);
}

static int32_t takes_too_much(void *object, vlmc_plugin_io *io)
{
    (void)object;
    io->in_used = io->in_bytes + 1;
    return VLMC_PLUGIN_OK;
}

static int32_t ends_early(void *object, vlmc_plugin_io *io)
{
    (void)object;
    io->out_ended = 1;
    return VLMC_PLUGIN_OK;
}

static int32_t ends_oddly(void *object, vlmc_plugin_io *io)
{
    (void)object;
    io->in_used = io->in_bytes;
    io->out_ended = 2;
    return VLMC_PLUGIN_OK;
}

static int32_t returns(void *object, vlmc_plugin_io *io)
{
    (void)io;
    return *(const int32_t *)object;
}

Test(feed, broken_rules_are_named)
{
    static const struct {
        int32_t (*call)(void *, vlmc_plugin_io *);
        const char *says;
    } cases[] = {{takes_too_much, "took more"},
                 {ends_early, "before its input"},
                 {ends_oddly, "neither 0 nor 1"}};
    for (size_t i = 0; i < 3; i++) {
        vlmc_feed feed = make_feed(cases[i].call, NULL);
        vlmc_status status;
        vlmc_error error;
        run(&feed, input, 10, 10, false, output, &status, &error);
        cr_assert_eq(status, VLMC_ERROR_PLUGIN);
        cr_assert(strstr(error.text, cases[i].says), "%s", error.text);
    }
}

Test(feed, what_a_plugin_returns_has_a_status)
{
    const int32_t results[] = {VLMC_PLUGIN_UNSUPPORTED, VLMC_PLUGIN_INVALID, VLMC_PLUGIN_MEMORY, 1,
                               -99};
    const vlmc_status wanted[] = {VLMC_ERROR_UNSUPPORTED, VLMC_ERROR_DAMAGED, VLMC_ERROR_PLUGIN,
                                  VLMC_ERROR_PLUGIN, VLMC_ERROR_PLUGIN};
    for (size_t i = 0; i < 5; i++) {
        int32_t result = results[i];
        vlmc_feed feed = make_feed(returns, &result);
        vlmc_status status;
        run(&feed, input, 10, 10, false, output, &status, NULL);
        cr_assert_eq(status, wanted[i]);
    }
}
