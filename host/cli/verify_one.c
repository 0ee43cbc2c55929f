// SPDX-License-Identifier: Apache-2.0
// The check of one archive.
#include "verify.h"

#include "cli.h"
#include "devices.h"
#include "interrupt.h"
#include "job.h"
#include "missing.h"
#include "open_archive.h"
#include "record_archive.h"
#include "recovery_check.h"
#include "util/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct verification {
    const verify_request *request;
    cli *cli;
    cli_archive archive;
    cli_job job;
    verify_state state;
    uint32_t checked; // files or blocks in this run
    bool paused;
    cli_recovery_state recovery;
    cli_missing missing;
} verification;

static vlmc_status discard(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    (void)user;
    (void)bytes;
    (void)size;
    (void)error;
    return VLMC_OK;
}

// Something is checked in each run, however short its time: so the whole of it comes to an end.
static bool time_is_over(const verification *v)
{
    return v->request->until_ns && v->checked > 0 && vlmc_progress_now_ns() >= v->request->until_ns;
}

static bool show_progress(void *user, uint64_t bytes_done, uint64_t packed_bytes)
{
    verification *v = user;
    return cli_job_progress(&v->job, bytes_done, packed_bytes) && !time_is_over(v);
}

static vlmc_status report_bad(verification *v, const vlmc_entry *entry, const vlmc_error *why,
                              vlmc_error *error)
{
    if (why->status == VLMC_ERROR_DAMAGED)
        v->state.damaged++;
    else
        v->state.unread++;
    cli_missing_report(&v->missing, v->cli, why, entry->path);
    if (!v->cli->json)
        return VLMC_OK;
    json_t *object = json_object();
    json_object_set_new(object, "type",
                        json_string(why->status == VLMC_ERROR_DAMAGED ? "damaged" : "unread"));
    vlmc_json_set_bytes(object, "path", entry->path);
    vlmc_json_set_bytes(object, "message", why->text);
    return vlmc_json_line(stdout, object, error);
}

// ---- decode ----

static vlmc_status read_file(verification *v, uint32_t i, const vlmc_entry *entry,
                             vlmc_error *error)
{
    const vlmc_status status = vlmc_reader_read(v->archive.reader, i, discard, NULL, error);
    if (status == VLMC_ERROR_INTERRUPTED && !cli_interrupt_signal()) {
        v->paused = true;
        return VLMC_OK;
    }
    const bool bad =
        status == VLMC_ERROR_DAMAGED || status == VLMC_ERROR_PLUGIN || cli_is_missing(status);
    if (status != VLMC_OK && !bad)
        return status;
    v->state.files++;
    if (!bad)
        return VLMC_OK;
    const vlmc_error why = *error;
    return report_bad(v, entry, &why, error);
}

static vlmc_status read_files(verification *v, vlmc_error *error)
{
    VLMC_TRY(cli_archive_use_plugins(&v->archive, v->cli, error));
    VLMC_TRY(cli_archive_read_ahead(&v->archive, error));
    for (uint32_t i = v->state.next; i < v->archive.info->n_entries; i++)
        VLMC_TRY(vlmc_reader_announce(v->archive.reader, i, error));
    for (; v->state.next < v->archive.info->n_entries; v->state.next++) {
        const vlmc_entry *entry = vlmc_reader_entry(v->archive.reader, v->state.next);
        if (entry->type != VLMC_ENTRY_FILE)
            continue;
        v->paused = time_is_over(v);
        if (!v->paused)
            VLMC_TRY(read_file(v, v->state.next, entry, error));
        if (v->paused)
            return VLMC_OK;
        v->checked++;
    }
    return VLMC_OK;
}

// ---- blocks ----

// Of a locked archive nobody can say whose a block is.
static void report_locked(verification *v, const vlmc_error *why)
{
    v->state.damaged++;
    cli_error(v->cli, why);
}

static vlmc_status check_blocks(verification *v, bool *bad, vlmc_error *why, vlmc_error *error)
{
    for (; v->state.next < v->state.n_blocks; v->state.next++) {
        v->paused = time_is_over(v);
        if (v->paused)
            return VLMC_OK;
        VLMC_TRY(cli_interrupt_check(error));
        const uint32_t block = v->state.next;
        const vlmc_status status = vlmc_reader_check_block(v->archive.reader, block, error);
        if (status != VLMC_OK && status != VLMC_ERROR_DAMAGED)
            return status;
        bad[block] = status != VLMC_OK;
        if (bad[block])
            *why = *error;
        if (bad[block] && v->archive.info->locked)
            report_locked(v, why);
        const vlmc_group_info *group = vlmc_reader_group(v->archive.reader, block);
        if (group)
            cli_job_progress(&v->job, group->archive_offset, group->archive_offset);
        v->checked++;
    }
    return VLMC_OK;
}

