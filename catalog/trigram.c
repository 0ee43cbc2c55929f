// SPDX-License-Identifier: Apache-2.0
#include "trigram.h"

#include <stdlib.h>
#include <string.h>

// Of a condition. Each costs a walk through the paths that have it, and a few that are spread over
// the text leave few paths that do not have the rest: 24 of them take four times as long as 5.
#define TRIGRAMS_MAX 5

static char *put_byte(char *to, unsigned char byte)
{
    if (byte < 0x80) {
        *to++ = (char)byte;
    } else {
        *to++ = (char)(0xc0 | byte >> 6);
        *to++ = (char)(0x80 | (byte & 0x3f));
    }
    return to;
}

char *vlmc_trigram_text(const void *bytes, size_t size, size_t *text_size)
{
    const unsigned char *from = bytes;
    char *text = malloc(2 * size + 1);
    if (!text)
        return NULL;
    char *to = text;
    for (size_t i = 0; i < size; i++)
        to = put_byte(to, from[i]);
    *to = 0;
    *text_size = (size_t)(to - text);
    return text;
}

static void text_function(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    size_t size;
    const void *bytes = sqlite3_value_blob(values[0]);
    char *text = vlmc_trigram_text(bytes, (size_t)sqlite3_value_bytes(values[0]), &size);
    if (text)
        sqlite3_result_text64(context, text, size, free, SQLITE_UTF8);
    else
        sqlite3_result_error_nomem(context);
}

vlmc_status vlmc_trigram_install(vlmc_catalog *catalog, vlmc_error *error)
{
    if (sqlite3_create_function(catalog->database, "vlmc_trigram_text", 1,
                                SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                text_function, NULL, NULL) != SQLITE_OK)
        return vlmc_catalog_fail(catalog, "open", error);
    return VLMC_OK;
}

// "abc", with quotes doubled, after AND.
static char *put_trigram(char *to, const char *bytes, bool first)
{
    if (!first)
        to = stpcpy(to, " AND ");
    *to++ = '"';
    for (size_t i = 0; i < 3; i++) {
        if (bytes[i] == '"')
            *to++ = '"';
        to = put_byte(to, (unsigned char)bytes[i]);
    }
    *to++ = '"';
    return to;
}

static bool seen_before(const char *const *trigrams, size_t n, const char *trigram)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(trigrams[i], trigram, 3) == 0)
            return true;
    return false;
}

// Different trigrams of all literals, spread over them when there are too many.
static size_t choose(const vlmc_literal *literals, size_t n, const char *chosen[TRIGRAMS_MAX])
{
    size_t total = 0, n_chosen = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        total += literals[i].size >= 3 ? literals[i].size - 2 : 0;
    const size_t step = (total + TRIGRAMS_MAX - 1) / TRIGRAMS_MAX;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k + 3 <= literals[i].size; k++, at++) {
            const char *trigram = literals[i].bytes + k;
            if (at % step == 0 && !seen_before(chosen, n_chosen, trigram))
                chosen[n_chosen++] = trigram;
        }
    }
    return n_chosen;
}

vlmc_status vlmc_trigram_match(const vlmc_literal *literals, size_t n, char **match,
                               vlmc_error *error)
{
    const char *chosen[TRIGRAMS_MAX];
    const size_t n_chosen = choose(literals, n, chosen);
    *match = NULL;
    if (n_chosen == 0)
        return VLMC_OK;
    char *text = malloc(n_chosen * sizeof " AND \"\"\"\"\"\"\"\"" + 1);
    if (!text)
        return vlmc_catalog_no_memory(error);
    char *to = text;
    for (size_t i = 0; i < n_chosen; i++)
        to = put_trigram(to, chosen[i], i == 0);
    *to = 0;
    *match = text;
    return VLMC_OK;
}
