// SPDX-License-Identifier: Apache-2.0
// What comes next in a drawing is what came the last time that the pixels around were the same
// (recall), or what follows where the last pixels of the row were seen before (match). The centre
// is what is recalled by most pixels, else the match, else what the neighbours say.
#include "drawing_contexts.h"

#include "pixel_contexts.h"

#include <stdlib.h>
#include <string.h>

#define PIXEL_BYTES_MAX 4u
#define ROWS 4u    // this one and three above
#define MARGIN 4u  // pixels beside each row
#define RECALLS 3u // by ever more pixels around
#define RECALL_LOG2_MIN 10u
#define RECALL_LOG2_MAX 18u
#define TRUST_MAX 7u // the lower bits of a tag
#define HISTORY_LOG2 20u
#define MATCH_LOG2 18u
// What makes a drawing: per cent of the pixels that are the same as the one to the left or above,
// more than which no photograph has; or few colours, as in a dithered one.
#define SAME_OF_GREY 50u
#define SAME_OF_COLOURS 75u
#define COLOURS_FEW 256u
#define COLOURS_SLOTS 1021u

enum {
    CONTEXT_RECALL,
    CONTEXT_MATCH,
    CONTEXT_RECALLS,
    CONTEXT_FOUR,
    CONTEXT_TWO,
    CONTEXT_EIGHT,
    CONTEXT_FOURTEEN,
    CONTEXT_ABOVE,
    CONTEXT_NORTH,
    CONTEXT_WEST,
    CONTEXT_COLOUR,
    CONTEXT_SHAPE,
    CONTEXT_ERRORS,
    CONTEXT_PLANE,
    CONTEXT_SMOOTH,
    CONTEXT_SELECT_MATCH,
    CONTEXT_SELECT_RECALL,
    CONTEXTS,
};

#define M VLMC_CONTEXT_MIX
#define S VLMC_CONTEXT_SELECT

const vlmc_context_declaration image_drawing_declarations[] = {
    {"recall", "what came when most pixels around were the same, and how often", 0, M},
    {"match", "what follows where the last pixels were the same, and for how long it was right", 0,
     M},
    {"recalls", "what came when fewer pixels were the same", 0, M},
    {"four", "the pixels to the left, above, above left and above right", 0, M},
    {"two", "the pixels to the left and above", 0, M},
    {"eight", "eight pixels around", 0, M},
    {"fourteen", "fourteen pixels around", 0, M},
    {"above", "three pixels above and to the right", 0, M},
    {"north", "two pixels above", 0, M},
    {"west", "the pixel to the left", 0, M},
    {"colour", "the channels of the pixel that are known", 0, M},
    {"shape", "coarse distances of four neighbours from the centre", 0, M},
    {"errors", "how far the channels before were from their centres", 0, M},
    {"plane", "distances of what the neighbours say", 0, M},
    {"smooth", "what the neighbours say, and the channels that are known", 0, M},
    {"select-match", "length of the match, channel", 128, S},
    {"select-recall", "trust in what is recalled, which neighbours are the same", 128, S},
};

_Static_assert(CONTEXTS == IMAGE_DRAWING_N_DECLARATIONS, "the header's number");
_Static_assert(sizeof image_drawing_declarations / sizeof *image_drawing_declarations == CONTEXTS,
               "one declaration for each context");

// A slot is found by the upper bits of a hash; trust takes the place of the lower three.
typedef struct slot {
    uint32_t tag; // 0: empty
    uint32_t pixel;
} slot;

