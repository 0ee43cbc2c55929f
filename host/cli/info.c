// SPDX-License-Identifier: Apache-2.0
// vlmc info
#include "cli.h"
#include "open_archive.h"
#include "options.h"
#include "util/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct info_options {
    cli_common common;
    const char *archive;
} info_options;

static const struct argp_option option_table[] = {CLI_OPTIONS_PASSPHRASE, CLI_OPTIONS_OUTPUT, {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    info_options *options = state->input;
    if (cli_one_archive_parse(key, arg, state, &options->archive) == 0)
        return 0;
    return cli_common_parse(key, arg, state, &options->common);
}

static const struct argp info_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc = "Shows format, models, tokenizers, sizes and packing methods of an archive. Neither is "
           "needed for it. Of an encrypted archive only what everybody may know is shown, unless "
           "--passphrase-file is given."
           "\vExample:\n"
           "  vlmc info --json books.vlmc\n",
};

#define METHODS 4u

static const char *const method_names[METHODS] = {"stored", "zstd", "model", "other"};

typedef struct method_sums {
    uint32_t groups;
    uint64_t raw_bytes;
    uint64_t packed_bytes;
} method_sums;

// What of the archive one version of one tokenizer made.
typedef struct tokenizer_sums {
    vlmc_tokenizer_info info;
    uint32_t files;
    uint64_t bytes;
    uint32_t last_entry; // that was counted, + 1
} tokenizer_sums;

#define TOKENIZERS_SHOWN 32u

typedef struct archive_sums {
    method_sums methods[METHODS];
    uint32_t entries[4]; // by vlmc_entry_type
    uint64_t hole_bytes;
    tokenizer_sums tokenizers[TOKENIZERS_SHOWN];
    uint32_t n_tokenizers;
} archive_sums;

typedef struct segment_visit {
    const vlmc_reader *reader;
    archive_sums *sums;
    uint32_t entry;
} segment_visit;

static bool add_segment(void *user, const vlmc_segment_info *segment)
{
    const segment_visit *visit = user;
    archive_sums *sums = visit->sums;
    if (segment->tokenizer == 0)
        return true;
    const vlmc_tokenizer_info info = vlmc_reader_tokenizer(visit->reader, segment->tokenizer);
    uint32_t i = 0;
    while (i < sums->n_tokenizers && (strcmp(sums->tokenizers[i].info.id, info.id) != 0 ||
                                      sums->tokenizers[i].info.version != info.version))
        i++;
    if (i == TOKENIZERS_SHOWN)
        return true;
    if (i == sums->n_tokenizers)
        sums->tokenizers[sums->n_tokenizers++].info = info;
    tokenizer_sums *t = &sums->tokenizers[i];
    t->bytes += segment->n_bytes;
    t->files += t->last_entry != visit->entry + 1;
    t->last_entry = visit->entry + 1;
    return true;
}

static archive_sums sum_up(const cli_archive *archive)
{
    archive_sums sums = {0};
    for (uint32_t i = 0; i < archive->info->n_groups; i++) {
        const vlmc_group_info *group = vlmc_reader_group(archive->reader, i);
        method_sums *m = &sums.methods[group->method < METHODS ? group->method : METHODS - 1];
        m->groups++;
        m->raw_bytes += group->raw_bytes;
        m->packed_bytes += group->packed_bytes;
    }
    for (uint32_t i = 0; i < archive->info->n_entries; i++) {
        segment_visit visit = {.reader = archive->reader, .sums = &sums, .entry = i};
        const vlmc_entry *entry = vlmc_reader_entry(archive->reader, i);
        sums.entries[entry->type]++;
        sums.hole_bytes += entry->size_bytes - entry->data_bytes;
        vlmc_reader_segments(archive->reader, i, add_segment, &visit);
    }
    return sums;
}

