// SPDX-License-Identifier: Apache-2.0
#include "plugin_files.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static vlmc_plugins *open_folder(const char *folder, notice_log *log)
{
    vlmc_plugins *plugins;
    vlmc_error error;
    cr_assert_eq(vlmc_plugins_open(&folder, 1, log_to(log), &plugins, &error), VLMC_OK);
    return plugins;
}

Test(registry, a_plugin_is_found_by_the_id_of_its_tokenizer)
{
    const char *const names[] = {"good", "lossy"};
    notice_log log = {0};
    const vlmc_tokenizer *tokenizer;
    vlmc_error error;
    vlmc_plugins *plugins = open_folder(link_folder("found", names, 2), &log);
    cr_assert_eq(vlmc_plugins_find(plugins, "good.xor", 1, &tokenizer, &error), VLMC_OK);
    cr_assert_str_eq(tokenizer->id, "good.xor");
    cr_assert_str_eq(vlmc_plugins_owner(plugins, tokenizer)->plugin->id, "good");
    cr_assert_eq(vlmc_plugins_count(plugins), 2);
    cr_assert_str_eq(vlmc_plugins_get(plugins, 1)->plugin->id, "lossy");
    cr_assert_null(vlmc_plugins_get(plugins, 2));
    cr_assert_eq(log.n, 0);
    vlmc_plugins_close(&plugins);
    cr_assert_null(plugins);
}

Test(registry, a_missing_tokenizer_is_told_from_one_of_another_version)
{
    const char *const names[] = {"good"};
    const vlmc_tokenizer *tokenizer;
    vlmc_error error;
    vlmc_plugins *plugins = open_folder(link_folder("version", names, 1), NULL);
    cr_assert_eq(vlmc_plugins_find(plugins, "good.xor", 7, &tokenizer, &error),
                 VLMC_ERROR_PLUGIN_MISSING);
    cr_assert_eq(tokenizer->version, 1);
    cr_assert(strstr(error.text, "version 7") && strstr(error.text, "good 1.0"), "%s", error.text);
    cr_assert_eq(vlmc_plugins_find(plugins, "good.other", 1, &tokenizer, &error),
                 VLMC_ERROR_PLUGIN_MISSING);
    cr_assert_null(tokenizer);
    cr_assert_eq(vlmc_plugins_find(plugins, "nobody.knows", 1, &tokenizer, &error),
                 VLMC_ERROR_PLUGIN_MISSING);
    cr_assert(strstr(error.text, "\"nobody\""), "%s", error.text);
    cr_assert_eq(vlmc_exit_code(error.status), 5);
    vlmc_plugins_close(&plugins);
}

Test(registry, ids_that_no_plugin_can_have_are_missing_and_not_printed)
{
    const char *const ids[] = {"", ".", "a..b", "../good.xor", "good.xor\n", "\x1b[2J", "Good.xor"};
    const char *const names[] = {"good"};
    vlmc_plugins *plugins = open_folder(link_folder("ids", names, 1), NULL);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const vlmc_tokenizer *tokenizer;
        vlmc_error error;
        cr_assert_eq(vlmc_plugins_find(plugins, ids[i], 1, &tokenizer, &error),
                     VLMC_ERROR_PLUGIN_MISSING);
        cr_assert_null(strpbrk(error.text, "\n\x1b"));
    }
    vlmc_plugins_close(&plugins);
}

Test(registry, broken_plugins_are_refused_with_one_notice_each)
{
    const char *const names[] = {"empty", "newer", "selects", "stranger"};
    const char *const words[] = {"vlmc_plugin_entry", "update vlmc", "SELECT", "tokenizer"};
    for (uint32_t i = 0; i < 4; i++) {
        char folder[32];
        notice_log log = {0};
        snprintf(folder, sizeof folder, "broken-%u", (unsigned)i);
        vlmc_plugins *plugins = open_folder(link_folder(folder, &names[i], 1), &log);
        cr_assert_eq(log.n, 0, "nothing is loaded before it is needed");
        cr_assert_eq(vlmc_plugins_count(plugins), 0);
        cr_assert_null(vlmc_plugins_load(plugins, 0));
        cr_assert_eq(log.n, 1);
        cr_assert(strstr(log.last, words[i]), "%s", log.last);
        vlmc_plugins_close(&plugins);
    }
}

Test(registry, a_file_must_have_the_name_of_its_plugin)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    notice_log log = {0};
    const char *folder = link_folder("renamed", NULL, 0);
    snprintf(from, sizeof from, "%s/good.so", getenv("VLMC_TEST_PLUGINS"));
    snprintf(to, sizeof to, "%s/better.so", folder);
    unlink(to);
    cr_assert_eq(symlink(from, to), 0);
    vlmc_plugins *plugins = open_folder(folder, &log);
    cr_assert_eq(vlmc_plugins_count(plugins), 0);
    cr_assert(strstr(log.last, "\"good.so\""), "%s", log.last);
    vlmc_plugins_close(&plugins);
}

