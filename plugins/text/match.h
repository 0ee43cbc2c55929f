// SPDX-License-Identifier: Apache-2.0
// Finds for each stream of a group where its last bytes were seen before, in any of the streams,
// and what followed there.
#ifndef TEXT_MATCH_H
#define TEXT_MATCH_H

#include "reader.h"

typedef struct text_match {
    uint32_t stream; // where: the stream
    uint32_t at;     // and the position in it of what followed
    uint32_t length; // bytes that agree, counted while it lasts; 0: there is no match
} text_match;

typedef struct text_matcher {
    text_reader *readers; // (n_streams), borrowed
    uint32_t log2_slots;
    uint32_t *slots; // (1 << log2_slots) stream and position packed; 0: none
} text_matcher;

// False when memory is short. At most 2 MiB.
bool text_matcher_init(text_matcher *matcher, text_reader *readers, uint32_t n_streams);
void text_matcher_clear(text_matcher *matcher);

// Call after text_read of the stream's byte: goes on with the match, or looks for a new one.
void text_match_next(text_matcher *matcher, uint32_t stream, text_match *match);

// The byte that the match promises; false when there is none, or it is not known yet.
static inline bool text_match_predicts(const text_matcher *matcher, const text_match *match,
                                       uint8_t *byte)
{
    if (match->length == 0)
        return false;
    const text_reader *r = &matcher->readers[match->stream];
    *byte = r->ring[match->at % TEXT_RING_BYTES];
    return match->at < r->at && r->at - match->at < TEXT_RING_BYTES;
}

#endif
