// SPDX-License-Identifier: Apache-2.0
// What a worker and its child share: memory, and messages over a socket. Both are the same
// program, so layouts need no promise. The parent checks what comes back all the same: a
// plugin's fault may have written anywhere in the child.
#ifndef VLMC_PLUGIN_SHARED_H
#define VLMC_PLUGIN_SHARED_H

#include "registry.h"
#include "worker.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>
#include <vlmc/status.h>

#define VLMC_SHARED_NAME_BYTES 4096u
#define VLMC_SHARED_OUT_BYTES ((size_t)1 << 20)
#define VLMC_SHARED_WHY_BYTES 256u

// Descriptors of the child.
#define VLMC_CHILD_CONTROL_FD 3
#define VLMC_CHILD_SHARED_FD 4

// The function of a plugin that runs, for the sentence after a crash.
typedef enum vlmc_call {
    VLMC_CALL_NONE,
    VLMC_CALL_LOAD,
    VLMC_CALL_PROBE,
    VLMC_CALL_ANALYSE,
    VLMC_CALL_ENCODE,
    VLMC_CALL_PROOF, // decoding while it encodes
    VLMC_CALL_DECODE,
    VLMC_CALLS
} vlmc_call;

typedef struct vlmc_shared_head {
    _Atomic uint64_t progress;           // grows with each call of a plugin that returns
    _Atomic uint32_t call;               // vlmc_call
    _Atomic uint32_t file;               // whose
    uint8_t set_aside[VLMC_PLUGINS_MAX]; // by the parent: not probed
    char why[VLMC_PLUGINS_MAX][VLMC_SHARED_WHY_BYTES]; // by the child: refused
    char name[VLMC_SHARED_NAME_BYTES];                 // of the file; empty: unknown
    uint8_t params[VLMC_PLUGIN_PARAMS_BYTES_MAX];
    uint8_t in[VLMC_SHARED_OUT_BYTES];  // tokens to decode
    uint8_t out[VLMC_SHARED_OUT_BYTES]; // bytes that they made
} vlmc_shared_head;

// The window slides through its memory, so that moving bytes to its front is rare.
#define VLMC_SHARED_WINDOW_BYTES (VLMC_WORKER_WINDOW_BYTES + VLMC_WORKER_WINDOW_BYTES / 2)
#define VLMC_SHARED_TOKEN_BYTES (VLMC_WORKER_TOKENS_MAX + ((size_t)64 << 10))
#define VLMC_SHARED_WINDOW_AT ((sizeof(vlmc_shared_head) + 65535) / 65536 * 65536)
#define VLMC_SHARED_TOKENS_AT (VLMC_SHARED_WINDOW_AT + VLMC_SHARED_WINDOW_BYTES)
#define VLMC_SHARED_BYTES (VLMC_SHARED_TOKENS_AT + VLMC_SHARED_TOKEN_BYTES)

typedef enum vlmc_operation {
    VLMC_OPERATION_PROBE,  // offset, n → file, n (confidence); file VLMC_PLUGINS_MAX: nobody
    VLMC_OPERATION_NEXT,   // file, offset, n, flag (at_end) → index, bytes, params_bytes
    VLMC_OPERATION_ENCODE, // file, index, params_bytes, offset, n → n (tokens)
    VLMC_OPERATION_DECODE_BEGIN, // file, index, params_bytes, bytes
    VLMC_OPERATION_DECODE,       // n tokens in `in`, flag (ended) → n bytes in `out`, flag (more)
    VLMC_OPERATION_DECODE_MORE,  // → n bytes in `out`, flag (more)
} vlmc_operation;

#define VLMC_INDEX_BYTES UINT32_MAX // index: plain bytes

typedef struct vlmc_message {
    uint32_t operation;                    // vlmc_operation, or in a reply vlmc_status
    uint32_t file;                         // number of a plugin's file
    uint32_t index;                        // of a tokenizer within the plugin
    uint32_t version;                      // of the tokenizer
    char id[VLMC_PLUGIN_ID_BYTES_MAX + 1]; // of the tokenizer: a file may be replaced meanwhile
    uint32_t params_bytes;
    uint32_t flag;
    uint64_t offset; // in the window's memory
    uint64_t n;
    uint64_t bytes;
    char text[VLMC_ERROR_TEXT_BYTES]; // in a reply that is no success
} vlmc_message;

#endif