typedef struct stream {
    uint32_t *pixels; // (ROWS, stride)
    uint32_t *rows[ROWS];
    uint32_t at;      // byte of the row
    uint32_t pixel;   // of the row
    uint32_t channel; // byte of the pixel
    uint32_t current; // the pixel's bytes that are known, low ones first
    // Of the current pixel.
    uint32_t hashes[RECALLS];
    uint32_t recalled[RECALLS];
    uint8_t trust[RECALLS]; // 0: none, or wrong already
    uint32_t matched;       // what the match says
    bool matches;
    // The match.
    uint32_t from, length;           // place in the history, pixels that agreed; from == 0: none
    uint64_t last;                   // hash of the pixels before
    uint8_t errors[PIXEL_BYTES_MAX]; // of the channels known, token minus centre
    uint8_t centre;
    uint8_t edges[2][IMAGE_EDGE_BYTES]; // prefix and suffix of the row above, and of this one
} stream;

typedef struct machine {
    image_layout layout;
    uint32_t pixel_bytes, row_bytes, sample_row, stride, n_streams;
    slot *recall[RECALLS]; // (2^RECALL_LOG2_MAX), all there from the start: learning cannot fail
    uint32_t recall_log2;  // of those in use, so that small pictures touch little memory
    uint32_t n_learned;    // since as many are in use
    // Pixels in the order they became known // (2^HISTORY_LOG2). Those of several streams
    // interleave, so that matches find little; groups without a transformer have one.
    uint32_t *history;
    uint32_t n_history;
    uint32_t
        *runs; // (2^MATCH_LOG2) where pixels like the last four were, counted from 1; 0: nowhere
    stream streams[];
} machine;

static uint64_t mixed(uint64_t h, uint32_t a, uint32_t b)
{
    h = (h ^ ((uint64_t)a << 32 | b)) * UINT64_C(0xD6E8FEB86659FD93);
    return h ^ h >> 32;
}

static uint32_t hash(uint32_t index, uint32_t a, uint32_t b)
{
    return (uint32_t)(mixed((index + 1) * UINT64_C(0x9E3779B97F4A7C15), a, b) >> 32);
}

// ---- Is it one? ----

// At most COLOURS_FEW different pixels?
static bool few_colours(const uint8_t *rows, uint32_t n_rows, const image_layout *layout)
{
    uint32_t set[COLOURS_SLOTS], n = 0;
    bool full[COLOURS_SLOTS] = {false};
    const uint32_t size = image_pixel_bytes(layout), row = image_row_bytes(layout);
    for (uint32_t y = 0; y < n_rows; y++)
        for (uint32_t x = 0; x < layout->width; x++) {
            uint32_t pixel = 0;
            memcpy(&pixel, rows + (size_t)y * row + layout->prefix + (size_t)x * size, size);
            uint32_t at = hash(0, pixel, 0) % COLOURS_SLOTS;
            while (full[at] && set[at] != pixel)
                at = (at + 1) % COLOURS_SLOTS;
            n += !full[at];
            full[at] = true;
            set[at] = pixel;
            if (n > COLOURS_FEW)
                return false;
        }
    return true;
}

// Of a hundred pixels, how many are the same as the one to the left or above?
static uint32_t same_as_near(const uint8_t *rows, uint32_t n_rows, const image_layout *layout)
{
    const uint32_t size = image_pixel_bytes(layout), row = image_row_bytes(layout);
    uint64_t same = 0, all = 1;
    for (uint32_t y = 1; y < n_rows; y++) {
        const uint8_t *at = rows + (size_t)y * row + layout->prefix;
        for (uint32_t x = 1; x < layout->width; x++) {
            at += size;
            same += memcmp(at, at - size, size) == 0 || memcmp(at, at - row, size) == 0;
        }
        all += layout->width - 1;
    }
    return (uint32_t)(same * 100 / all);
}

bool image_is_drawing(const uint8_t *rows, uint32_t n_rows, const image_layout *layout,
                      bool indexed)
{
    if (layout->sample_bytes != 1)
        return false;
    if (layout->channels == 1) // of grey ones the photographs have few values too
        return indexed || same_as_near(rows, n_rows, layout) > SAME_OF_GREY;
    return same_as_near(rows, n_rows, layout) > SAME_OF_COLOURS ||
           (n_rows > 0 && few_colours(rows, n_rows, layout));
}

