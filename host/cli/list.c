// SPDX-License-Identifier: Apache-2.0
// vlmc list
#include "cli.h"
#include "open_archive.h"
#include "options.h"
#include "util/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct list_options {
    cli_common common;
    bool long_lines;
    const char *archive;
    char **patterns;
    int n_patterns;
} list_options;

static const struct argp_option option_table[] = {
    {"long", 'l', 0, 0, "Mode, owner, size, packed size, time (UTC) and tokenizer before each path",
     1},
    CLI_OPTIONS_PASSPHRASE,
    CLI_OPTIONS_OUTPUT,
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    list_options *options = state->input;
    switch (key) {
    case 'l':
        options->long_lines = true;
        return 0;
    case ARGP_KEY_ARGS:
        options->archive = state->argv[state->next];
        options->patterns = state->argv + state->next + 1;
        options->n_patterns = state->argc - state->next - 1;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no archive named");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp list_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "ARCHIVE [PATTERN…]",
    .doc = "Shows the paths in an archive, or those that match a shell pattern. No model is "
           "needed. \"-\" reads standard input."
           "\vExamples:\n"
           "  vlmc list -l books.vlmc\n"
           "  vlmc list books.vlmc '*.txt'\n"
           "  vlmc list --json books.vlmc\n",
};

static const char *type_name(vlmc_entry_type type)
{
    static const char *const names[] = {"file", "folder", "symlink", "hard link"};
    return names[type];
}

// The tokenizers of an entry, each once.
#define TOKENIZERS_SHOWN 8u

typedef struct tokenizer_names {
    const vlmc_reader *reader;
    vlmc_tokenizer_info names[TOKENIZERS_SHOWN];
    uint32_t n;
} tokenizer_names;

static bool add_name(void *user, const vlmc_segment_info *segment)
{
    tokenizer_names *t = user;
    if (segment->tokenizer == 0)
        return true;
    const vlmc_tokenizer_info info = vlmc_reader_tokenizer(t->reader, segment->tokenizer);
    for (uint32_t i = 0; i < t->n; i++)
        if (strcmp(t->names[i].id, info.id) == 0 && t->names[i].version == info.version)
            return true;
    t->names[t->n++] = info;
    return t->n < TOKENIZERS_SHOWN;
}

static tokenizer_names names_of(const cli_archive *archive, uint32_t index)
{
    tokenizer_names t = {.reader = archive->reader};
    vlmc_reader_segments(archive->reader, index, add_name, &t);
    return t;
}

static json_t *tokenizers_json(const tokenizer_names *t)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < t->n; i++) {
        json_t *object = json_object();
        json_object_set_new(object, "id", json_string(t->names[i].id));
        vlmc_json_set_number(object, "version", t->names[i].version);
        json_array_append_new(list, object);
    }
    return list;
}

static void print_tokenizers(const tokenizer_names *t)
{
    if (t->n == 0)
        fputs("-", stdout);
    for (uint32_t i = 0; i < t->n; i++)
        printf("%s%s", i ? "," : "", t->names[i].id);
    putchar(' ');
}

static json_t *xattrs_json(const vlmc_attributes *a)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < a->n_xattrs; i++) {
        json_t *object = json_object();
        vlmc_json_set_bytes(object, "name", a->xattrs[i].name);
        vlmc_json_set_base64(object, "value_b64", a->xattrs[i].value, a->xattrs[i].size);
        json_array_append_new(list, object);
    }
    return list;
}

static void set_attributes(json_t *object, const vlmc_attributes *a)
{
    if (a->has_owner) {
        vlmc_json_set_number(object, "uid", a->uid);
        vlmc_json_set_number(object, "gid", a->gid);
        if (*a->user)
            vlmc_json_set_bytes(object, "user", a->user);
        if (*a->group)
            vlmc_json_set_bytes(object, "group", a->group);
    }
    if (a->acl_access)
        vlmc_json_set_bytes(object, "acl", a->acl_access);
    if (a->acl_default)
        vlmc_json_set_bytes(object, "default_acl", a->acl_default);
    if (a->n_xattrs)
        json_object_set_new(object, "xattrs", xattrs_json(a));
}

