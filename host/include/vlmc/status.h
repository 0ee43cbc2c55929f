// SPDX-License-Identifier: Apache-2.0
// Status codes and error detail, shared by every part of vlmc.
#ifndef VLMC_STATUS_H
#define VLMC_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Returned by every fallible function. Values are pinned: append, never renumber.
typedef enum vlmc_status {
    VLMC_OK = 0,
    VLMC_ERROR_MEMORY = 1,          // allocation failed
    VLMC_ERROR_IO = 2,              // a system call on a file failed; see os_error
    VLMC_ERROR_DAMAGED = 3,         // an archive's bytes are not what was written
    VLMC_ERROR_FORMAT = 4,          // not an archive, or not one this build reads
    VLMC_ERROR_MODEL_MISSING = 5,   // no model with the wanted identity
    VLMC_ERROR_MODEL_INVALID = 6,   // a model file that breaks its own format
    VLMC_ERROR_DEVICE = 7,          // no device, device lost, device out of memory
    VLMC_ERROR_SELFTEST = 8,        // a device computed something else than the reference
    VLMC_ERROR_EXISTS = 9,          // output exists and may not be replaced
    VLMC_ERROR_REFUSED = 10,        // unsafe path or a limit reached
    VLMC_ERROR_USAGE = 11,          // arguments that make no sense
    VLMC_ERROR_INTERRUPTED = 12,    // stopped by the user
    VLMC_ERROR_CATALOG = 13,        // the catalog could not be read or written
    VLMC_ERROR_UNSUPPORTED = 14,    // needs a part that this build or platform lacks
    VLMC_ERROR_PLUGIN = 15,         // a plugin refused, failed or broke its rules
    VLMC_ERROR_PLUGIN_MISSING = 16, // no plugin with the wanted tokenizer
    VLMC_ERROR_PASSPHRASE = 17,     // an archive's passphrase is another one or was not given
} vlmc_status;

#define VLMC_ERROR_TEXT_BYTES 512

// Caller-owned detail of the last failure. `text` is one sentence for the user
// that says what happened and, where something can be done, what to do.
typedef struct vlmc_error {
    vlmc_status status;
    int os_error;      // errno, or 0
    int32_t vk_result; // VkResult, or 0
    char text[VLMC_ERROR_TEXT_BYTES];
} vlmc_error;

// Fills `error` (may be NULL) and returns `status`, so that a failing function can
// write `return vlmc_fail(error, VLMC_ERROR_…, "…")`. [thread-safe]
vlmc_status vlmc_fail(vlmc_error *error, vlmc_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The same with errno: appends ": " and the system's message for os_error.
vlmc_status vlmc_fail_os(vlmc_error *error, vlmc_status status, int os_error, const char *format,
                         ...) __attribute__((format(printf, 4, 5)));

// Process exit code for a status (man page, "Exit status"): 0 ok, 2 failure,
// 3 damaged, 5 model or plugin missing or invalid, 6 self-test, 7 refused, 8 catalog, 64 usage,
// 130 interrupted.
int vlmc_exit_code(vlmc_status status);

// Forwards a failure to the caller.
#define VLMC_TRY(expr)                                                                             \
    do {                                                                                           \
        vlmc_status vlmc_try_status_ = (expr);                                                     \
        if (vlmc_try_status_ != VLMC_OK)                                                           \
            return vlmc_try_status_;                                                               \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif
