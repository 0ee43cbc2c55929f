// SPDX-License-Identifier: Apache-2.0
// Disks that come and go, by a made-up /proc, /dev and /etc.
#include "catalog/volume.h"
#include "catalog_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *folder, const char *name, const char *text)
{
    char *path = NULL;
    cr_assert(asprintf(&path, "%s/%s", folder, name) > 0);
    FILE *file = fopen(path, "w");
    cr_assert(file != NULL, "%s", path);
    fputs(text, file);
    fclose(file);
    free(path);
}

// A machine with one disk at "/" and two more that may be mounted.
static char *make_system(const char *name)
{
    char *system_folder = scratch(name), *command = NULL;
    cr_assert(asprintf(&command,
                       "rm -rf '%1$s' && mkdir -p '%1$s/proc/self' '%1$s/etc' '%1$s/dev/mapper' "
                       "'%1$s/dev/disk/by-uuid' '%1$s/dev/disk/by-label' && cd '%1$s/dev' && "
                       "touch sda1 sdb1 dm-0 && ln -s ../dm-0 mapper/crypt && "
                       "ln -s ../../sda1 disk/by-uuid/aaaa-1 && ln -s ../../sdb1 "
                       "disk/by-uuid/bbbb-2 && ln -s ../../dm-0 disk/by-uuid/cccc-3 && "
                       "ln -s ../../sdb1 'disk/by-label/My\\x20disk'",
                       system_folder) > 0);
    cr_assert_eq(system(command), 0);
    free(command);
    write_file(system_folder, "etc/machine-id", "0123456789abcdef\n");
    return system_folder;
}

static void mount(const char *system_folder, const char *lines)
{
    write_file(system_folder, "proc/self/mountinfo", lines);
}

#define ROOT "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"

static void assert_place(const vlmc_mounts *mounts, const char *path, const char *identity,
                         const char *on_volume)
{
    vlmc_place place;
    vlmc_error error;
    cr_assert_eq(vlmc_mounts_place(mounts, path, &place, &error), VLMC_OK);
    cr_assert_str_eq(place.identity, identity);
    cr_assert_str_eq(place.path, on_volume);
    char *back = NULL;
    cr_assert_eq(vlmc_mounts_locate(mounts, identity, on_volume, &back, &error), VLMC_OK);
    cr_assert(back != NULL);
    free(back);
    free(place.path);
}

Test(volumes, are_known_by_uuid_dataset_server_or_machine)
{
    char *folder = make_system("identities");
    vlmc_mounts *mounts;
    vlmc_error error;
    mount(folder, ROOT "23 22 8:17 / /media/My\\040disk rw - vfat /dev/sdb1 rw\n"
                       "24 22 0:40 / /tmp rw - tmpfs tmpfs rw\n"
                       "25 22 0:41 / /net rw shared:9 master:3 - nfs4 server:/export rw\n"
                       "26 22 0:42 / /tank rw - zfs tank/data rw\n"
                       "27 22 0:43 /@home /home rw - btrfs /dev/mapper/crypt rw\n"
                       "28 22 8:1 /var/lib /bind rw - ext4 /dev/sda1 rw\n"
                       "nonsense\n29 22 8:1 / relative rw - ext4 /dev/sda1 rw\n");
    cr_assert_eq(vlmc_mounts_read(folder, &mounts, &error), VLMC_OK);
    assert_place(mounts, "/srv/a.vlmc", "uuid:aaaa-1", "/srv/a.vlmc");
    assert_place(mounts, "/media/My disk/x/a.vlmc", "uuid:bbbb-2", "/x/a.vlmc");
    assert_place(mounts, "/tmp/a.vlmc", "host:0123456789abcdef", "/tmp/a.vlmc");
    assert_place(mounts, "/net/a.vlmc", "net:server:/export", "/a.vlmc");
    assert_place(mounts, "/tank/a.vlmc", "zfs:tank/data", "/a.vlmc");
    assert_place(mounts, "/home/kim/a.vlmc", "uuid:cccc-3", "/@home/kim/a.vlmc");
    assert_place(mounts, "/bind/x/a.vlmc", "uuid:aaaa-1", "/var/lib/x/a.vlmc");
    assert_place(mounts, "/bindings/a.vlmc", "uuid:aaaa-1", "/bindings/a.vlmc");
    const vlmc_mount *disk = vlmc_mounts_of(mounts, "/media/My disk/x");
    cr_assert_str_eq(disk->label, "My disk");
    cr_assert(vlmc_mounts_of(mounts, "/net/x")->is_network);
    cr_assert_not(disk->is_network);
    vlmc_mounts_destroy(&mounts);
    free(folder);
}

