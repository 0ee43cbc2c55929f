// SPDX-License-Identifier: Apache-2.0
// The side of a worker that calls plugins: serves one message after the other, on the shared
// memory. Runs in the child, or in the parent where there is none.
#ifndef VLMC_PLUGIN_SESSION_H
#define VLMC_PLUGIN_SESSION_H

#include "shared.h"

typedef struct vlmc_session vlmc_session;

// `window` is only read.
typedef struct vlmc_session_memory {
    vlmc_shared_head *head;
    const uint8_t *window; // (VLMC_SHARED_WINDOW_BYTES)
    uint8_t *tokens;       // (VLMC_SHARED_TOKEN_BYTES)
} vlmc_session_memory;

// All borrowed until the session is destroyed. NULL: not enough memory.
vlmc_session *vlmc_session_create(vlmc_plugins *plugins, vlmc_session_memory memory);
void vlmc_session_destroy(vlmc_session **session);

// Messages come from this program itself and are not checked for what only the parent can know
// (that offsets lie in the window).
void vlmc_session_serve(vlmc_session *session, const vlmc_message *request, vlmc_message *reply);

#endif