// The files that need damaged blocks.
static vlmc_status report_blocks(verification *v, const bool *bad, const vlmc_error *why,
                                 vlmc_error *error)
{
    for (uint32_t i = 0; i < v->archive.info->n_entries; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(v->archive.reader, i);
        if (entry->type != VLMC_ENTRY_FILE || !vlmc_reader_needs_block(v->archive.reader, i, bad))
            continue;
        vlmc_error detail;
        vlmc_fail(&detail, VLMC_ERROR_DAMAGED, "\"%s\" lies in a damaged part: %.300s", entry->path,
                  why->text);
        VLMC_TRY(report_bad(v, entry, &detail, error));
    }
    return VLMC_OK;
}

static vlmc_status read_blocks(verification *v, vlmc_error *error)
{
    vlmc_error why = {0};
    bool *bad = calloc((size_t)v->state.n_blocks + 1, sizeof *bad);
    if (!bad)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to check an archive");
    vlmc_status status = check_blocks(v, bad, &why, error);
    if (status == VLMC_OK)
        status = report_blocks(v, bad, &why, error);
    free(bad);
    return status;
}

// ---- Results ----

static void print_text(const verification *v)
{
    const verify_state *state = &v->state;
    const unsigned files = state->files;
    const bool locked = v->archive.info->locked;
    if (state->damaged && locked)
        printf("%u of %u blocks are damaged; with --passphrase-file verify says whose\n",
               (unsigned)state->damaged, (unsigned)state->n_blocks);
    else if (state->damaged)
        printf(v->request->level == VERIFY_DECODE ? "%u of %u files are damaged\n"
                                                  : "%u files lie in damaged parts\n",
               (unsigned)state->damaged, files);
    if (state->unread)
        printf("%u of %u files could not be read\n", (unsigned)state->unread, files);
    if (state->damaged || state->unread || v->cli->quiet)
        return;
    if (v->request->level == VERIFY_DECODE)
        printf("%u files, %" PRIu64 " bytes: all as they were\n", files,
               v->archive.info->content_bytes);
    else if (v->request->level == VERIFY_BLOCKS)
        printf("%u blocks, %" PRIu64 " bytes: all as they were written\n",
               (unsigned)state->n_blocks, v->archive.info->archive_bytes);
    else if (locked)
        printf("the structure is sound; the index is encrypted, and the bytes that were written\n");
    else
        printf("structure and index of %u entries are sound\n",
               (unsigned)v->archive.info->n_entries);
}

static vlmc_status print_json(const verification *v, vlmc_error *error)
{
    const vlmc_archive_info *info = v->archive.info;
    json_t *object = json_object();
    json_object_set_new(object, "type", json_string(v->paused ? "paused" : "summary"));
    vlmc_json_set_bytes(object, "archive", v->archive.name);
    json_object_set_new(object, "level", json_string(verify_level_name(v->request->level)));
    if (info->locked)
        json_object_set_new(object, "locked", json_true());
    vlmc_json_set_number(object, "files", v->state.files);
    vlmc_json_set_number(object, "damaged", v->state.damaged);
    vlmc_json_set_number(object, "unread", v->state.unread);
    vlmc_json_set_number(object, "content_bytes", info->content_bytes);
    json_object_set_new(object, "recovery", json_string(cli_recovery_state_name(v->recovery)));
    vlmc_json_set_hex(object, "root_digest", info->root_digest, sizeof info->root_digest);
    json_object_set_new(object, "seconds", json_real(v->state.seconds));
    return vlmc_json_line(stdout, object, error);
}

// Puts on record where to go on.
static vlmc_status pause_here(verification *v, vlmc_error *error)
{
    const bool decode = v->request->level == VERIFY_DECODE;
    VLMC_TRY(verify_state_save(v->cli, v->request->path, v->request->level,
                               v->archive.info->root_digest, &v->state, error));
    if (v->paused)
        cli_notice(v->cli, "%s: the time is over after %u of %u %s; the same command goes on",
                   v->archive.name, (unsigned)v->state.next,
                   (unsigned)(decode ? v->archive.info->n_entries : v->state.n_blocks),
                   decode ? "entries" : "blocks");
    return VLMC_OK;
}

