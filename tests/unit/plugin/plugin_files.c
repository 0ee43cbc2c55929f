// SPDX-License-Identifier: Apache-2.0
#include "plugin_files.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void note(void *user, const char *text)
{
    notice_log *log = user;
    log->n++;
    snprintf(log->last, sizeof log->last, "%s", text);
}

vlmc_plugin_notices log_to(notice_log *log)
{
    return (vlmc_plugin_notices){.notice = log ? note : NULL, .user = log};
}

static void plugin_file(const char *name, char file[PATH_MAX])
{
    snprintf(file, PATH_MAX, "%s/%s.so", getenv("VLMC_TEST_PLUGINS"), name);
}

vlmc_plugins *open_plugins(const char *const *names, uint32_t n, notice_log *log)
{
    static char files[16][PATH_MAX];
    const char *list[16];
    vlmc_plugins *plugins;
    vlmc_error error;
    for (uint32_t i = 0; i < n; i++) {
        plugin_file(names[i], files[i]);
        list[i] = files[i];
    }
    cr_assert_eq(vlmc_plugins_open_files(list, n, log_to(log), &plugins, &error), VLMC_OK, "%s",
                 error.text);
    return plugins;
}

const char *link_folder(const char *name, const char *const *plugins, uint32_t n)
{
    static char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/%s", getenv("VLMC_TEST_SCRATCH"), name);
    cr_assert(mkdir(folder, 0755) == 0 || errno == EEXIST);
    cr_assert_eq(chmod(folder, 0755), 0);
    for (uint32_t i = 0; i < n; i++) {
        char file[PATH_MAX];
        char link[2 * PATH_MAX];
        plugin_file(plugins[i], file);
        snprintf(link, sizeof link, "%s/%s.so", folder, plugins[i]);
        unlink(link);
        cr_assert_eq(symlink(file, link), 0);
    }
    return folder;
}

vlmc_worker *make_worker(vlmc_plugins *plugins)
{
    const vlmc_worker_options options = {
        .plugins = plugins, .program = getenv("VLMC_TEST_PROGRAM"), .seconds = 2};
    vlmc_worker *worker;
    vlmc_error error;
    cr_assert_eq(vlmc_worker_create(&options, &worker, &error), VLMC_OK, "%s", error.text);
    cr_assert(vlmc_worker_isolated(worker));
    return worker;
}

void begin_file(vlmc_worker *worker, const char *name, const void *bytes, size_t n)
{
    uint8_t *room;
    size_t capacity;
    cr_assert_eq(vlmc_worker_begin(worker, name, NULL), VLMC_OK);
    vlmc_worker_room(worker, &room, &capacity);
    cr_assert_leq(n, capacity);
    memcpy(room, bytes, n);
    vlmc_worker_add(worker, n);
}
