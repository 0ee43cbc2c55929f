// SPDX-License-Identifier: Apache-2.0
#include "attributes.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64u

// Which parts a set has.
#define HAS_OWNER 1u
#define HAS_ACCESS_ACL 2u
#define HAS_DEFAULT_ACL 4u
#define HAS_XATTRS 8u
#define HAS_ALL 15u

// ---- Writing ----

static bool is_text(const char *text, size_t least, size_t most)
{
    const size_t n = strnlen(text, most + 1);
    return n >= least && n <= most;
}

static const char *xattr_problem(const vlmc_xattr *xattr)
{
    if (!is_text(xattr->name, 1, VLMC_XATTR_NAME_BYTES_MAX))
        return "an extended attribute whose name is too long";
    return xattr->size > VLMC_XATTR_BYTES_MAX ? "an extended attribute that is too large" : NULL;
}

const char *vlmc_attributes_problem(const vlmc_attributes *a)
{
    if (!a)
        return NULL;
    if (a->has_owner && (!is_text(a->user ? a->user : "", 0, VLMC_OWNER_BYTES_MAX) ||
                         !is_text(a->group ? a->group : "", 0, VLMC_OWNER_BYTES_MAX)))
        return "an owner whose name is too long";
    if ((a->acl_access && !is_text(a->acl_access, 1, VLMC_ACL_BYTES_MAX)) ||
        (a->acl_default && !is_text(a->acl_default, 1, VLMC_ACL_BYTES_MAX)))
        return "an access control list that is too long";
    if (a->n_xattrs > VLMC_XATTRS_MAX)
        return "too many extended attributes";
    for (uint32_t i = 0; i < a->n_xattrs; i++) {
        const char *problem = xattr_problem(&a->xattrs[i]);
        if (problem)
            return problem;
        if (i > 0 && strcmp(a->xattrs[i - 1].name, a->xattrs[i].name) >= 0)
            return "extended attributes that are not in order";
    }
    return NULL;
}

static bool add_xattrs(vlmc_buffer *b, const vlmc_attributes *a)
{
    bool done = vlmc_buffer_add_varint(b, a->n_xattrs);
    for (uint32_t i = 0; i < a->n_xattrs && done; i++) {
        const vlmc_xattr *x = &a->xattrs[i];
        done = vlmc_buffer_add_string(b, x->name) && vlmc_buffer_add_varint(b, x->size) &&
               vlmc_buffer_add(b, x->value, x->size);
    }
    return done;
}

static bool add_set(vlmc_buffer *b, uint32_t mode, const vlmc_attributes *a)
{
    const uint8_t parts =
        (uint8_t)((a->has_owner ? HAS_OWNER : 0) | (a->acl_access ? HAS_ACCESS_ACL : 0) |
                  (a->acl_default ? HAS_DEFAULT_ACL : 0) | (a->n_xattrs ? HAS_XATTRS : 0));
    bool done = vlmc_buffer_add(b, &parts, 1) && vlmc_buffer_add_varint(b, mode);
    if (a->has_owner)
        done = done && vlmc_buffer_add_varint(b, a->uid) && vlmc_buffer_add_varint(b, a->gid) &&
               vlmc_buffer_add_string(b, a->user ? a->user : "") &&
               vlmc_buffer_add_string(b, a->group ? a->group : "");
    if (a->acl_access)
        done = done && vlmc_buffer_add_string(b, a->acl_access);
    if (a->acl_default)
        done = done && vlmc_buffer_add_string(b, a->acl_default);
    return done && (a->n_xattrs == 0 || add_xattrs(b, a));
}

// Where the set at `at` is, or where it goes.
static vlmc_attribute_slot *find_slot(const vlmc_attribute_table *t, uint64_t hash,
                                      const uint8_t *set, size_t bytes)
{
    uint32_t i = (uint32_t)hash & (t->n_slots - 1);
    for (; t->slots[i].number; i = (i + 1) & (t->n_slots - 1)) {
        const vlmc_attribute_slot *s = &t->slots[i];
        if (s->hash == hash && s->bytes == bytes && memcmp(t->sets.bytes + s->at, set, bytes) == 0)
            break;
    }
    return &t->slots[i];
}

static bool grow(vlmc_attribute_table *t)
{
    if (2 * (t->n + 1) <= t->n_slots)
        return true;
    vlmc_attribute_table grown = *t;
    grown.n_slots = t->n_slots ? 2 * t->n_slots : SLOTS_FIRST;
    grown.slots = calloc(grown.n_slots, sizeof *grown.slots);
    if (!grown.slots)
        return false;
    for (uint32_t i = 0; i < t->n_slots; i++) {
        const vlmc_attribute_slot *s = &t->slots[i];
        if (s->number)
            *find_slot(&grown, s->hash, t->sets.bytes + s->at, s->bytes) = *s;
    }
    free(t->slots);
    *t = grown;
    return true;
}