static json_t *methods_json(const archive_sums *sums)
{
    json_t *methods = json_object();
    for (unsigned i = 0; i < METHODS; i++) {
        if (!sums->methods[i].groups)
            continue;
        json_t *m = json_object();
        vlmc_json_set_number(m, "groups", sums->methods[i].groups);
        vlmc_json_set_number(m, "raw_bytes", sums->methods[i].raw_bytes);
        vlmc_json_set_number(m, "packed_bytes", sums->methods[i].packed_bytes);
        json_object_set_new(methods, method_names[i], m);
    }
    return methods;
}

static json_t *tokenizers_json(const archive_sums *sums)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < sums->n_tokenizers; i++) {
        const tokenizer_sums *t = &sums->tokenizers[i];
        json_t *object = json_object();
        json_object_set_new(object, "id", json_string(t->info.id));
        vlmc_json_set_number(object, "version", t->info.version);
        vlmc_json_set_number(object, "files", t->files);
        vlmc_json_set_number(object, "bytes", t->bytes);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *model_json(vlmc_model_info info)
{
    json_t *model = json_object();
    vlmc_json_set_bytes(model, "name", info.name);
    vlmc_json_set_hex(model, "digest", info.digest, VLMC_DIGEST_BYTES);
    return model;
}

static json_t *models_json(const cli_archive *archive)
{
    json_t *list = json_array();
    for (uint32_t i = 1; i <= archive->info->n_models; i++)
        json_array_append_new(list, model_json(vlmc_reader_model(archive->reader, i)));
    return list;
}

static double ratio_of(const vlmc_archive_info *info)
{
    return info->content_bytes ? (double)info->archive_bytes / (double)info->content_bytes : 0;
}

static vlmc_status print_json(const cli_archive *archive, const archive_sums *sums,
                              vlmc_error *error)
{
    const vlmc_archive_info *info = archive->info;
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "archive", archive->name);
    vlmc_json_set_number(object, "format_version", info->format_version);
    if (!info->locked)
        vlmc_json_set_number(object, "numerics_version", info->numerics_version);
    vlmc_json_set_hex(object, "root_digest", info->root_digest, sizeof info->root_digest);
    vlmc_json_set_number(object, "archive_bytes", info->archive_bytes);
    vlmc_json_set_number(object, "recovery_bytes", info->recovery_bytes);
    if (info->recovery_damaged)
        json_object_set_new(object, "recovery_damaged", json_true());
    if (info->recovery_bytes) {
        vlmc_json_set_number(object, "shards", info->shards);
        vlmc_json_set_number(object, "spare_shards", info->spare_shards);
        vlmc_json_set_number(object, "shard_bytes", info->shard_bytes);
    }
    json_object_set_new(object, "encrypted", json_boolean(info->encrypted));
    if (info->encrypted)
        json_object_set_new(object, "locked", json_boolean(info->locked));
    if (info->locked)
        return vlmc_json_line(stdout, object, error);
    vlmc_json_set_number(object, "content_bytes", info->content_bytes);
    vlmc_json_set_number(object, "duplicate_bytes", info->duplicate_bytes);
    json_object_set_new(object, "ratio", json_real(ratio_of(info)));
    vlmc_json_set_number(object, "files", sums->entries[VLMC_ENTRY_FILE]);
    vlmc_json_set_number(object, "folders", sums->entries[VLMC_ENTRY_FOLDER]);
    vlmc_json_set_number(object, "symlinks", sums->entries[VLMC_ENTRY_SYMLINK]);
    vlmc_json_set_number(object, "hard_links", sums->entries[VLMC_ENTRY_HARD_LINK]);
    vlmc_json_set_number(object, "hole_bytes", sums->hole_bytes);
    vlmc_json_set_number(object, "groups", info->n_groups);
    json_object_set_new(object, "methods", methods_json(sums));
    if (info->has_model)
        json_object_set_new(object, "models", models_json(archive));
    if (sums->n_tokenizers)
        json_object_set_new(object, "tokenizers", tokenizers_json(sums));
    return vlmc_json_line(stdout, object, error);
}

