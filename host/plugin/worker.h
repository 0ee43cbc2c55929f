// SPDX-License-Identifier: Apache-2.0
// A child process in which plugins see untrusted bytes: analysis, encoding, decoding.
//
// A crash, a hang or a request for endless memory of a plugin ends that process and not this
// one: the call returns VLMC_ERROR_PLUGIN with a sentence that names the plugin and what
// happened, and the next call starts a new process. It is started when first needed, once for
// each vlmc_worker, loads the same plugins as the registry, and shares a few buffers with this
// process. Contexts (next_context, push_token) see tokens only and are used in this process.
//
// The child may use 1 GiB of address space more than it has at its start, writes no core
// file, has no descriptor of this process but its own two, ends with this process, and is
// ended when a call into a plugin takes longer than the time limit. A plugin that has failed
// VLMC_WORKER_STRIKES times is not asked again for what it might claim (a notice says so).
// Without /proc/self/exe or memfd_create, plugins run in this process and none of that holds.
//
// Writing, for each file (the worker's window is a stretch of it):
//     begin → room/add until 64 KiB or the end → probe → nobody: plain bytes, all of it
//     repeat: room/add until the window is full (room gives none) or the file ends
//             next_segment → encode → use the tokens, or plain bytes → skip(segment bytes)
// The window is always filled up before next_segment, so that what an analyser sees does not
// depend on how the file was read.
//
// Segments are encoded whole before a token is used, so that a segment that cannot be
// brought back is plain bytes from its first byte. A segment longer than the window, or one
// with more tokens than VLMC_WORKER_TOKENS_MAX, is plain bytes; analysers therefore split long
// data, into segments of 32 MiB or less.
//
// Reading, for each segment: decode_begin → decode with the tokens in pieces of any size.
//
// [object]: one thread at a time for each worker; workers are independent.
#ifndef VLMC_PLUGIN_WORKER_H
#define VLMC_PLUGIN_WORKER_H

#include "registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>
#include <vlmc/status.h>

#define VLMC_WORKER_WINDOW_BYTES ((size_t)64 << 20)
#define VLMC_WORKER_PROBE_BYTES ((size_t)64 << 10)
#define VLMC_WORKER_TOKENS_MAX ((size_t)256 << 20)
#define VLMC_WORKER_MEMORY_BYTES ((uint64_t)1 << 30)
#define VLMC_WORKER_SECONDS 60u
#define VLMC_WORKER_STRIKES 3u

typedef struct vlmc_worker vlmc_worker;

typedef struct vlmc_worker_options {
    vlmc_plugins *plugins; // outlives the worker
    const char *program;   // NULL: this program; else a path of vlmc (for tests)
    uint32_t seconds;      // of a call without progress; 0: VLMC_WORKER_SECONDS
    uint64_t memory_bytes; // beyond the start; 0: VLMC_WORKER_MEMORY_BYTES
    bool in_process;       // no child (for tests and debuggers)
    // True when the user wants to stop: a call that takes longer than two seconds from then on
    // is given up with VLMC_ERROR_INTERRUPTED. NULL: never.
    bool (*stop_wanted)(void *user);
    void *user;
} vlmc_worker_options;

// What probe found. Strings live as long as the registry.
typedef struct vlmc_worker_probe {
    const vlmc_loaded_plugin *plugin; // NULL: nobody claims the file
    uint32_t confidence;              // 1..100 with a plugin
} vlmc_worker_probe;

typedef struct vlmc_worker_segment {
    uint64_t bytes;                  // >= 1; maybe more than the window holds
    const vlmc_tokenizer *tokenizer; // NULL: plain bytes
    const uint8_t *params;           // (params_bytes), until the next call of next_segment
    uint32_t params_bytes;
} vlmc_worker_segment;

typedef struct vlmc_worker_tokens {
    const uint8_t *tokens; // (n), until the next call of any function of this worker but skip
    size_t n;
} vlmc_worker_tokens;

// Starts nothing yet.
vlmc_status vlmc_worker_create(const vlmc_worker_options *options, vlmc_worker **worker,
                               vlmc_error *error);
