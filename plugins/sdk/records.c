// SPDX-License-Identifier: Apache-2.0
// A plugin for vlmc, to copy and change: files of records that all have the same width, as
// instruments and old databases write them.
//
//     offset 0   "REC1"           what the analyser knows such a file by
//     offset 4   16 bits, little-endian: the width of a record in bytes, 1..4096
//     offset 6   two zero bytes
//     offset 8   records; the last one may be cut short
//
// In columns of records, a value often differs from the one above by as much as that one did
// from the one above it. So the tokens are differences to the record above, and the model and
// the mixer are told the column and what the difference above was.
//
// docs/plugins.md of vlmc explains each function; the rules are at the head of vlmc/plugin.h.
#include <stdlib.h>
#include <string.h>
#include <vlmc/plugin.h>

#define HEADER_BYTES 8u
#define WIDTH_MAX 4096u
#define PARAMS_BYTES 2u // the width, little-endian
#define SEGMENT_BYTES_MAX (32u << 20)

// ---- Parameters: what the archive stores for each segment ----

// 0 when no width_write wrote them: parameters come from archives, which may be anybody's.
static uint32_t width_read(const void *params, uint32_t params_bytes)
{
    const uint8_t *bytes = params;
    if (params_bytes != PARAMS_BYTES)
        return 0;
    const uint32_t width = bytes[0] | (uint32_t)bytes[1] << 8;
    return width <= WIDTH_MAX ? width : 0;
}

static void width_write(uint32_t width, void *params)
{
    uint8_t *bytes = params;
    bytes[0] = (uint8_t)(width & 255);
    bytes[1] = (uint8_t)(width >> 8);
}

// `--as records.delta:width=12`, for files without the header.
static int32_t parse_params(const char *text, void *params, uint32_t *params_bytes)
{
    static const char key[] = "width=";
    if (strncmp(text, key, strlen(key)) != 0)
        return VLMC_PLUGIN_INVALID;
    uint32_t width = 0;
    const char *digit = text + strlen(key);
    for (; *digit >= '0' && *digit <= '9' && width <= WIDTH_MAX; digit++)
        width = 10 * width + (uint32_t)(*digit - '0');
    if (*digit || width < 1 || width > WIDTH_MAX)
        return VLMC_PLUGIN_INVALID;
    if (*params_bytes < PARAMS_BYTES)
        return VLMC_PLUGIN_MEMORY;
    width_write(width, params);
    *params_bytes = PARAMS_BYTES;
    return VLMC_PLUGIN_OK;
}

// Streams start with a record, so that a token's column is known from its number.
static int32_t geometry(const void *params, uint32_t params_bytes, vlmc_token_geometry *geometry)
{
    const uint32_t width = width_read(params, params_bytes);
    if (!width)
        return VLMC_PLUGIN_INVALID;
    geometry->align_tokens = width;
    geometry->stream_tokens = 8192;
    return VLMC_PLUGIN_OK;
}

// ---- Bytes to tokens and back ----

typedef struct converter {
    uint32_t width;
    uint32_t column;
    uint8_t above[WIDTH_MAX]; // the record above; zeros at first
} converter;

static int32_t converter_create(const void *params, uint32_t params_bytes, void **object)
{
    const uint32_t width = width_read(params, params_bytes);
    converter *c = NULL;
    *object = NULL;
    if (!width)
        return VLMC_PLUGIN_INVALID;
    c = calloc(1, sizeof *c);
    if (!c)
        return VLMC_PLUGIN_MEMORY;
    c->width = width;
    *object = c;
    return VLMC_PLUGIN_OK;
}

static void converter_destroy(void *object)
{
    free(object);
}

// Takes what fits; may be called with any little of input and room.
static int32_t convert(converter *c, vlmc_plugin_io *io, int decoding)
{
    size_t n = io->in_bytes < io->out_capacity ? io->in_bytes : io->out_capacity;
    for (size_t i = 0; i < n; i++) {
        const uint8_t above = c->above[c->column];
        const uint8_t made = (uint8_t)(decoding ? io->in[i] + above : io->in[i] - above);
        c->above[c->column] = decoding ? made : io->in[i];
        c->column = c->column + 1 < c->width ? c->column + 1 : 0;
        io->out[i] = made;
    }
    io->in_used = io->out_made = n;
    io->out_ended = io->in_ended && n == io->in_bytes;
    return VLMC_PLUGIN_OK;
}

static int32_t encode(void *encoder, vlmc_plugin_io *io)
{
    return convert(encoder, io, 0);
}

static int32_t decode(void *decoder, vlmc_plugin_io *io)
{
    return convert(decoder, io, 1);
}

// ---- Side contexts: what is known before a token is ----

#define COLUMNS 512u // told apart; wider records share numbers

static const vlmc_context_declaration declarations[] = {
    // EMBED: a model may learn a vector for each value. SELECT: weights of their own.
    {"column", "the column in the record", COLUMNS, VLMC_CONTEXT_EMBED | VLMC_CONTEXT_SELECT},
    {"above", "the difference above", 256, VLMC_CONTEXT_EMBED},
    // MIX: an adaptive statistic for each value; with cardinality 0 any 32 bits will do.
    {"column-above", "the column and the difference above", 0, VLMC_CONTEXT_MIX},
    {"column-left", "the column and the difference to the left", 0, VLMC_CONTEXT_MIX},
    {"column-above-left", "all three", 0, VLMC_CONTEXT_MIX},
};

#define N_CONTEXTS (sizeof declarations / sizeof declarations[0])

typedef struct stream {
    uint32_t column;
    uint8_t left;
    uint8_t above[WIDTH_MAX]; // tokens; zeros at first, for a stream knows none before its own
} stream;

