// SPDX-License-Identifier: Apache-2.0
#include "verify_state.h"

#include "state_file.h"
#include "util/json_out.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEX_BYTES 65

const char *verify_level_name(verify_level level)
{
    static const char *const names[] = {"header", "blocks", "decode"};
    return names[level];
}

// By the archive's path and the level.
static vlmc_status state_path(const cli *cli, const char *path, verify_level level,
                              char name[PATH_MAX], vlmc_error *error)
{
    uint8_t digest[16];
    char hex[17];
    char *real = realpath(path, NULL);
    const char *known = real ? real : path;
    VLMC_TRY(state_folder(cli, "verify", name, error));
    crypto_generichash(digest, sizeof digest, (const uint8_t *)known, strlen(known), NULL, 0);
    free(real);
    sodium_bin2hex(hex, sizeof hex, digest, 8);
    const size_t n = strlen(name);
    snprintf(name + n, PATH_MAX - n, "/%s.%s.json", hex, verify_level_name(level));
    return VLMC_OK;
}

bool verify_state_waits(const cli *cli, const char *path, verify_level level)
{
    char name[PATH_MAX];
    vlmc_error unused;
    return state_path(cli, path, level, name, &unused) == VLMC_OK && access(name, F_OK) == 0;
}

static uint32_t number_of(const json_t *value, const char *key)
{
    const json_int_t n = json_integer_value(json_object_get(value, key));
    return n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

void verify_state_load(const cli *cli, const char *path, verify_level level,
                       const uint8_t *root_digest, verify_state *state)
{
    char name[PATH_MAX], hex[HEX_BYTES];
    vlmc_error unused;
    json_t *value;
    const char *why;
    *state = (verify_state){0};
    if (state_path(cli, path, level, name, &unused) != VLMC_OK ||
        !state_file_load(name, &value, &why) || !value)
        return; // all of it, then
    sodium_bin2hex(hex, sizeof hex, root_digest, 32);
    const char *known = json_string_value(json_object_get(value, "root_digest"));
    if (known && strcmp(known, hex) == 0)
        *state = (verify_state){
            .next = number_of(value, "next"),
            .n_blocks = number_of(value, "blocks"),
            .files = number_of(value, "files"),
            .damaged = number_of(value, "damaged"),
            .unread = number_of(value, "unread"),
            .seconds = json_number_value(json_object_get(value, "seconds")),
        };
    json_decref(value);
}

vlmc_status verify_state_save(const cli *cli, const char *path, verify_level level,
                              const uint8_t *root_digest, const verify_state *state,
                              vlmc_error *error)
{
    char name[PATH_MAX];
    VLMC_TRY(state_path(cli, path, level, name, error));
    json_t *value = json_object();
    vlmc_json_set_bytes(value, "archive", path);
    if (root_digest)
        vlmc_json_set_hex(value, "root_digest", root_digest, 32);
    vlmc_json_set_number(value, "next", state->next);
    vlmc_json_set_number(value, "blocks", state->n_blocks);
    vlmc_json_set_number(value, "files", state->files);
    vlmc_json_set_number(value, "damaged", state->damaged);
    vlmc_json_set_number(value, "unread", state->unread);
    json_object_set_new(value, "seconds", json_real(state->seconds));
    const vlmc_status status = state_file_save(name, value, error);
    json_decref(value);
    return status;
}

void verify_state_remove(const cli *cli, const char *path, verify_level level)
{
    char name[PATH_MAX];
    vlmc_error unused;
    if (state_path(cli, path, level, name, &unused) == VLMC_OK)
        unlink(name);
}