void vlmc_worker_destroy(vlmc_worker **worker);

// True when plugins run in a process of their own.
bool vlmc_worker_isolated(const vlmc_worker *worker);

// ---- The window ----

// Starts a file: the window is empty, the analysis of the file before is over. `name` is its
// name as a hint for plugins, or NULL; copied.
vlmc_status vlmc_worker_begin(vlmc_worker *worker, const char *name, vlmc_error *error);

// Where the next bytes of the file go: *capacity of them, 0 when the window is full. The
// address holds until the next call of any function of this worker.
void vlmc_worker_room(vlmc_worker *worker, uint8_t **bytes, size_t *capacity);

// `n` bytes, at most the capacity, were put there.
void vlmc_worker_add(vlmc_worker *worker, size_t n);

// What the window holds, from the current position on; until the next call of room.
void vlmc_worker_window(const vlmc_worker *worker, const uint8_t **bytes, size_t *n);

// Moves the current position by n bytes, at most what the window holds. The part of a longer
// segment that lies behind the window is not the worker's business: read on by yourself, with
// the window empty.
void vlmc_worker_skip(vlmc_worker *worker, size_t n);

// ---- Writing ----
//
// VLMC_ERROR_UNSUPPORTED: nothing went wrong, but these bytes are plain bytes; no notice needed.
// VLMC_ERROR_PLUGIN: plain bytes too; the sentence ("the plugin image crashed …") is worth a
// notice with the name of the file before it. Anything else is a failure of this process.

// Which plugin takes the file, by its first bytes: VLMC_WORKER_PROBE_BYTES of them, or all when
// the window holds fewer. The highest confidence wins, the first id in byte order among equals.
vlmc_status vlmc_worker_probe_file(vlmc_worker *worker, vlmc_worker_probe *probe,
                                   vlmc_error *error);

// What lies at the current position, by the analyser of the plugin that probe_file found. With
// at_end the window holds all that is left of the file. After a failure the rest of the file
// is plain bytes: do not call it again.
vlmc_status vlmc_worker_next_segment(vlmc_worker *worker, bool at_end, vlmc_worker_segment *segment,
                                     vlmc_error *error);

// Turns the first `bytes` bytes of the window, all of one segment, into tokens that are known to
// decode to exactly these bytes, whatever the pieces that they are fed in. Parameters may come
// from next_segment or from elsewhere. After a crash here the rest of the file is plain bytes too:
// next_segment says so.
vlmc_status vlmc_worker_encode(vlmc_worker *worker, const vlmc_tokenizer *tokenizer,
                               const void *params, uint32_t params_bytes, size_t bytes,
                               vlmc_worker_tokens *tokens, vlmc_error *error);

// ---- Reading ----
//
// VLMC_ERROR_DAMAGED: the decoder does not take these parameters or tokens, or makes another
// number of bytes. VLMC_ERROR_PLUGIN: the plugin crashed, hung or used too much memory.

// Bytes of a segment, in order; a failure ends the decoding and is handed on.
typedef vlmc_status (*vlmc_worker_sink)(void *user, const uint8_t *bytes, size_t n,
                                        vlmc_error *error);

// Starts a segment that has `bytes` bytes. One segment at a time: this ends the one before.
vlmc_status vlmc_worker_decode_begin(vlmc_worker *worker, const vlmc_tokenizer *tokenizer,
                                     const void *params, uint32_t params_bytes, uint64_t bytes,
                                     vlmc_error *error);

// Feeds tokens, of any number, and hands the bytes that they make to `sink`; `ended`: they are
// the last, and all bytes must have been made when this returns. After a failure only
// decode_begin may follow. Do not call this worker from within the sink.
vlmc_status vlmc_worker_decode(vlmc_worker *worker, const uint8_t *tokens, size_t n, bool ended,
                               vlmc_worker_sink sink, void *user, vlmc_error *error);

// ---- The child ----

// The whole life of the child: `vlmc plugin-worker ARGUMENT…`, started by vlmc_worker and by
// nobody else. Returns the exit code. argv[0] is "plugin-worker".
int vlmc_worker_main(int argc, char **argv);

#endif
