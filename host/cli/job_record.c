// SPDX-License-Identifier: Apache-2.0
#include "job_record.h"

#include "archive/output.h"
#include "state_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES_KEPT 200 // of the archive's name, which may be as long as names can be
#define JOURNAL_HEAD_BYTES 16

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the record of a job");
}

// ---- Names ----

static vlmc_status too_long(const char *output, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_REFUSED, "the path \"%s\" is too long", output);
}

// `output` is absolute.
static vlmc_status name_files(const char *output, job_place *place, vlmc_error *error)
{
    uint8_t digest[16];
    const char *name = strrchr(output, '/') + 1;
    crypto_generichash(digest, sizeof digest, (const uint8_t *)output, strlen(output), NULL, 0);
    sodium_bin2hex(place->id, sizeof place->id, digest, (sizeof place->id - 1) / 2);
    int used = snprintf(place->output, sizeof place->output, "%s", output);
    if (used < 0 || (size_t)used >= sizeof place->output)
        return too_long(output, error);
    used = snprintf(place->partial, sizeof place->partial, "%.*s.%.*s.part-%s",
                    (int)(name - output), output, NAME_BYTES_KEPT, name, place->id);
    if (used < 0 || (size_t)used >= sizeof place->partial - 4)
        return too_long(output, error);
    snprintf(place->journal, sizeof place->journal, "%.*s.log", (int)sizeof place->journal - 5,
             place->partial);
    return VLMC_OK;
}

vlmc_status job_place_of(const char *output, job_place *place, vlmc_error *error)
{
    char absolute[PATH_MAX], folder[PATH_MAX];
    const char *slash = strrchr(output, '/');
    const char *name = slash ? slash + 1 : output;
    if (slash && (size_t)(slash - output) >= sizeof folder)
        return too_long(output, error);
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - output) + 1 : 1,
             slash ? output : ".");
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "\"%s\" is no name for an archive", output);
    char *real = realpath(folder, NULL);
    if (!real)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot create \"%s\"", output);
    const int used =
        snprintf(absolute, sizeof absolute, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
    free(real);
    if (used < 0 || (size_t)used >= sizeof absolute)
        return too_long(output, error);
    return name_files(absolute, place, error);
}

static bool is_id(const char *text)
{
    return strlen(text) == JOB_ID_BYTES - 1 && strspn(text, "0123456789abcdef") == JOB_ID_BYTES - 1;
}

static vlmc_status record_path(const cli *cli, const char *id, char path[PATH_MAX],
                               vlmc_error *error)
{
    if (!is_id(id))
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "\"%s\" is not the id of a job; \"vlmc jobs\" lists them", id);
    VLMC_TRY(state_folder(cli, "jobs", path, error));
    const size_t n = strlen(path);
    snprintf(path + n, PATH_MAX - n, "/%s.json", id);
    return VLMC_OK;
}

// ---- Records on disk ----

vlmc_status job_save(const cli *cli, json_t *record, vlmc_error *error)
{
    char path[PATH_MAX];
    const char *id = json_string_value(json_object_get(record, "id"));
    VLMC_TRY(record_path(cli, id ? id : "", path, error));
    return state_file_save(path, record, error);
}

static vlmc_status unusable(const char *id, const char *path, const char *why, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_FORMAT,
                     "the record of job %s cannot be used, because %s; remove it with \"vlmc jobs "
                     "cancel %s\" (%s)",
                     id, why, id, path);
}

static const char *check_record(const json_t *record, const char *id, job_place *place)
{
    const json_t *sources = json_object_get(record, "sources");
    char *output = job_text(record, "output");
    char *folder = job_text(record, "folder");
    vlmc_error error;
    const char *why = NULL;
    if (json_integer_value(json_object_get(record, "version")) != 1)
        why = "it is of another version of vlmc";
    else if (!output || *output != '/' || !folder || *folder != '/' || json_array_size(sources) < 1)
        why = "it says too little";
    else if (name_files(output, place, &error) != VLMC_OK || strcmp(place->id, id) != 0)
        why = "it is not that of its archive";
    free(output);
    free(folder);
    return why;
}

vlmc_status job_load(const cli *cli, const char *id, json_t **record, job_place *place,
                     vlmc_error *error)
{
    char path[PATH_MAX];
    json_t *loaded;
    const char *why;
    *record = NULL;
    VLMC_TRY(record_path(cli, id, path, error));
    if (!state_file_load(path, &loaded, &why))
        return unusable(id, path, why, error);
    why = loaded ? check_record(loaded, id, place) : NULL;
    if (why) {
        json_decref(loaded);
        return unusable(id, path, why, error);
    }
    *record = loaded;
    return VLMC_OK;
}