Test(volumes, are_found_wherever_they_are_mounted_and_not_where_they_are_hidden)
{
    char *folder = make_system("elsewhere"), *path = NULL;
    vlmc_mounts *mounts;
    vlmc_error error;
    mount(folder, ROOT "23 22 8:17 / /mnt rw - vfat /dev/sdb1 rw\n"
                       "24 22 8:17 /sub /mnt rw - vfat /dev/sdb1 rw\n"
                       "25 22 8:17 / /again rw - vfat /dev/sdb1 rw\n");
    cr_assert_eq(vlmc_mounts_read(folder, &mounts, &error), VLMC_OK);
    cr_assert_eq(vlmc_mounts_locate(mounts, "uuid:bbbb-2", "/a.vlmc", &path, &error), VLMC_OK);
    cr_assert_str_eq(path, "/again/a.vlmc");
    free(path);
    cr_assert_eq(vlmc_mounts_locate(mounts, "uuid:bbbb-2", "/sub/a.vlmc", &path, &error), VLMC_OK);
    cr_assert_str_eq(path, "/mnt/a.vlmc");
    free(path);
    cr_assert_eq(vlmc_mounts_locate(mounts, "uuid:cccc-3", "/a.vlmc", &path, &error), VLMC_OK);
    cr_assert(path == NULL, "it is not mounted");
    cr_assert_eq(vlmc_mounts_locate(mounts, "host:other", "/a.vlmc", &path, &error), VLMC_OK);
    cr_assert(path == NULL, "another machine");
    vlmc_mounts_destroy(&mounts);
    free(folder);
}

Test(volumes, of_a_system_that_says_nothing_are_the_machine_itself)
{
    char *folder = scratch("nothing");
    vlmc_mounts *mounts;
    vlmc_place place;
    vlmc_error error;
    cr_assert_eq(vlmc_mounts_read(folder, &mounts, &error), VLMC_OK);
    cr_assert_eq(vlmc_mounts_place(mounts, "/x/a.vlmc", &place, &error), VLMC_OK);
    cr_assert(strncmp(place.identity, "host:", 5) == 0);
    cr_assert_str_eq(place.path, "/x/a.vlmc");
    free(place.path);
    vlmc_mounts_destroy(&mounts);
    free(folder);
}

// The disk sdb1 at the folder, which exists, or nowhere.
static void plug(const char *system_folder, const char *at)
{
    char *lines = NULL;
    cr_assert(asprintf(&lines, ROOT "%s%s%s", at ? "23 22 8:17 / " : "", at ? at : "",
                       at ? " rw - vfat /dev/sdb1 rw\n" : "") > 0);
    mount(system_folder, lines);
    free(lines);
}

