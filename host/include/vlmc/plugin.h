// SPDX-License-Identifier: Apache-2.0
// The plugin ABI, version 1: what a modality plugin offers to vlmc (docs/plugins.md).
//
// A plugin is a shared object that exports one symbol, `vlmc_plugin_entry`. It turns
// stretches of files into tokens and back, and computes for each token what the model and
// the mixer should know before they see it. This header needs nothing but the C library
// and compiles as C11, C17 and C++17.
//
// Rules for every function:
//   pure        The result depends on the arguments and the object's own past calls alone:
//               no clock, no randomness, no environment, no files, no addresses, no
//               floating point, no mutable globals. An archive written here opens elsewhere.
//   bounded     Work per byte and memory are bounded; a size that a file declares is checked
//               before it is used.
//   hostile     Input may be anything. Refuse by a return value; never abort, exit, print or
//               let an exception out.
//   threads     [any] may be called from several threads at once. [object] one object is used
//               by one thread at a time; different objects are independent.
//   lifetimes   Pointers passed in are borrowed until the call returns. What a plugin points
//               to from a struct lives as long as the plugin is loaded.
//
// The ABI promise: structs only grow at their end, `struct_size` says how much of one its
// owner knows, values are never renumbered, and functions keep their meaning. A change that
// cannot be made so gets a new factory id and leaves the old one in place.
#ifndef VLMC_PLUGIN_H
#define VLMC_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VLMC_PLUGIN_ABI 1u

#if defined(__GNUC__) || defined(__clang__)
#define VLMC_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define VLMC_PLUGIN_EXPORT
#endif

// Limits of this ABI version.
#define VLMC_PLUGIN_ALPHABET_MAX 256u       // tokens are bytes
#define VLMC_PLUGIN_CONTEXTS_MAX 64u        // declared by one tokenizer
#define VLMC_PLUGIN_CARDINALITY_MAX 65536u  // of a context with VLMC_CONTEXT_EMBED
#define VLMC_PLUGIN_SELECT_MAX 1024u        // of a context with VLMC_CONTEXT_SELECT
#define VLMC_PLUGIN_PARAMS_BYTES_MAX 65536u // parameters of one segment
#define VLMC_PLUGIN_STREAMS_MAX 128u        // streams of one group

// What a function returns. Negative values are errors; the host then codes plain bytes
// (writing) or reports the file as damaged (reading).
enum vlmc_plugin_result {
    VLMC_PLUGIN_OK = 0,
    VLMC_PLUGIN_UNSUPPORTED = -1, // well-formed, but nothing that this plugin handles
    VLMC_PLUGIN_INVALID = -2,     // broken input or parameters
    VLMC_PLUGIN_MEMORY = -3,      // not enough memory, or more than the plugin allows itself
};

// ---- Tokenizers ----

// What a side context is used for; any combination.
enum vlmc_context_flags {
    VLMC_CONTEXT_EMBED = 1u,  // a model may have an embedding table for it: cardinality rows
    VLMC_CONTEXT_MIX = 2u,    // an adaptive context model of the mixer
    VLMC_CONTEXT_SELECT = 4u, // chooses weights of the mixer; at most two for each tokenizer
};

typedef struct vlmc_context_declaration {
    const char *name;     // short, lower case: "west", "activity"
    const char *meaning;  // one sentence for `vlmc plugin list --long`
    uint32_t cardinality; // values are 0..cardinality-1; 0: any 32-bit hash (MIX only)
    uint32_t flags;       // enum vlmc_context_flags
} vlmc_context_declaration;

enum vlmc_tokenizer_flags {
    // next_context gives a centre: the expected token. What is coded is the distance of the
    // token from it, small distances first, so that a model learns errors and not values.
    VLMC_TOKENIZER_CENTRED = 1u,
    // Segments of several files with equal parameters may follow each other in one group:
    // their tokens need nothing of where their file began. So the host may also encode a segment
    // in pieces, cut anywhere.
    VLMC_TOKENIZER_JOINS = 2u,
    // The mixer's own contexts (the last 1, 2, 3, 5, 7 tokens and the word) are of use too.
    VLMC_TOKENIZER_ORDERS = 4u,
};

// How the tokens of a segment may be cut. Groups and streams start at multiples of
// align_tokens from the segment's first token; above 2^20 they start anywhere.
typedef struct vlmc_token_geometry {
    uint32_t align_tokens;  // >= 1; 1: anywhere
    uint32_t stream_tokens; // tokens that a stream should have, about; 2048..2^20
} vlmc_token_geometry;

// One step of a streaming conversion, in the manner of zlib: the callee takes from `in`, puts
// to `out`, and says how much of each. It takes or puts something unless it needs more input or
// more room: a call with 64 KiB of each that does neither is an error. out_ended may be set only
// when in_ended is.
typedef struct vlmc_plugin_io {
    const uint8_t *in;
    size_t in_bytes;
    size_t in_used; // set by the callee
    uint8_t *out;
    size_t out_capacity;
    size_t out_made;    // set by the callee
    uint32_t in_ended;  // 1: nothing follows after `in`
    uint32_t out_ended; // set to 1 by the callee when all input has been turned into output
} vlmc_plugin_io;

