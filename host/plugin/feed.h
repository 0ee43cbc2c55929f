// SPDX-License-Identifier: Apache-2.0
// Drives one encoder or decoder of a plugin and holds it to the rules of vlmc_plugin_io.
//
// The pieces that a plugin sees depend on the data alone, never on how the caller cut them:
// input comes in pieces filled up to VLMC_FEED_BYTES, output goes to room of VLMC_FEED_BYTES. So
// the decoder that restores a file makes the very calls that the one made which proved, at
// writing, that it can be restored.
#ifndef VLMC_PLUGIN_FEED_H
#define VLMC_PLUGIN_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>
#include <vlmc/status.h>

#define VLMC_FEED_BYTES ((size_t)64 << 10)

// Begins with the first four set, starving, and all else 0.
typedef struct vlmc_feed {
    int32_t (*call)(void *object, vlmc_plugin_io *io); // encode or decode
    void *object;
    const char *id;   // the tokenizer's, for sentences
    const char *verb; // "encode", "decode"
    size_t begin;     // of what the plugin has not taken
    size_t end;
    bool ended;    // the buffer holds the end of the input
    bool starving; // waits for a full buffer and more, or for the end of input
    bool done;     // all output was made
    uint8_t buffer[VLMC_FEED_BYTES];
} vlmc_feed;

// Takes up to n bytes of input and says how many. `ended`: nothing follows these n.
size_t vlmc_feed_put(vlmc_feed *feed, const uint8_t *bytes, size_t n, bool ended);

// True when vlmc_feed_get has work; otherwise it wants more input, or it is done.
bool vlmc_feed_ready(const vlmc_feed *feed);

// One call of the plugin: *made bytes, 0..VLMC_FEED_BYTES, are put to `out`.
// VLMC_ERROR_UNSUPPORTED: the plugin refused with VLMC_PLUGIN_UNSUPPORTED. VLMC_ERROR_DAMAGED:
// with VLMC_PLUGIN_INVALID. VLMC_ERROR_PLUGIN: it needs too much memory or broke its rules.
vlmc_status vlmc_feed_get(vlmc_feed *feed, uint8_t *out, size_t *made, vlmc_error *error);

// What a result of a plugin's function means, as above; VLMC_OK for VLMC_PLUGIN_OK.
vlmc_status vlmc_plugin_result(int32_t result, const char *id, const char *verb, vlmc_error *error);

#endif