Test(volumes, an_archive_on_an_unplugged_disk_is_found_with_the_name_of_the_disk)
{
    char *folder = make_system("unplugged"), *path = scratch("unplugged.db");
    char *first = scratch("plugged_here"), *second = scratch("plugged_there"), *file, *file2;
    vlmc_error error;
    uint64_t n;
    mkdir(first, 0777);
    cr_assert(asprintf(&file, "%s/a.vlmc", first) > 0 && asprintf(&file2, "%s/a.vlmc", second) > 0);
    plug(folder, first);
    vlmc_catalog *catalog = open_catalog_under(path, folder);
    vlmc_reader *reader = make_small_archive(file, "dir/a", "hello");
    record(catalog, reader, file);
    cr_assert_str_eq(list(catalog), "a.vlmc;");
    vlmc_catalog_close(&catalog);

    plug(folder, NULL);
    cr_assert_eq(rename(first, second), 0);
    catalog = open_catalog_under(path, folder);
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "dir/a"), "[My disk]a.vlmc:dir/a;");
    cr_assert_eq(vlmc_catalog_name_volume(catalog, "My disk", "shelf", &error), VLMC_OK);
    cr_assert_str_eq(list(catalog), "[shelf]a.vlmc;");
    cr_assert_eq(vlmc_catalog_name_volume(catalog, "bbbb-2", "shelf 3", &error), VLMC_OK);
    cr_assert_str_eq(list(catalog), "[shelf 3]a.vlmc;");
    cr_assert_eq(vlmc_catalog_name_volume(catalog, "none", "x", &error), VLMC_ERROR_USAGE);
    cr_assert_eq(vlmc_catalog_name_volume(catalog, "/", "shelf 3", &error), VLMC_ERROR_USAGE);
    cr_assert(strstr(error.text, "another volume") != NULL, "%s", error.text);
    vlmc_catalog_close(&catalog);

    plug(folder, second);
    catalog = open_catalog_under(path, folder);
    cr_assert_str_eq(list(catalog), "a.vlmc;");
    record(catalog, reader, file2);
    cr_assert_str_eq(list(catalog), "a.vlmc;", "the same copy, mounted elsewhere");
    vlmc_catalog_close(&catalog);

    plug(folder, NULL);
    catalog = open_catalog_under(path, folder);
    cr_assert_eq(vlmc_catalog_forget(catalog, "[shelf] /a.vlmc", &n, &error), VLMC_OK);
    cr_assert_eq(n, 0, "another name");
    cr_assert_eq(vlmc_catalog_forget(catalog, "[shelf 3] /a.vlmc", &n, &error), VLMC_OK);
    cr_assert_eq(n, 1);
    vlmc_catalog_close(&catalog);
    vlmc_reader_destroy(&reader);
    unlink(file2), rmdir(second);
    free(folder), free(path), free(first), free(second), free(file), free(file2);
}

Test(volumes, rebuild_keeps_what_is_on_a_disk_that_is_not_here)
{
    char *folder = make_system("kept"), *path = scratch("kept.db"), *disk = scratch("kept_disk");
    char *file, *aside = NULL;
    vlmc_error error;
    mkdir(disk, 0777);
    cr_assert(asprintf(&file, "%s/a.vlmc", disk) > 0);
    plug(folder, disk);
    vlmc_catalog *catalog = open_catalog_under(path, folder);
    vlmc_reader *reader = make_small_archive(file, "dir/a", "hello");
    record(catalog, reader, file);
    vlmc_catalog_close(&catalog);
    char *before = dump(path);
    plug(folder, NULL);
    unlink(file);
    const vlmc_catalog_params params = {.path = path, .system = folder};
    cr_assert_eq(vlmc_catalog_rebuild(&params, &(vlmc_rebuild_params){0}, &aside, &error), VLMC_OK,
                 "%s", error.text);
    char *after = dump(path);
    cr_assert_str_eq(before, after);
    vlmc_reader_destroy(&reader);
    rmdir(disk);
    free(folder), free(path), free(disk), free(file), free(before), free(after);
}

Test(volumes, a_catalog_on_a_network_drive_is_refused)
{
    char *folder = make_system("network"), *path = scratch("network.db"), *lines = NULL;
    vlmc_error error;
    vlmc_catalog *catalog;
    cr_assert(asprintf(&lines, ROOT "23 22 0:9 / %s rw - nfs4 server:/home rw\n",
                       getenv("VLMC_TEST_SCRATCH")) > 0);
    mount(folder, lines);
    const vlmc_catalog_params params = {.path = path, .create = true, .system = folder};
    cr_assert_eq(vlmc_catalog_open(&params, &catalog, &error), VLMC_ERROR_CATALOG);
    cr_assert(strstr(error.text, "network drive (nfs4)") != NULL, "%s", error.text);
    cr_assert(access(path, F_OK) != 0, "and is not made");
    free(folder), free(path), free(lines);
}