// ---- Creation ----

int32_t image_drawing_geometry(const void *params, uint32_t params_bytes,
                               vlmc_token_geometry *geometry)
{
    image_layout layout;
    if (!image_layout_read(params, params_bytes, &layout) || layout.sample_bytes != 1)
        return VLMC_PLUGIN_INVALID;
    return image_pixel_geometry(params, params_bytes, geometry);
}

static int32_t create_stream(machine *m, stream *s, uint64_t first_token)
{
    s->pixels = calloc((size_t)ROWS * m->stride, sizeof *s->pixels);
    if (!s->pixels)
        return VLMC_PLUGIN_MEMORY;
    for (uint32_t up = 0; up < ROWS; up++)
        s->rows[up] = s->pixels + (size_t)up * m->stride + MARGIN;
    s->at = (uint32_t)(first_token % m->row_bytes);
    if (!image_at_edge(&m->layout, m->sample_row, s->at)) {
        s->pixel = (s->at - m->layout.prefix) / m->pixel_bytes;
        s->channel = (s->at - m->layout.prefix) % m->pixel_bytes;
    }
    return VLMC_PLUGIN_OK;
}

static bool create_tables(machine *m)
{
    bool ok = true;
    for (uint32_t i = 0; i < RECALLS; i++)
        ok &= (m->recall[i] = calloc((size_t)1 << RECALL_LOG2_MAX, sizeof(slot))) != NULL;
    m->recall_log2 = RECALL_LOG2_MIN;
    m->history = calloc((size_t)1 << HISTORY_LOG2, sizeof *m->history);
    m->runs = calloc((size_t)1 << MATCH_LOG2, sizeof *m->runs);
    return ok && m->history && m->runs;
}

int32_t image_drawing_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                                      const uint64_t *first_tokens, void **state)
{
    image_layout layout;
    *state = NULL;
    if (!image_layout_read(params, params_bytes, &layout) || layout.sample_bytes != 1 ||
        n_streams > VLMC_PLUGIN_STREAMS_MAX)
        return VLMC_PLUGIN_INVALID;
    machine *m = calloc(1, sizeof *m + n_streams * sizeof(stream));
    if (!m)
        return VLMC_PLUGIN_MEMORY;
    m->layout = layout;
    m->pixel_bytes = image_pixel_bytes(&layout);
    m->row_bytes = image_row_bytes(&layout);
    m->sample_row = layout.width * m->pixel_bytes;
    m->stride = layout.width + 2 * MARGIN;
    m->n_streams = n_streams;
    int32_t result = create_tables(m) ? VLMC_PLUGIN_OK : VLMC_PLUGIN_MEMORY;
    for (uint32_t i = 0; i < n_streams && result == VLMC_PLUGIN_OK; i++)
        result = create_stream(m, &m->streams[i], first_tokens[i]);
    if (result != VLMC_PLUGIN_OK) {
        image_drawing_contexts_destroy(m);
        return result;
    }
    *state = m;
    return VLMC_PLUGIN_OK;
}

void image_drawing_contexts_destroy(void *state)
{
    machine *m = state;
    if (!m)
        return;
    for (uint32_t i = 0; i < m->n_streams; i++)
        free(m->streams[i].pixels);
    for (uint32_t i = 0; i < RECALLS; i++)
        free(m->recall[i]);
    free(m->history);
    free(m->runs);
    free(m);
}

// ---- Recall and match ----