typedef struct contexts {
    uint32_t width;
    stream streams[VLMC_PLUGIN_STREAMS_MAX];
} contexts;

static int32_t contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                               const uint64_t *first_tokens, void **state)
{
    const uint32_t width = width_read(params, params_bytes);
    contexts *c = NULL;
    (void)first_tokens; // multiples of align_tokens: every stream starts in column 0
    *state = NULL;
    if (!width || n_streams < 1 || n_streams > VLMC_PLUGIN_STREAMS_MAX)
        return VLMC_PLUGIN_INVALID;
    c = calloc(1, sizeof *c);
    if (!c)
        return VLMC_PLUGIN_MEMORY;
    c->width = width;
    *state = c;
    return VLMC_PLUGIN_OK;
}

static void contexts_destroy(void *state)
{
    free(state);
}

static void next_context(void *state, uint32_t index, uint32_t *values, uint32_t *centre)
{
    const stream *s = &((const contexts *)state)->streams[index];
    const uint32_t above = s->above[s->column];
    values[0] = s->column % COLUMNS;
    values[1] = above;
    values[2] = s->column << 8 | above;
    values[3] = s->column << 8 | s->left;
    values[4] = s->column << 16 | above << 8 | s->left;
    *centre = 0;
}

static void push_token(void *state, uint32_t index, uint32_t token)
{
    contexts *c = state;
    stream *s = &c->streams[index];
    s->above[s->column] = s->left = (uint8_t)token;
    s->column = s->column + 1 < c->width ? s->column + 1 : 0;
}

static const vlmc_tokenizer records_delta = {
    .struct_size = sizeof(vlmc_tokenizer),
    .version = 1, // a new one whenever archives of the old one would not open any more
    .id = "records.delta",
    .modality = "records",
    .description = "records of fixed width, as differences to the record above",
    .default_model = NULL, // none was trained: the mixer alone
    .alphabet = 256,
    .flags = 0,
    .n_contexts = N_CONTEXTS,
    .contexts = declarations,
    .parse_params = parse_params,
    .geometry = geometry,
    .encoder_create = converter_create,
    .encode = encode,
    .encoder_destroy = converter_destroy,
    .decoder_create = converter_create,
    .decode = decode,
    .decoder_destroy = converter_destroy,
    .contexts_create = contexts_create,
    .next_context = next_context,
    .push_token = push_token,
    .contexts_destroy = contexts_destroy,
};

// ---- The analyser: which files, and which of their bytes ----

typedef struct analysis {
    uint32_t width; // 0: the header was not seen yet
    uint8_t params[PARAMS_BYTES];
} analysis;

static uint32_t header_width(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes < HEADER_BYTES || memcmp(bytes, "REC1", 4) != 0 || bytes[6] || bytes[7])
        return 0;
    return width_read(bytes + 4, 2);
}

static uint32_t probe(const uint8_t *bytes, size_t n_bytes, const char *name)
{
    (void)name; // names lie
    return header_width(bytes, n_bytes) ? 90 : 0;
}

static int32_t analysis_create(const char *name, void **object)
{
    (void)name;
    *object = calloc(1, sizeof(analysis));
    return *object ? VLMC_PLUGIN_OK : VLMC_PLUGIN_MEMORY;
}

static void analysis_destroy(void *object)
{
    free(object);
}

// First the header, as plain bytes, then the records in pieces.
static int32_t next(void *object, const uint8_t *bytes, size_t n_bytes, uint32_t at_end,
                    vlmc_segment *segment)
{
    analysis *a = object;
    memset(segment, 0, sizeof *segment);
    if (!a->width) {
        a->width = header_width(bytes, n_bytes);
        segment->bytes = HEADER_BYTES;
        return a->width ? VLMC_PLUGIN_OK : VLMC_PLUGIN_UNSUPPORTED;
    }
    if (n_bytes > SEGMENT_BYTES_MAX || !at_end) {
        const size_t most = n_bytes < SEGMENT_BYTES_MAX ? n_bytes : SEGMENT_BYTES_MAX;
        segment->bytes = most - most % a->width; // whole records
        if (!segment->bytes)
            return VLMC_PLUGIN_UNSUPPORTED;
    } else {
        segment->bytes = n_bytes;
    }
    width_write(a->width, a->params);
    segment->tokenizer = records_delta.id;
    segment->params = a->params;
    segment->params_bytes = PARAMS_BYTES;
    return VLMC_PLUGIN_OK;
}

static const vlmc_analyser analyser = {
    .struct_size = sizeof(vlmc_analyser),
    .probe = probe,
    .create = analysis_create,
    .next = next,
    .destroy = analysis_destroy,
};

// ---- The plugin: the one symbol that vlmc looks for ----

static const vlmc_tokenizer *const tokenizers[] = {&records_delta};

static const vlmc_tokenizer_factory tokenizer_factory = {
    .struct_size = sizeof(vlmc_tokenizer_factory),
    .n_tokenizers = 1,
    .tokenizers = tokenizers,
};

static const void *factory(const char *id)
{
    if (strcmp(id, VLMC_FACTORY_TOKENIZERS) == 0)
        return &tokenizer_factory;
    if (strcmp(id, VLMC_FACTORY_ANALYSER) == 0)
        return &analyser;
    return NULL; // asked for something newer
}

const vlmc_plugin vlmc_plugin_entry = {
    .struct_size = sizeof(vlmc_plugin),
    .abi = VLMC_PLUGIN_ABI,
    .id = "records", // and the file is records.so
    .version = "1.0.0",
    .name = "Records of fixed width",
    .licence = "Apache-2.0",
    .factory = factory,
};
