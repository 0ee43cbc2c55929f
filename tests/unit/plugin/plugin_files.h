// SPDX-License-Identifier: Apache-2.0
// The plugins of tests/plugins, for the tests of this folder.
#ifndef VLMC_TESTS_PLUGIN_FILES_H
#define VLMC_TESTS_PLUGIN_FILES_H

#include "plugin/registry.h"
#include "plugin/worker.h"

// Notices that were given.
typedef struct notice_log {
    uint32_t n;
    char last[VLMC_ERROR_TEXT_BYTES];
} notice_log;

vlmc_plugin_notices log_to(notice_log *log);

// A registry of some of the plugins, by name, in this order.
vlmc_plugins *open_plugins(const char *const *names, uint32_t n, notice_log *log);

// A folder in the test's scratch folder with links to these plugins; new for each `name`.
const char *link_folder(const char *name, const char *const *plugins, uint32_t n);

// A worker with a child, and a limit of two seconds.
vlmc_worker *make_worker(vlmc_plugins *plugins);

// Begins a file and puts these bytes into the window.
void begin_file(vlmc_worker *worker, const char *name, const void *bytes, size_t n);

#endif