typedef struct vlmc_tokenizer {
    uint32_t struct_size; // sizeof(vlmc_tokenizer)
    uint32_t version;     // a new one whenever tokens, contexts or parameters change their meaning
    const char *id;       // "image.pixels": lower case, digits, dots, at most 63 bytes
    const char *modality; // "text", "image", "audio", …
    const char *description;
    const char *default_model; // name of the model to code with, or NULL: the mixer alone
    uint32_t alphabet;         // 2..256; tokens are 0..alphabet-1
    uint32_t flags;            // enum vlmc_tokenizer_flags; unknown ones are refused
    uint32_t n_contexts;       // 0..VLMC_PLUGIN_CONTEXTS_MAX
    const vlmc_context_declaration *contexts; // (n_contexts)

    // Parameters from text as in `--as image.pixels:width=64,grey`. On input *params_bytes is the
    // capacity of `params`, on output its use. NULL: takes none. [any]
    int32_t (*parse_params)(const char *text, void *params, uint32_t *params_bytes);

    // Checks the parameters, whoever wrote them, and says how to cut. [any]
    int32_t (*geometry)(const void *params, uint32_t params_bytes, vlmc_token_geometry *geometry);

    // Bytes of a segment to tokens. An encoder may refuse anything at any time. Memory: at most
    // 256 MiB for each encoder or decoder. [object]
    int32_t (*encoder_create)(const void *params, uint32_t params_bytes, void **encoder);
    int32_t (*encode)(void *encoder, vlmc_plugin_io *io);
    void (*encoder_destroy)(void *encoder); // accepts NULL

    // Tokens to exactly the bytes that they came from. The host runs this while it encodes and
    // codes plain bytes when one differs. [object]
    int32_t (*decoder_create)(const void *params, uint32_t params_bytes, void **decoder);
    int32_t (*decode)(void *decoder, vlmc_plugin_io *io);
    void (*decoder_destroy)(void *decoder); // accepts NULL

    // The side contexts of one group of streams that advance in lock step, the same code for
    // both directions. first_tokens // (n_streams): each stream's first token, counted from the
    // start of the segment, a multiple of align_tokens (with VLMC_TOKENIZER_JOINS it says
    // nothing). A stream knows none of the tokens before its first; what it has seen since, and
    // what the other streams of the group have pushed, it may use. Memory: at most 64 MiB and 16
    // bytes for each token. [object]
    //
    // The host calls next_context once for each token of a stream, and push_token with what it
    // turned out to be before it asks for the next. The streams go in ascending order, all of them
    // or one half after the other: a stream's contexts may be asked for before another has pushed
    // its token of the step before. contexts // (n_contexts), each below its cardinality; *centre
    // below `alphabet`, 0 unless CENTRED. Aim at 100 ns for the two calls.
    int32_t (*contexts_create)(const void *params, uint32_t params_bytes, uint32_t n_streams,
                               const uint64_t *first_tokens, void **state);
    void (*next_context)(void *state, uint32_t stream, uint32_t *contexts, uint32_t *centre);
    void (*push_token)(void *state, uint32_t stream, uint32_t token);
    void (*contexts_destroy)(void *state); // accepts NULL
} vlmc_tokenizer;

#define VLMC_FACTORY_TOKENIZERS "vlmc.tokenizers/1"

typedef struct vlmc_tokenizer_factory {
    uint32_t struct_size; // sizeof(vlmc_tokenizer_factory)
    uint32_t n_tokenizers;
    const vlmc_tokenizer *const *tokenizers; // (n_tokenizers)
} vlmc_tokenizer_factory;

// ---- Analysers ----

// A stretch of a file and how to code it.
typedef struct vlmc_segment {
    uint64_t bytes;        // of the file, >= 1
    const char *tokenizer; // id, of this plugin; NULL: plain bytes
    uint32_t params_bytes; // 0..VLMC_PLUGIN_PARAMS_BYTES_MAX
    const void *params;    // lives until the next call for this object
} vlmc_segment;

#define VLMC_FACTORY_ANALYSER "vlmc.analyser/1"

typedef struct vlmc_analyser {
    uint32_t struct_size; // sizeof(vlmc_analyser)

    // Is this ours? The first bytes of a file (64 KiB, or all of a smaller one) → 0 no, 100 surely.
    // `name` is the file's name for hints, or NULL; a name alone is never enough. [any]
    uint32_t (*probe)(const uint8_t *bytes, size_t n_bytes, const char *name);

    // Splits one file into segments, in order. [object]
    int32_t (*create)(const char *name, void **analysis);
    // What lies at the current position: `bytes` is the file from there on, up to 64 MiB of it;
    // at_end: 1 when that is all. A segment may be longer than n_bytes only if its tokenizer
    // takes a file that ends early. After OK the host goes on behind the segment; after an error
    // the rest of the file is plain bytes. Called until the file is used up.
    int32_t (*next)(void *analysis, const uint8_t *bytes, size_t n_bytes, uint32_t at_end,
                    vlmc_segment *segment);
    void (*destroy)(void *analysis); // accepts NULL
} vlmc_analyser;

// ---- The plugin ----

// The exported symbol's type.
typedef struct vlmc_plugin {
    uint32_t struct_size; // sizeof(vlmc_plugin)
    uint32_t abi;         // VLMC_PLUGIN_ABI
    const char *id; // "image": as a tokenizer's id; a plugin's tokenizers begin with it and a dot
    const char *version; // of the software, for people: "1.0.2"
    const char *name;    // for people: "Photographs and drawings"
    const char *licence; // SPDX
    // A factory by its id, or NULL when the plugin has no such one. [any]
    const void *(*factory)(const char *id);
} vlmc_plugin;

extern VLMC_PLUGIN_EXPORT const vlmc_plugin vlmc_plugin_entry;

#ifdef __cplusplus
}
#endif
#endif