static vlmc_status print_json(const cli_archive *archive, uint32_t index, vlmc_error *error)
{
    const vlmc_entry *entry = vlmc_reader_entry(archive->reader, index);
    char mode[8];
    json_t *object = json_object();
    snprintf(mode, sizeof mode, "%04o", (unsigned)(entry->mode & 07777));
    vlmc_json_set_bytes(object, "path", entry->path);
    json_object_set_new(object, "type", json_string(type_name(entry->type)));
    json_object_set_new(object, "mode", json_string(mode));
    vlmc_json_set_time(object, "mtime", entry->mtime_seconds, entry->mtime_ns);
    if (entry->link)
        vlmc_json_set_bytes(object, "link", entry->link);
    if (entry->attributes)
        set_attributes(object, entry->attributes);
    if (entry->type == VLMC_ENTRY_FILE) {
        vlmc_json_set_number(object, "size_bytes", entry->size_bytes);
        vlmc_json_set_number(object, "packed_bytes",
                             vlmc_reader_packed_bytes(archive->reader, index));
        if (entry->holes)
            vlmc_json_set_number(object, "hole_bytes", entry->size_bytes - entry->data_bytes);
        vlmc_json_set_hex(object, "sha256", entry->sha256, sizeof entry->sha256);
        const tokenizer_names names = names_of(archive, index);
        if (names.n)
            json_object_set_new(object, "tokenizers", tokenizers_json(&names));
    }
    return vlmc_json_line(stdout, object, error);
}

// The letter of an execute bit with a special one.
static char special(char letter, char with)
{
    return letter == 'x' ? with : (char)(with - 'a' + 'A');
}

static void mode_text(const vlmc_entry *entry, char text[11])
{
    static const char letters[] = "rwxrwxrwx", types[] = "-dlh";
    text[0] = types[entry->type];
    for (unsigned i = 0; i < 9; i++)
        text[1 + i] = (entry->mode >> (8 - i)) & 1 ? letters[i] : '-';
    if (entry->mode & 04000)
        text[3] = special(text[3], 's');
    if (entry->mode & 02000)
        text[6] = special(text[6], 's');
    if (entry->mode & 01000)
        text[9] = special(text[9], 't');
    text[10] = 0;
}

// A name from an archive in a column: no blanks, nothing that steers a terminal.
static void print_name(const char *name, uint32_t id)
{
    bool plain = name && *name;
    for (const char *p = name; plain && *p; p++)
        plain = *p > ' ' && *p < 127;
    if (plain)
        fputs(name, stdout);
    else
        printf("%u", (unsigned)id);
}

static void print_owner(const vlmc_attributes *a)
{
    if (!a || !a->has_owner) {
        fputs("-", stdout);
        return;
    }
    print_name(a->user, a->uid);
    putchar('/');
    print_name(a->group, a->gid);
}

static void print_text(const cli_archive *archive, uint32_t index, bool long_lines)
{
    const vlmc_entry *entry = vlmc_reader_entry(archive->reader, index);
    if (long_lines) {
        char mode[11], when[32];
        const time_t seconds = (time_t)entry->mtime_seconds;
        struct tm tm;
        mode_text(entry, mode);
        if (!gmtime_r(&seconds, &tm) || !strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm))
            snprintf(when, sizeof when, "%16s", "-");
        const vlmc_attributes *a = entry->attributes;
        printf("%s%c ", mode, a && (a->acl_access || a->acl_default) ? '+' : ' ');
        print_owner(a);
        printf(" %12" PRIu64 " %12" PRIu64 " %s ", entry->size_bytes,
               vlmc_reader_packed_bytes(archive->reader, index), when);
        const tokenizer_names names = names_of(archive, index);
        print_tokenizers(&names);
    }
    cli_print_path(entry->path);
    if (long_lines && entry->link) {
        fputs(entry->type == VLMC_ENTRY_SYMLINK ? " -> " : " link to ", stdout);
        cli_print_path(entry->link);
    }
    putchar('\n');
}

static vlmc_status run(const list_options *options, vlmc_error *error)
{
    cli_archive archive;
    VLMC_TRY(cli_archive_open(&archive, &options->common, options->archive, error));
    vlmc_status status = VLMC_OK;
    for (uint32_t i = 0; i < archive.info->n_entries && status == VLMC_OK; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(archive.reader, i);
        if (!cli_matches(entry->path, options->patterns, options->n_patterns))
            continue;
        if (options->common.cli->json)
            status = print_json(&archive, i, error);
        else
            print_text(&archive, i, options->long_lines);
    }
    if (status == VLMC_OK)
        cli_warn_unmatched(options->common.cli, &archive, options->patterns, options->n_patterns);
    cli_archive_close(&archive);
    return status;
}

void cli_list(cli *cli, int argc, char **argv)
{
    list_options options = {0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&list_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