// What is known of the next pixel before its first channel.
static void look(machine *m, stream *s)
{
    const uint32_t *const *rows = (const uint32_t *const *)s->rows;
    const uint32_t x = s->pixel;
#define AT(dx, up) rows[up][(int32_t)x + (dx)]
    uint64_t h = mixed(UINT64_C(0x9E3779B97F4A7C15), AT(-1, 0), AT(0, 1));
    s->hashes[0] = (uint32_t)((h = mixed(h, AT(-1, 1), AT(1, 1))) >> 32);
    h = mixed(h, AT(-2, 0), AT(0, 2));
    s->hashes[1] = (uint32_t)((h = mixed(h, AT(2, 1), AT(-2, 1))) >> 32);
    h = mixed(h, AT(-3, 0), AT(0, 3));
    h = mixed(h, AT(-1, 2), AT(1, 2));
    s->hashes[2] = (uint32_t)((h = mixed(h, AT(3, 1), AT(-3, 1))) >> 32);
#undef AT
    for (uint32_t i = 0; i < RECALLS; i++) {
        const slot *found = &m->recall[i][s->hashes[i] >> (32 - m->recall_log2)];
        s->trust[i] =
            (found->tag ^ s->hashes[i]) > TRUST_MAX ? 0 : (uint8_t)(found->tag & TRUST_MAX);
        s->recalled[i] = found->pixel;
    }
    s->matches = s->from != 0;
    s->matched = s->matches ? m->history[s->from & ((1u << HISTORY_LOG2) - 1)] : 0;
}

// Twice the slots: a hash says where each of them goes.
static void grow(machine *m)
{
    for (uint32_t i = 0; i < RECALLS; i++)
        for (uint32_t k = 1u << m->recall_log2; k-- > 0;) {
            const slot old = m->recall[i][k];
            memset(&m->recall[i][2 * k], 0, 2 * sizeof old);
            if (old.tag)
                m->recall[i][old.tag >> (31 - m->recall_log2)] = old;
        }
    m->recall_log2++;
    m->n_learned = 0;
}

static void learn_recall(machine *m, const stream *s, uint32_t pixel)
{
    if (m->n_learned++ >> (m->recall_log2 - 1) && m->recall_log2 < RECALL_LOG2_MAX)
        grow(m);
    for (uint32_t i = 0; i < RECALLS; i++) {
        const uint32_t tag = s->hashes[i] & ~TRUST_MAX;
        slot *at = &m->recall[i][s->hashes[i] >> (32 - m->recall_log2)];
        const uint32_t trust = at->tag & TRUST_MAX;
        const bool same = at->tag - trust == tag && at->pixel == pixel;
        if (same)
            at->tag += trust < TRUST_MAX;
        else if (at->tag - trust == tag && trust > 3)
            at->tag = tag | 1; // one that was right for long is given another chance
        else
            *at = (slot){tag | 1, pixel};
    }
}

static void learn_match(machine *m, stream *s, uint32_t pixel)
{
    const uint32_t place = ++m->n_history, mask = (1u << HISTORY_LOG2) - 1;
    m->history[place & mask] = pixel;
    if (s->from) {
        s->length = s->matched == pixel ? s->length + 1 : 0;
        s->from = s->length ? s->from + 1 : 0;
    }
    // Of the last four pixels: those before are shifted out.
    s->last = (s->last + pixel + 1) * (UINT64_C(0x9E3779B97F4A7C15) << 16);
    uint32_t *run = &m->runs[s->last >> (64 - MATCH_LOG2)];
    if (!s->from && *run && place - *run < mask)
        s->from = *run + 1;
    *run = place;
}

// ---- Contexts ----

static uint32_t clamped(int32_t d, int32_t limit)
{
    return (uint32_t)((d > limit ? limit : d < -limit ? -limit : d) + limit);
}

// 0..8
static uint32_t coarse(int32_t d)
{
    const int32_t size = abs(d), level = size < 1    ? 0
                                         : size < 3  ? 1
                                         : size < 9  ? 2
                                         : size < 33 ? 3
                                                     : 4;
    return (uint32_t)(d < 0 ? 4 - level : 4 + level);
}

static int32_t median(int32_t west, int32_t north, int32_t north_west)
{
    const int32_t lo = west < north ? west : north, hi = west < north ? north : west;
    const int32_t plane = west + north - north_west;
    return plane < lo ? lo : plane > hi ? hi : plane;
}

