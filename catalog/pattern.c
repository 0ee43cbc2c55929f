// SPDX-License-Identifier: Apache-2.0
// GNU: FNM_CASEFOLD, REG_STARTEND, memmem.
#include "pattern.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

// ---- What a path must contain ----

// Text between characters that stand for something else.
typedef struct run {
    vlmc_pattern *pattern;
    char *start;
    char *end;
} run;

static void end_run(run *r)
{
    vlmc_pattern *p = r->pattern;
    if (r->end > r->start)
        p->literals[p->n_literals++] = (vlmc_literal){r->start, (size_t)(r->end - r->start)};
    r->start = r->end;
}

static void put(run *r, char c)
{
    *r->end++ = c;
}

// Ends at the first set in brackets: where that ends is for fnmatch() to say.
static void glob_literals(run *r, const char *text)
{
    for (; *text && *text != '['; text++) {
        if (*text == '*' || *text == '?')
            end_run(r);
        else if (*text == '\\' && text[1])
            put(r, *++text);
        else
            put(r, *text);
    }
    end_run(r);
}

// Ends at the first group or set. Nothing is certain where there is a choice.
static void regex_literals(run *r, const char *text)
{
    if (strchr(text, '|'))
        return;
    for (; *text && !strchr("[](){}", *text); text++) {
        if (*text == '*' || *text == '?') {
            r->end -= r->end > r->start; // the last character may be missing
            end_run(r);
        } else if (*text == '\\' && text[1] && !strchr("<>`'", text[1]) &&
                   ispunct((unsigned char)text[1])) {
            put(r, *++text);
        } else if (*text == '\\' && text[1]) {
            end_run(r);
            text++;
        } else if (strchr(".^$+\\", *text)) {
            end_run(r);
        } else {
            put(r, *text);
        }
    }
    if (*text == '{' && r->end > r->start)
        r->end--;
    end_run(r);
}

static vlmc_status find_literals(vlmc_pattern *p, vlmc_error *error)
{
    p->literals = calloc(p->size + 1, sizeof *p->literals);
    p->unescaped = malloc(p->size + 1);
    if (!p->literals || !p->unescaped)
        return vlmc_catalog_no_memory(error);
    run r = {.pattern = p, .start = p->unescaped, .end = p->unescaped};
    if (p->kind == VLMC_FIND_GLOB)
        glob_literals(&r, p->text);
    else if (p->kind == VLMC_FIND_REGEX)
        regex_literals(&r, p->text);
    else if (p->size)
        p->literals[p->n_literals++] = (vlmc_literal){p->text, p->size};
    return VLMC_OK;
}

// ---- Matching ----

static void fold(char *to, const char *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] + ('a' - 'A') : from[i]);
}

static vlmc_status compile(vlmc_pattern *p, vlmc_error *error)
{
    if (p->kind == VLMC_FIND_TEXT && p->ignore_case) {
        p->folded = malloc(p->size + 1);
        if (!p->folded)
            return vlmc_catalog_no_memory(error);
        fold(p->folded, p->text, p->size);
    }
    if (p->kind != VLMC_FIND_REGEX)
        return VLMC_OK;
    const int code =
        regcomp(&p->regex, p->text, REG_EXTENDED | REG_NOSUB | (p->ignore_case ? REG_ICASE : 0));
    if (code) {
        char text[128];
        regerror(code, &p->regex, text, sizeof text);
        return vlmc_fail(error, VLMC_ERROR_USAGE, "\"%s\" is no regular expression: %s", p->text,
                         text);
    }
    p->has_regex = true;
    return VLMC_OK;
}

vlmc_status vlmc_pattern_create(const vlmc_find_params *params, vlmc_pattern *p, vlmc_error *error)
{
    *p = (vlmc_pattern){
        .kind = params->kind,
        .ignore_case = params->ignore_case,
        .text = params->pattern,
        .size = strlen(params->pattern),
        .bytes = newlocale(LC_ALL_MASK, "C", NULL),
    };
    if (!p->bytes)
        return vlmc_catalog_no_memory(error);
    const locale_t before = uselocale(p->bytes);
    vlmc_status status = compile(p, error);
    if (status == VLMC_OK)
        status = find_literals(p, error);
    uselocale(before);
    if (status != VLMC_OK)
        vlmc_pattern_destroy(p);
    return status;
}

void vlmc_pattern_destroy(vlmc_pattern *p)
{
    if (p->has_regex)
        regfree(&p->regex);
    if (p->bytes)
        freelocale(p->bytes);
    free(p->folded);
    free(p->scratch);
    free(p->literals);
    free(p->unescaped);
    *p = (vlmc_pattern){0};
}

// The path with a final NUL, in small letters with `folded`.
static const char *copy_path(vlmc_pattern *p, const char *path, size_t size, bool folded)
{
    if (p->n_scratch < size + 1) {
        free(p->scratch);
        p->n_scratch = 2 * size + 64;
        p->scratch = malloc(p->n_scratch);
        if (!p->scratch) {
            p->n_scratch = 0;
            return NULL;
        }
    }
    if (folded)
        fold(p->scratch, path, size);
    else
        memcpy(p->scratch, path, size);
    p->scratch[size] = 0;
    return p->scratch;
}

static bool matches_glob(vlmc_pattern *p, const char *path, size_t size, bool *failed)
{
    const char *text = copy_path(p, path, size, false);
    *failed = !text;
    return text && fnmatch(p->text, text, p->ignore_case ? FNM_CASEFOLD : 0) == 0;
}

static bool matches_regex(const vlmc_pattern *p, const char *path, size_t size)
{
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)size};
    return regexec(&p->regex, path, 0, &range, REG_STARTEND) == 0;
}

static bool matches_text(vlmc_pattern *p, const char *path, size_t size, bool *failed)
{
    if (!p->ignore_case)
        return memmem(path, size, p->text, p->size) != NULL;
    const char *text = copy_path(p, path, size, true);
    *failed = !text;
    return text && memmem(text, size, p->folded, p->size) != NULL;
}

bool vlmc_pattern_matches(vlmc_pattern *p, const void *path, size_t size, bool *failed)
{
    *failed = false;
    if (p->kind == VLMC_FIND_TEXT)
        return matches_text(p, path, size, failed);
    const locale_t before = uselocale(p->bytes);
    const bool matches = p->kind == VLMC_FIND_GLOB ? matches_glob(p, path, size, failed)
                                                   : matches_regex(p, path, size);
    uselocale(before);
    return matches;
}