Test(registry, folders_and_files_that_others_can_write_are_not_trusted)
{
    const char *const names[] = {"good"};
    const mode_t modes[] = {0777, 0775};
    for (size_t i = 0; i < 2; i++) {
        notice_log log = {0};
        const char *folder = link_folder("writable", names, 1);
        cr_assert_eq(chmod(folder, modes[i]), 0);
        vlmc_plugins *plugins = open_folder(folder, &log);
        cr_assert_eq(vlmc_plugins_n_files(plugins), 0);
        cr_assert_eq(log.n, 1);
        cr_assert(strstr(log.last, "others can write"), "%s", log.last);
        vlmc_plugins_close(&plugins);
        cr_assert_eq(chmod(folder, 0755), 0);
    }
}

static void write_file(const char *path, mode_t mode)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fputs("not even a library", file) < 0, 0);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(path, mode), 0);
}

Test(registry, a_link_is_judged_by_what_it_leads_to)
{
    char target[PATH_MAX];
    char link[PATH_MAX];
    notice_log log = {0};
    snprintf(target, sizeof target, "%s/real.so", getenv("VLMC_TEST_SCRATCH"));
    write_file(target, 0666);
    const char *folder = link_folder("leads", NULL, 0);
    snprintf(link, sizeof link, "%s/real.so", folder);
    unlink(link);
    cr_assert_eq(symlink(target, link), 0);
    vlmc_plugins *plugins = open_folder(folder, &log);
    cr_assert_eq(vlmc_plugins_n_files(plugins), 0);
    cr_assert(strstr(log.last, "others can write"), "%s", log.last);
    vlmc_plugins_close(&plugins);
    cr_assert_eq(chmod(target, 0644), 0);
    plugins = open_folder(folder, &log);
    cr_assert_eq(vlmc_plugins_n_files(plugins), 1);
    cr_assert_eq(vlmc_plugins_count(plugins), 0); // for it is no library
    cr_assert(strstr(log.last, "cannot be loaded"), "%s", log.last);
    vlmc_plugins_close(&plugins);
}

Test(registry, a_folder_below_one_that_everybody_can_write_is_not_trusted)
{
    char above[PATH_MAX];
    const char *const names[] = {"good"};
    notice_log log = {0};
    snprintf(above, sizeof above, "%s/open", getenv("VLMC_TEST_SCRATCH"));
    mkdir(above, 0755);
    const char *folder = link_folder("open/below", names, 1);
    cr_assert_eq(chmod(above, 0777), 0);
    vlmc_plugins *plugins = open_folder(folder, &log);
    cr_assert_eq(vlmc_plugins_n_files(plugins), 0);
    cr_assert(strstr(log.last, "everybody"), "%s", log.last);
    vlmc_plugins_close(&plugins);
    cr_assert_eq(chmod(above, 01777), 0);
    plugins = open_folder(folder, &log);
    cr_assert_eq(vlmc_plugins_n_files(plugins), 1, "a sticky bit keeps others off");
    vlmc_plugins_close(&plugins);
}

Test(registry, the_first_folder_with_an_id_wins_and_missing_folders_are_nothing)
{
    const char *const names[] = {"good"};
    char first[PATH_MAX];
    vlmc_plugins *plugins;
    vlmc_error error;
    notice_log log = {0};
    // A copy, so that the two have different real paths.
    char command[3 * PATH_MAX];
    snprintf(first, sizeof first, "%s", link_folder("first", NULL, 0));
    snprintf(command, sizeof command, "cp -f '%s/good.so' '%s/good.so'",
             getenv("VLMC_TEST_PLUGINS"), first);
    cr_assert_eq(system(command), 0);
    const char *const folders[] = {"/nonexistent/folder", first, link_folder("second", names, 1)};
    cr_assert_eq(vlmc_plugins_open(folders, 3, log_to(&log), &plugins, &error), VLMC_OK);
    cr_assert_eq(vlmc_plugins_count(plugins), 1);
    cr_assert_eq(strncmp(vlmc_plugins_get(plugins, 0)->path, first, strlen(first)), 0);
    cr_assert_eq(log.n, 0, "%s", log.last);
    vlmc_plugins_close(&plugins);
}

Test(registry, parameters_are_read_from_text)
{
    const char *const names[] = {"good"};
    uint8_t params[VLMC_PLUGIN_PARAMS_BYTES_MAX];
    uint32_t n;
    const vlmc_tokenizer *tokenizer;
    vlmc_error error;
    vlmc_plugins *plugins = open_plugins(names, 1, NULL);
    cr_assert_eq(vlmc_plugins_parse(plugins, "good.xor:key=9", &tokenizer, params, &n, &error),
                 VLMC_OK);
    cr_assert(n == 1 && params[0] == 9);
    cr_assert_eq(vlmc_plugins_parse(plugins, "good:key=8", &tokenizer, params, &n, &error), VLMC_OK,
                 "the plugin's first tokenizer with parameters");
    cr_assert(n == 1 && params[0] == 8 && strcmp(tokenizer->id, "good.xor") == 0);
    cr_assert_eq(vlmc_plugins_parse(plugins, "good.xor:lock=9", &tokenizer, params, &n, &error),
                 VLMC_ERROR_USAGE);
    cr_assert_eq(vlmc_plugins_parse(plugins, "bad.xor:key=9", &tokenizer, params, &n, &error),
                 VLMC_ERROR_PLUGIN_MISSING);
    cr_assert_eq(vlmc_plugins_parse(plugins, ":key=9", &tokenizer, params, &n, &error),
                 VLMC_ERROR_USAGE);
    vlmc_plugins_close(&plugins);
}