static int32_t byte_of(uint32_t pixel, uint32_t channel)
{
    return (int32_t)(pixel >> 8 * channel & 255);
}

static uint32_t length_class(const stream *s)
{
    const uint32_t n = s->length;
    return !s->matches ? 0
           : n < 1     ? 1
           : n < 4     ? 2
           : n < 16    ? 3
           : n < 32    ? 4
           : n < 128   ? 5
           : n < 512   ? 6
                       : 7;
}

static void sample_contexts(machine *m, stream *s, uint32_t *c, uint32_t *centre)
{
    const uint32_t channel = s->channel;
    if (channel == 0)
        look(m, s);
    else { // what was wrong about the channel before says nothing of this one
        const uint32_t known = UINT32_MAX >> (32 - 8 * channel);
        for (uint32_t i = 0; i < RECALLS; i++)
            if ((s->recalled[i] ^ s->current) & known)
                s->trust[i] = 0;
        if ((s->matched ^ s->current) & known)
            s->matches = false;
    }
    const uint32_t *row = s->rows[0] + s->pixel, *above = s->rows[1] + s->pixel,
                   *above_2 = s->rows[2] + s->pixel;
    const uint32_t west = row[-1], north = above[0], north_west = above[-1], north_east = above[1];
    const int32_t w = byte_of(west, channel), n = byte_of(north, channel),
                  nw = byte_of(north_west, channel), ne = byte_of(north_east, channel);
    int32_t plane = median(w, n, nw);
    if (channel > 0 && m->pixel_bytes >= 3 && channel < 3) {
        const uint32_t b = channel - 1;
        plane = median(w - byte_of(west, b), n - byte_of(north, b), nw - byte_of(north_west, b)) +
                byte_of(s->current, b);
        plane = plane < 0 ? 0 : plane > 255 ? 255 : plane;
    }
    uint32_t best = 0;
    for (uint32_t i = 1; i < RECALLS; i++)
        best = s->trust[i] ? i : best;
    const uint32_t trust = s->trust[best];
    const uint32_t length = length_class(s);
    const int32_t expected = trust        ? byte_of(s->recalled[best], channel)
                             : s->matches ? byte_of(s->matched, channel)
                                          : plane;
    s->centre = (uint8_t)expected;
    *centre = (uint32_t)expected;
    uint32_t off[RECALLS]; // by which the recalled are from the centre, and their trust; 0: nothing
    for (uint32_t i = 0; i < RECALLS; i++)
        off[i] = s->trust[i] ? clamped(byte_of(s->recalled[i], channel) - expected, 255) +
                                   s->trust[i] * 512u
                             : 0;
    const uint32_t matched =
        s->matches ? clamped(byte_of(s->matched, channel) - expected, 255) + length * 512u : 0;
    const uint32_t kind = channel << 28, tail = hash(64, kind | (uint32_t)expected, s->current);
    c[CONTEXT_RECALL] = hash(0, kind | best << 16 | trust, matched);
    c[CONTEXT_MATCH] = hash(1, kind | matched, 0);
    c[CONTEXT_RECALLS] = hash(2, kind | off[0], off[1]);
    c[CONTEXT_FOUR] = hash(3, tail, s->hashes[0]);
    c[CONTEXT_TWO] = hash(5, tail, hash(66, west, north));
    c[CONTEXT_EIGHT] = hash(6, tail, s->hashes[1]);
    c[CONTEXT_FOURTEEN] = hash(7, tail, s->hashes[2]);
    c[CONTEXT_ABOVE] = hash(9, tail, hash(70, north, hash(71, north_east, above[2])));
    c[CONTEXT_NORTH] = hash(10, tail, hash(72, north, above_2[0]));
    c[CONTEXT_WEST] = hash(11, tail, west);
    c[CONTEXT_COLOUR] = tail;
    c[CONTEXT_SHAPE] = hash(13,
                            kind | coarse(w - expected) << 12 | coarse(n - expected) << 8 |
                                coarse(nw - expected) << 4 | coarse(ne - expected),
                            trust);
    c[CONTEXT_ERRORS] = hash(14,
                             kind | (channel > 0 ? s->errors[channel - 1] : 0u) << 8 |
                                 (channel > 1 ? s->errors[channel - 2] : 0u),
                             (trust > 0) | (uint32_t)s->matches << 1);
    c[CONTEXT_PLANE] =
        hash(15, kind | clamped(plane - expected, 255) << 9 | clamped(w - expected, 255),
             (uint32_t)abs(w - nw) < 3);
    c[CONTEXT_SMOOTH] = hash(16, kind | (uint32_t)plane << 8 | (uint32_t)expected, s->current);
    c[CONTEXT_SELECT_MATCH] =
        length << 4 | (uint32_t)(s->matches && byte_of(s->matched, channel) == expected) << 3 |
        channel;
    c[CONTEXT_SELECT_RECALL] = (trust ? best + 1 : 0) << 5 |
                               (trust == 0          ? 0u
                                : trust < 2         ? 1u
                                : trust < TRUST_MAX ? 2u
                                                    : 3u)
                                   << 3 |
                               (uint32_t)(west == north) << 2 |
                               (uint32_t)(north == north_east) << 1 |
                               (uint32_t)(west == north_west);
}