vlmc_status job_remove(const cli *cli, const char *id, vlmc_error *error)
{
    char path[PATH_MAX], folder[PATH_MAX];
    VLMC_TRY(state_folder(cli, "jobs", folder, error));
    state_folder_clean(folder);
    VLMC_TRY(record_path(cli, id, path, error));
    if (unlink(path) == 0 || errno == ENOENT)
        return VLMC_OK;
    return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot remove \"%s\"", path);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

vlmc_status job_list(const cli *cli, char (**ids)[JOB_ID_BYTES], size_t *n, vlmc_error *error)
{
    char folder[PATH_MAX];
    size_t capacity = 0;
    *ids = NULL;
    *n = 0;
    VLMC_TRY(state_folder(cli, "jobs", folder, error));
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT
                   ? VLMC_OK
                   : vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read \"%s\"", folder);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char id[JOB_ID_BYTES];
        if (strlen(entry->d_name) != JOB_ID_BYTES - 1 + 5 ||
            strcmp(entry->d_name + JOB_ID_BYTES - 1, ".json") != 0)
            continue;
        memcpy(id, entry->d_name, JOB_ID_BYTES - 1);
        id[JOB_ID_BYTES - 1] = 0;
        if (!is_id(id))
            continue;
        if (*n == capacity) {
            capacity = 2 * capacity + 16;
            void *grown = realloc(*ids, capacity * sizeof **ids);
            if (!grown) {
                closedir(dir);
                free(*ids);
                *ids = NULL;
                return no_memory(error);
            }
            *ids = grown;
        }
        memcpy((*ids)[(*n)++], id, sizeof id);
    }
    closedir(dir);
    if (*n)
        qsort(*ids, *n, sizeof **ids, by_id);
    return VLMC_OK;
}

// ---- Files of a job ----

job_state job_state_of(const json_t *record, const job_place *place)
{
    struct stat st;
    int fd;
    vlmc_error error;
    const json_int_t replaced = json_integer_value(json_object_get(record, "replaces_inode"));
    const vlmc_status status = vlmc_partial_open(place->partial, false, &fd, &error);
    if (status == VLMC_OK) {
        close(fd);
        return JOB_INTERRUPTED;
    }
    if (error.os_error == EWOULDBLOCK)
        return JOB_RUNNING;
    if (error.os_error != ENOENT)
        return JOB_INTERRUPTED;
    return lstat(place->output, &st) == 0 && (json_int_t)st.st_ino != replaced ? JOB_COMPLETE
                                                                               : JOB_STALE;
}

static vlmc_status remove_file(const char *path, vlmc_error *error)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return VLMC_OK;
    return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot remove \"%s\"", path);
}

vlmc_status job_remove_files(const job_place *place, vlmc_error *error)
{
    int fd = -1;
    vlmc_status status = vlmc_partial_open(place->partial, false, &fd, error);
    if (status != VLMC_OK && error->os_error != ENOENT)
        return status;
    status = remove_file(place->journal, error);
    if (status == VLMC_OK)
        status = remove_file(place->partial, error);
    if (fd >= 0)
        close(fd);
    return status;
}

bool job_has_work(const job_place *place)
{
    struct stat st;
    return lstat(place->journal, &st) == 0 && st.st_size > JOURNAL_HEAD_BYTES;
}

// ---- Members ----

char *job_text(const json_t *record, const char *key)
{
    char long_key[64];
    snprintf(long_key, sizeof long_key, "%s_b64", key);
    const char *coded = json_string_value(json_object_get(record, long_key));
    const char *text = json_string_value(json_object_get(record, key));
    if (!coded)
        return text ? strdup(text) : NULL;
    const size_t size = strlen(coded);
    size_t used = 0;
    char *bytes = malloc(size + 1);
    if (!bytes)
        return NULL;
    if (sodium_base642bin((uint8_t *)bytes, size, coded, size, NULL, &used, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        memchr(bytes, 0, used)) {
        free(bytes);
        return NULL;
    }
    bytes[used] = 0;
    return bytes;
}

bool job_flag(const json_t *record, const char *key)
{
    return json_is_true(json_object_get(record, key));
}
