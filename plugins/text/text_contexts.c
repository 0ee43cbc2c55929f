// SPDX-License-Identifier: Apache-2.0
#include "text_contexts.h"

#include "match.h"
#include "text.h"

#include <stdlib.h>

#define KIND_TRIPLES (TEXT_KINDS * TEXT_KINDS * TEXT_KINDS)
#define LENGTH_STEPS 4u // of a match, for models

#define EMBED VLMC_CONTEXT_EMBED
#define MIX VLMC_CONTEXT_MIX
#define SELECT VLMC_CONTEXT_SELECT

// Which of them pay, and how much: README.md.
const vlmc_context_declaration text_context_declarations[TEXT_CONTEXTS] = {
    {"kinds", "letter, digit, blank, sign: the last three bytes", KIND_TRIPLES, SELECT | EMBED},
    {"column", "bytes since the line began", 256, EMBED},
    {"above", "the byte above, in the line before", 256, EMBED},
    {"promised", "the byte that followed here before, and how long both agree",
     256 * LENGTH_STEPS + 1, EMBED},
    {"match", "the same, finer", 0, MIX},
    {"word", "the word so far", 0, MIX},
    {"skip-word", "the word so far and the word before the last", 0, MIX},
    {"line-word", "the word so far and the first word of the line", 0, MIX},
    {"above-column", "the byte above and the column", 0, MIX},
    {"above-pair", "the last byte and the two bytes above", 0, MIX},
    {"line-start", "the last two bytes and the first of the line", 0, MIX},
    {"indent", "the last byte, the column and the indent of the line before", 0, MIX},
    {"pattern", "the last four letters runs, digits and signs", 0, MIX},
    {"long-pattern", "the last eight", 0, MIX},
    {"tag", "the word so far, the innermost element and where in mark-up", 0, MIX},
};

typedef struct text_contexts {
    uint32_t n_streams;
    text_matcher matcher;
    text_match matches[VLMC_PLUGIN_STREAMS_MAX];
    text_reader readers[]; // (n_streams)
} text_contexts;

int32_t text_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                             const uint64_t *first_tokens, void **state)
{
    (void)first_tokens; // joined files: it says nothing
    *state = NULL;
    text_params unpacked;
    if (!text_params_unpack(params, params_bytes, &unpacked))
        return VLMC_PLUGIN_INVALID;
    if (n_streams < 1 || n_streams > VLMC_PLUGIN_STREAMS_MAX)
        return VLMC_PLUGIN_INVALID;
    text_contexts *c = calloc(1, sizeof *c + n_streams * sizeof c->readers[0]);
    if (!c)
        return VLMC_PLUGIN_MEMORY;
    c->n_streams = n_streams;
    if (!text_matcher_init(&c->matcher, c->readers, n_streams)) {
        free(c);
        return VLMC_PLUGIN_MEMORY;
    }
    *state = c;
    return VLMC_PLUGIN_OK;
}

void text_contexts_destroy(void *state)
{
    text_contexts *c = state;
    if (!c)
        return;
    text_matcher_clear(&c->matcher);
    free(c);
}

// 1..19, finer where it matters.
static uint32_t length_class(uint32_t length)
{
    return length < 16 ? length : length < 24 ? 16 : length < 32 ? 17 : 19;
}

static uint32_t length_step(uint32_t length)
{
    return length < 8 ? 0 : length < 16 ? 1 : length < 32 ? 2 : 3;
}

void text_next_context(void *state, uint32_t stream, uint32_t *values, uint32_t *centre)
{
    const text_contexts *c = state;
    const text_reader *r = &c->readers[stream];
    const text_match *match = &c->matches[stream];
    const uint32_t past = (uint32_t)r->past, last = past & 255;
    const uint32_t above = text_above(r, 0), column = text_column(r);
    uint8_t promised;
    const bool matched = text_match_predicts(&c->matcher, match, &promised);

    values[0] = r->kinds;
    values[1] = column;
    values[2] = above;
    values[3] = matched ? 1 + promised * LENGTH_STEPS + length_step(match->length) : 0;
    values[4] = matched ? (uint32_t)promised << 8 | (length_class(match->length) + 1) : 0;
    values[5] = r->word ? r->word : last;
    values[6] = text_hash_2(r->word, r->words[1] + 1);
    values[7] = text_hash_2(r->first_word, r->word);
    values[8] = above << 8 | column;
    values[9] = above << 16 | text_above(r, 1) << 8 | last;
    values[10] = (uint32_t)r->first << 16 | (past & 0xFFFF);
    values[11] = text_hash_2(r->indent_before, column << 8 | last);
    values[12] = (uint32_t)r->format;
    values[13] = text_hash(r->format);
    values[14] = text_hash_2(text_innermost_tag(r) + r->tag_state, r->word);
    *centre = 0;
}

void text_push_token(void *state, uint32_t stream, uint32_t token)
{
    text_contexts *c = state;
    text_read(&c->readers[stream], (uint8_t)token);
    text_match_next(&c->matcher, stream, &c->matches[stream]);
}