// A byte that is no sample: the one above is the best guess.
static void edge_contexts(const machine *m, stream *s, uint32_t *c, uint32_t *centre)
{
    const uint32_t at = image_edge_index(&m->layout, m->sample_row, s->at), above = s->edges[0][at];
    s->centre = (uint8_t)above;
    *centre = above;
    for (uint32_t i = 0; i < CONTEXTS; i++)
        c[i] = hash(80 + i, above, i & 1 ? at : 0);
    c[CONTEXT_SELECT_MATCH] = 127;
    c[CONTEXT_SELECT_RECALL] = 127;
}

void image_drawing_next_context(void *state, uint32_t stream_index, uint32_t *contexts,
                                uint32_t *centre)
{
    machine *m = state;
    stream *s = &m->streams[stream_index];
    if (image_at_edge(&m->layout, m->sample_row, s->at))
        edge_contexts(m, s, contexts, centre);
    else
        sample_contexts(m, s, contexts, centre);
}

// ---- Learning ----

static void end_row(const machine *m, stream *s)
{
    uint32_t *row = s->rows[0];
    for (uint32_t i = 0; i < MARGIN; i++) // right of a row its last pixel goes on
        row[m->layout.width + i] = row[m->layout.width - 1];
    memcpy(s->edges[0], s->edges[1], IMAGE_EDGE_BYTES);
    s->at = s->pixel = s->channel = 0;
    uint32_t *next = s->rows[ROWS - 1];
    memmove(s->rows + 1, s->rows, (ROWS - 1) * sizeof *s->rows);
    s->rows[0] = next;
    for (int32_t i = 1; i <= (int32_t)MARGIN;
         i++) // left of a row lies the first pixel of the one above
        next[-i] = row[0];
}

void image_drawing_push_token(void *state, uint32_t stream_index, uint32_t token)
{
    machine *m = state;
    stream *s = &m->streams[stream_index];
    if (image_at_edge(&m->layout, m->sample_row, s->at))
        s->edges[1][image_edge_index(&m->layout, m->sample_row, s->at)] = (uint8_t)token;
    else {
        s->errors[s->channel] = (uint8_t)(token - s->centre);
        s->current |= token << 8 * s->channel;
        if (++s->channel == m->pixel_bytes) {
            learn_recall(m, s, s->current);
            learn_match(m, s, s->current);
            s->rows[0][s->pixel++] = s->current;
            s->current = s->channel = 0;
        }
    }
    if (++s->at == m->row_bytes)
        end_row(m, s);
}