static vlmc_status finish(verification *v, vlmc_status status, vlmc_error *error)
{
    const bool limited = v->request->until_ns != 0;
    vlmc_error unused;
    v->state.seconds += cli_job_seconds(&v->job);
    if (limited && (v->paused || status == VLMC_ERROR_INTERRUPTED))
        VLMC_TRY(pause_here(v, status == VLMC_OK ? error : &unused));
    VLMC_TRY(status);
    if (v->state.damaged) // in an earlier run, perhaps
        cli_raise(v->cli, CLI_EXIT_DAMAGED);
    if (limited && !v->paused)
        verify_state_remove(v->cli, v->request->path, v->request->level);
    if (v->cli->json)
        return print_json(v, error);
    if (!v->paused)
        print_text(v);
    return VLMC_OK;
}

static vlmc_catalog_result result_of(const verification *v, vlmc_status status)
{
    if (status == VLMC_ERROR_DAMAGED || (status == VLMC_OK && !v->paused && v->state.damaged))
        return VLMC_CATALOG_DAMAGED;
    if (status != VLMC_OK || v->paused)
        return VLMC_CATALOG_STOPPED;
    return v->state.unread ? VLMC_CATALOG_UNREAD : VLMC_CATALOG_SOUND;
}

// Of an archive that does not even open as well: there is no reader, then.
static void tell_catalog(const verification *v, vlmc_status status)
{
    const verify_state *state = &v->state;
    const vlmc_catalog_verification verification = {
        .at = time(NULL),
        .level = (vlmc_catalog_level)v->request->level,
        .result = result_of(v, status),
        .n_files = state->files,
        .n_bad = state->damaged + state->unread,
        .seconds = state->seconds,
    };
    if (!v->request->no_catalog)
        record_verification(v->cli, v->archive.reader, v->request->path, VLMC_CATALOG_WITH_NAMES,
                            &verification);
}

// Where an earlier run has stopped, if it counted the same blocks.
static vlmc_status begin(verification *v, vlmc_error *error)
{
    const verify_request *request = v->request;
    uint32_t n_blocks = 0;
    if (request->level == VERIFY_BLOCKS)
        VLMC_TRY(vlmc_reader_count_blocks(v->archive.reader, &n_blocks, error));
    if (request->until_ns)
        verify_state_load(v->cli, request->path, request->level, v->archive.info->root_digest,
                          &v->state);
    if (v->state.n_blocks != n_blocks)
        v->state = (verify_state){.n_blocks = n_blocks};
    return VLMC_OK;
}

static vlmc_status check(verification *v, vlmc_error *error)
{
    const verify_request *request = v->request;
    cli_job_begin(&v->job, v->cli, "verifying",
                  request->level == VERIFY_DECODE ? v->archive.info->content_bytes
                                                  : v->archive.info->archive_bytes);
    vlmc_reader_set_progress(v->archive.reader, show_progress, v);
    vlmc_status status = VLMC_OK;
    if (request->level == VERIFY_DECODE)
        status = read_files(v, error);
    else if (request->level == VERIFY_BLOCKS)
        status = read_blocks(v, error);
    cli_job_end(&v->job);
    cli_missing_finish(&v->missing, v->cli);
    if (status == VLMC_OK && !v->paused && request->level != VERIFY_HEADER &&
        v->archive.info->recovery_bytes)
        status = cli_recovery_check(v->cli, &v->archive, request->path, &v->recovery, error);
    return finish(v, status, error);
}

vlmc_status verify_one(const verify_request *request, bool *paused, vlmc_error *error)
{
    verification v = {.request = request, .cli = request->common->cli};
    *paused = false;
    VLMC_TRY(cli_device_check(request->common->device, error));
    // What is not decoded needs no passphrase.
    vlmc_status status = request->level == VERIFY_DECODE
                             ? cli_archive_open(&v.archive, request->common, request->path, error)
                             : cli_archive_look(&v.archive, request->common, request->path, error);
    const bool opened = status == VLMC_OK;
    if (opened)
        status = begin(&v, error);
    if (status == VLMC_OK)
        status = check(&v, error);
    if (opened || status == VLMC_ERROR_DAMAGED)
        tell_catalog(&v, status);
    if (opened)
        cli_archive_close(&v.archive);
    *paused = v.paused;
    return status;
}

vlmc_status verify_archive(const cli_common *common, const char *path, bool no_catalog,
                           vlmc_error *error)
{
    const verify_request request = {
        .common = common,
        .path = path,
        .level = VERIFY_DECODE,
        .no_catalog = no_catalog,
    };
    bool paused;
    return verify_one(&request, &paused, error);
}