static void print_recovery(const vlmc_archive_info *info)
{
    if (info->recovery_bytes)
        printf("recovery  %" PRIu64 " of these bytes%s; mend any %u of %u shards of %" PRIu64
               " bytes\n",
               info->recovery_bytes, info->recovery_damaged ? ", damaged" : "",
               (unsigned)info->spare_shards, (unsigned)info->shards, info->shard_bytes);
}

static void print_text(const cli_archive *archive, const archive_sums *sums)
{
    const vlmc_archive_info *info = archive->info;
    char digest[2 * VLMC_DIGEST_BYTES + 1];
    printf("archive   ");
    cli_print_path(archive->name);
    vlmc_digest_text(info->root_digest, digest);
    printf("\nformat    %u", (unsigned)info->format_version);
    if (!info->locked)
        printf(", numerics %u", (unsigned)info->numerics_version);
    putchar('\n');
    printf("identity  %s\n", digest);
    if (info->locked) {
        printf("size      %" PRIu64 " bytes\n", info->archive_bytes);
        print_recovery(info);
        puts("encrypted: --passphrase-file shows more");
        return;
    }
    if (info->encrypted)
        puts("encrypted");
    printf("entries   %u files, %u folders, %u symlinks", (unsigned)sums->entries[VLMC_ENTRY_FILE],
           (unsigned)sums->entries[VLMC_ENTRY_FOLDER], (unsigned)sums->entries[VLMC_ENTRY_SYMLINK]);
    if (sums->entries[VLMC_ENTRY_HARD_LINK])
        printf(", %u hard links", (unsigned)sums->entries[VLMC_ENTRY_HARD_LINK]);
    putchar('\n');
    printf("size      %" PRIu64 " of %" PRIu64 " bytes, ratio %.3f\n", info->archive_bytes,
           info->content_bytes, ratio_of(info));
    print_recovery(info);
    if (info->duplicate_bytes)
        printf("copies    %" PRIu64 " bytes, held once\n", info->duplicate_bytes);
    if (sums->hole_bytes)
        printf("holes     %" PRIu64 " bytes\n", sums->hole_bytes);
    for (unsigned i = 0; i < METHODS; i++)
        if (sums->methods[i].groups)
            printf("%-9s %u groups, %" PRIu64 " of %" PRIu64 " bytes\n", method_names[i],
                   (unsigned)sums->methods[i].groups, sums->methods[i].packed_bytes,
                   sums->methods[i].raw_bytes);
    for (uint32_t i = 1; i <= info->n_models; i++) {
        const vlmc_model_info model = vlmc_reader_model(archive->reader, i);
        vlmc_digest_text(model.digest, digest);
        printf("needs     model ");
        cli_print_escaped(model.name, stdout);
        printf(", %s\n", digest);
    }
    for (uint32_t i = 0; i < sums->n_tokenizers; i++) {
        const tokenizer_sums *t = &sums->tokenizers[i];
        printf("needs     tokenizer %s, version %u, for %u files, %" PRIu64 " bytes\n", t->info.id,
               (unsigned)t->info.version, (unsigned)t->files, t->bytes);
    }
}

void cli_info(cli *cli, int argc, char **argv)
{
    info_options options = {0};
    vlmc_error error;
    cli_archive archive;
    cli_common_init(&options.common, cli);
    cli_parse(&info_argp, argc, argv, &options);
    vlmc_status status = cli_archive_look(&archive, &options.common, options.archive, &error);
    if (status == VLMC_OK) {
        const archive_sums sums = sum_up(&archive);
        if (cli->json)
            status = print_json(&archive, &sums, &error);
        else
            print_text(&archive, &sums);
        cli_archive_close(&archive);
    }
    if (status != VLMC_OK)
        cli_error(cli, &error);
}