vlmc_status vlmc_attribute_table_add(vlmc_attribute_table *t, uint32_t mode,
                                     const vlmc_attributes *attributes, uint32_t *number,
                                     vlmc_error *error)
{
    static const vlmc_attributes none;
    const size_t at = t->sets.size;
    if (!grow(t) || !add_set(&t->sets, mode, attributes ? attributes : &none))
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the archive's index");
    const size_t bytes = t->sets.size - at;
    const uint64_t hash = vlmc_format_hash(t->sets.bytes + at, bytes);
    vlmc_attribute_slot *slot = find_slot(t, hash, t->sets.bytes + at, bytes);
    if (slot->number)
        t->sets.size = at;
    else
        *slot = (vlmc_attribute_slot){hash, (uint32_t)at, (uint32_t)bytes, ++t->n};
    *number = slot->number - 1;
    return VLMC_OK;
}

void vlmc_attribute_table_destroy(vlmc_attribute_table *table)
{
    vlmc_buffer_free(&table->sets);
    free(table->slots);
    *table = (vlmc_attribute_table){0};
}

// ---- Reading ----

// Extended attributes go to `xattrs`, where there is room, and are counted.
static vlmc_status take_xattrs(vlmc_cursor *c, vlmc_xattr *xattrs, uint32_t *n)
{
    const char *last = "";
    VLMC_TRY(vlmc_cursor_number32(c, VLMC_XATTRS_MAX, n));
    if (*n == 0)
        return vlmc_cursor_broken(c, "a list of nothing");
    for (uint32_t i = 0; i < *n; i++) {
        vlmc_xattr x;
        VLMC_TRY(vlmc_cursor_text(c, 1, VLMC_XATTR_NAME_BYTES_MAX, &x.name));
        VLMC_TRY(vlmc_cursor_number32(c, VLMC_XATTR_BYTES_MAX, &x.size));
        VLMC_TRY(vlmc_cursor_take(c, x.size, &x.value));
        if (strcmp(last, x.name) >= 0)
            return vlmc_cursor_broken(c, "extended attributes out of order");
        last = x.name;
        if (xattrs)
            xattrs[i] = x;
    }
    return VLMC_OK;
}

static vlmc_status take_owner(vlmc_cursor *c, vlmc_attributes *a)
{
    a->has_owner = true;
    VLMC_TRY(vlmc_cursor_number32(c, UINT32_MAX, &a->uid));
    VLMC_TRY(vlmc_cursor_number32(c, UINT32_MAX, &a->gid));
    VLMC_TRY(vlmc_cursor_text(c, 0, VLMC_OWNER_BYTES_MAX, &a->user));
    return vlmc_cursor_text(c, 0, VLMC_OWNER_BYTES_MAX, &a->group);
}

static vlmc_status take_set(vlmc_cursor *c, vlmc_xattr *xattrs, vlmc_attribute_set *set)
{
    uint8_t parts;
    *set = (vlmc_attribute_set){0};
    VLMC_TRY(vlmc_cursor_byte(c, &parts));
    if (parts & ~HAS_ALL)
        return vlmc_fail(c->error, VLMC_ERROR_FORMAT,
                         "%s has attributes that this vlmc does not know (%u); use a newer vlmc",
                         c->path, parts);
    set->any = parts != 0;
    VLMC_TRY(vlmc_cursor_number32(c, 07777, &set->mode));
    if (parts & HAS_OWNER)
        VLMC_TRY(take_owner(c, &set->attributes));
    if (parts & HAS_ACCESS_ACL)
        VLMC_TRY(vlmc_cursor_text(c, 1, VLMC_ACL_BYTES_MAX, &set->attributes.acl_access));
    if (parts & HAS_DEFAULT_ACL)
        VLMC_TRY(vlmc_cursor_text(c, 1, VLMC_ACL_BYTES_MAX, &set->attributes.acl_default));
    if (parts & HAS_XATTRS) {
        VLMC_TRY(take_xattrs(c, xattrs, &set->attributes.n_xattrs));
        set->attributes.xattrs = xattrs;
    }
    return VLMC_OK;
}

// How many extended attributes there are: the sets are gone through twice.
static vlmc_status count_xattrs(vlmc_cursor c, uint32_t n, size_t *sum)
{
    *sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        vlmc_attribute_set set;
        VLMC_TRY(take_set(&c, NULL, &set));
        *sum += set.attributes.n_xattrs;
    }
    return VLMC_OK;
}

vlmc_status vlmc_attribute_sets_parse(vlmc_cursor *c, vlmc_attribute_sets *sets)
{
    size_t n_xattrs;
    VLMC_TRY(vlmc_cursor_number32(c, UINT32_MAX, &sets->n));
    if (sets->n > c->left / 2)
        return vlmc_cursor_broken(c, "it ends early");
    VLMC_TRY(count_xattrs(*c, sets->n, &n_xattrs));
    sets->sets = calloc((size_t)sets->n + 1, sizeof *sets->sets);
    sets->xattrs = calloc(n_xattrs + 1, sizeof *sets->xattrs);
    if (!sets->sets || !sets->xattrs)
        return vlmc_cursor_no_memory(c);
    vlmc_xattr *xattrs = sets->xattrs;
    for (uint32_t i = 0; i < sets->n; i++) {
        VLMC_TRY(take_set(c, xattrs, &sets->sets[i]));
        xattrs += sets->sets[i].attributes.n_xattrs;
    }
    return VLMC_OK;
}

void vlmc_attribute_sets_destroy(vlmc_attribute_sets *sets)
{
    free(sets->sets);
    free(sets->xattrs);
    *sets = (vlmc_attribute_sets){0};
}
