// SPDX-License-Identifier: Apache-2.0
#include "restore_entry.h"

#include <archive.h>
#include <stdlib.h>
#include <string.h>

bool restore_wants_xattr(const restore_options *options, const char *name)
{
    if (strncmp(name, "user.", 5) == 0)
        return true;
    if (strcmp(name, "security.capability") == 0)
        return options->special_bits && options->same_owner;
    return options->same_owner && strncmp(name, "system.", 7) != 0;
}

// Without being asked, set-user-id, set-group-id and, for files, sticky bits are not restored.
static unsigned mode_of(const vlmc_entry *entry, const restore_options *options)
{
    const unsigned bits = options->special_bits              ? 07777
                          : entry->type == VLMC_ENTRY_FOLDER ? 01777
                                                             : 0777;
    return entry->mode & bits;
}

static vlmc_status set_acl(struct archive_entry *out, const vlmc_entry *entry, const char *text,
                           int type, vlmc_error *error)
{
    if (!text || entry->type == VLMC_ENTRY_SYMLINK ||
        archive_entry_acl_from_text(out, text, type) >= ARCHIVE_WARN)
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_REFUSED,
                     "cannot extract \"%s\": its access control list makes no sense", entry->path);
}

vlmc_status restore_fill_entry(struct archive_entry *out, const vlmc_entry *entry, const char *path,
                               const restore_options *options, vlmc_error *error)
{
    const vlmc_attributes *a = entry->attributes;
    archive_entry_clear(out);
    archive_entry_copy_pathname(out, path);
    archive_entry_set_filetype(out, entry->type == VLMC_ENTRY_FOLDER    ? AE_IFDIR
                                    : entry->type == VLMC_ENTRY_SYMLINK ? AE_IFLNK
                                                                        : AE_IFREG);
    archive_entry_set_perm(out, mode_of(entry, options));
    archive_entry_set_mtime(out, entry->mtime_seconds, (long)entry->mtime_ns);
    if (entry->type == VLMC_ENTRY_FILE)
        archive_entry_set_size(out, (la_int64_t)entry->size_bytes);
    if (entry->type == VLMC_ENTRY_SYMLINK)
        archive_entry_copy_symlink(out, entry->link);
    if (!a)
        return VLMC_OK;
    if (a->has_owner) {
        archive_entry_set_uid(out, a->uid);
        archive_entry_set_gid(out, a->gid);
        if (a->user && *a->user)
            archive_entry_copy_uname(out, a->user);
        if (a->group && *a->group)
            archive_entry_copy_gname(out, a->group);
    }
    for (uint32_t i = 0; i < a->n_xattrs; i++)
        if (restore_wants_xattr(options, a->xattrs[i].name))
            archive_entry_xattr_add_entry(out, a->xattrs[i].name, a->xattrs[i].value,
                                          a->xattrs[i].size);
    VLMC_TRY(set_acl(out, entry, a->acl_access, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, error));
    return set_acl(out, entry, a->acl_default, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, error);
}
