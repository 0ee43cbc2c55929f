// SPDX-License-Identifier: Apache-2.0
#include "catalog_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

// One archive of paths that are hard to find.
static vlmc_catalog *catalog_of(const char *const *paths, size_t n)
{
    made_file files[32];
    char *path = scratch("find.db"), *archive = scratch("a");
    cr_assert(n <= 32);
    for (size_t i = 0; i < n; i++)
        files[i] = (made_file){paths[i], paths[i]};
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_archive(archive, files, n);
    record(catalog, reader, archive);
    vlmc_reader_destroy(&reader);
    free(path), free(archive);
    return catalog;
}

#define CATALOG_OF(...)                                                                            \
    catalog_of((const char *const[]){__VA_ARGS__},                                                 \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

Test(find, compares_any_part_of_the_bytes_of_a_path)
{
    vlmc_catalog *c = CATALOG_OF("dir/f\xff%_'.txt",
                                 "dir/gr\xc3\xbc\xc3\x9f"
                                 "e",
                                 "x\"y\"z/a b c");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "\xff%_"), "a:dir/f\xff%_'.txt;");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "\xff"), "a:dir/f\xff%_'.txt;");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "%"), "a:dir/f\xff%_'.txt;");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "' OR 1 --"), "");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "DIR"), "");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "\"y\""), "a:x\"y\"z/a b c;");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "a b c"), "a:x\"y\"z/a b c;");
    // Within and across the bytes of a character.
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "\xbc\xc3\x9f"), "a:dir/gr\xc3\xbc\xc3\x9f"
                                                              "e;");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "\xc3\xbc\xc3\x9f"), "a:dir/gr\xc3\xbc\xc3\x9f"
                                                                  "e;");
    // What the index folds is not what was asked for: C3 BC C3 9F against E3 BC C3 9F.
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "\xe3\xbc\xc3\x9f"), "");
    vlmc_catalog_close(&c);
}

Test(find, of_less_than_three_bytes_is_right_as_well)
{
    vlmc_catalog *c = CATALOG_OF("ab", "b", "cab");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "b"), "a:ab;a:b;a:cab;");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "ab"), "a:ab;a:cab;");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, ""), "a:ab;a:b;a:cab;");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "ca"), "a:cab;");
    vlmc_catalog_close(&c);
}

Test(find, takes_no_path_whose_trigrams_are_elsewhere_in_it)
{
    vlmc_catalog *c = CATALOG_OF("abcd", "abc bcd");
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, "abcd"), "a:abcd;");
    vlmc_catalog_close(&c);
}

Test(find, of_a_long_text_needs_all_of_it)
{
    char path[600], other[600];
    for (size_t i = 0; i < 599; i++)
        path[i] = other[i] = (char)('a' + (i * i / 7 + i) % 26);
    path[599] = other[599] = 0;
    other[300] = '!';
    vlmc_catalog *c = CATALOG_OF(path);
    cr_assert(strlen(find(c, VLMC_FIND_TEXT, path)) > 599);
    cr_assert_str_eq(find(c, VLMC_FIND_TEXT, other), "");
    vlmc_catalog_close(&c);
}

Test(find, by_shell_pattern_takes_whole_paths)
{
    vlmc_catalog *c = CATALOG_OF("src/a.c", "src/deep/b.c", "src/c.h", "src/[x].c", "src/*.c2");
    cr_assert_str_eq(find(c, VLMC_FIND_GLOB, "src/*.c"), "a:src/[x].c;a:src/a.c;a:src/deep/b.c;");
    cr_assert_str_eq(find(c, VLMC_FIND_GLOB, "*.[ch]"),
                     "a:src/[x].c;a:src/a.c;a:src/c.h;a:src/deep/b.c;");
    cr_assert_str_eq(find(c, VLMC_FIND_GLOB, "src/?.c"), "a:src/a.c;");
    cr_assert_str_eq(find(c, VLMC_FIND_GLOB, "src/\\*.c2"), "a:src/*.c2;");
    cr_assert_str_eq(find(c, VLMC_FIND_GLOB, "src/\\[x].c"), "a:src/[x].c;");
    cr_assert_str_eq(find(c, VLMC_FIND_GLOB, "src/[[]x].c"), "a:src/[x].c;");
    cr_assert_str_eq(find(c, VLMC_FIND_GLOB, "src"), "");
    cr_assert_str_eq(find_ignoring_case(c, VLMC_FIND_GLOB, "SRC/A.*"), "a:src/a.c;");
    vlmc_catalog_close(&c);
}

Test(find, by_regular_expression_asks_the_index_for_what_is_certain_only)
{
    vlmc_catalog *c =
        CATALOG_OF("invoice-12.pdf", "invoice-.pdf", "note.pdf", "abbc", "f\xffo.x", "a+b.txt");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "invoice-[0-9]+\\.pdf$"), "a:invoice-12.pdf;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "invoice-1?2?\\.pdf"),
                     "a:invoice-.pdf;a:invoice-12.pdf;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "^(invoice|note)"),
                     "a:invoice-.pdf;a:invoice-12.pdf;a:note.pdf;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "invoice|abbc"),
                     "a:abbc;a:invoice-.pdf;a:invoice-12.pdf;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "abx*bc"), "a:abbc;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "abbx{0,1}c"), "a:abbc;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "^abbcd?$"), "a:abbc;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "(not|bar)e\\.pdf"), "a:note.pdf;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "note(xyz)?\\.pdf"), "a:note.pdf;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "a\\+b\\.txt"), "a:a+b.txt;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "^f.o\\.x$"), "a:f\xffo.x;");
    cr_assert_str_eq(find(c, VLMC_FIND_REGEX, "\\<note\\>"), "a:note.pdf;");
    cr_assert_str_eq(find_ignoring_case(c, VLMC_FIND_REGEX, "NOTE\\.P"), "a:note.pdf;");
    vlmc_catalog_close(&c);
}

Test(find, of_no_regular_expression_is_an_error_of_usage)
{
    vlmc_catalog *c = CATALOG_OF("a");
    vlmc_error error;
    const vlmc_find_params params = {.kind = VLMC_FIND_REGEX, .pattern = "a["};
    cr_assert_eq(vlmc_catalog_find(c, &params, NULL, NULL, &error), VLMC_ERROR_USAGE);
    vlmc_catalog_close(&c);
}

Test(find, can_ignore_the_case_of_latin_letters)
{
    vlmc_catalog *c = CATALOG_OF("Photos/IMG_0001.JPG", "photos/other.png", "\xc3\x84.txt");
    cr_assert_str_eq(find_ignoring_case(c, VLMC_FIND_TEXT, "img_"), "a:Photos/IMG_0001.JPG;");
    cr_assert_str_eq(find_ignoring_case(c, VLMC_FIND_TEXT, "PHOTOS/"),
                     "a:Photos/IMG_0001.JPG;a:photos/other.png;");
    cr_assert_str_eq(find_ignoring_case(c, VLMC_FIND_TEXT, "P"),
                     "a:Photos/IMG_0001.JPG;a:photos/other.png;");
    cr_assert_str_eq(find_ignoring_case(c, VLMC_FIND_TEXT, "\xc3\x84.TXT"), "a:\xc3\x84.txt;");
    cr_assert_str_eq(find_ignoring_case(c, VLMC_FIND_TEXT, "\xe3\x84.TXT"), "");
    vlmc_catalog_close(&c);
}

Test(find, by_content_takes_the_first_digits_of_its_sha256)
{
    vlmc_catalog *c = CATALOG_OF("abc", "other"); // content "abc": a digest that all books have
    vlmc_error error;
    cr_assert_str_eq(
        find(c, VLMC_FIND_HASH, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        "a:abc;");
    cr_assert_str_eq(find(c, VLMC_FIND_HASH, "BA7816BF8"), "a:abc;");
    cr_assert_str_eq(find(c, VLMC_FIND_HASH, "ba7816be"), "");
    static const char *const none[] = {"ba7816b", "ba7816bg", "",
                                       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20"
                                       "015ad0"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        const vlmc_find_params params = {.kind = VLMC_FIND_HASH, .pattern = none[i]};
        cr_assert_eq(vlmc_catalog_find(c, &params, NULL, NULL, &error), VLMC_ERROR_USAGE);
    }
    vlmc_catalog_close(&c);
}

Test(find, by_content_finds_the_other_names_of_a_file)
{
    char *path = scratch("links.db"), *file = scratch("links.vlmc");
    vlmc_error error;
    vlmc_writer *writer;
    vlmc_reader *reader;
    uint64_t bytes;
    const char *text = "abc";
    const vlmc_writer_params params = {.path = file, .replace = true};
    const vlmc_entry first = {.path = "first", .type = VLMC_ENTRY_FILE, .mode = 0644};
    const vlmc_entry other = {.path = "other", .type = VLMC_ENTRY_HARD_LINK, .target = 0};
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_writer_add(writer, &first, read_text, &text, &error), VLMC_OK);
    cr_assert_eq(vlmc_writer_add(writer, &other, NULL, NULL, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_writer_finish(writer, &bytes, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
    const vlmc_engine_source no_engine = {0};
    cr_assert_eq(vlmc_reader_open(file, &no_engine, &reader, &error), VLMC_OK, "%s", error.text);
    vlmc_catalog *catalog = open_catalog(path);
    record(catalog, reader, file);
    cr_assert_str_eq(find(catalog, VLMC_FIND_HASH, "ba7816bf"),
                     "links.vlmc:first;links.vlmc:other;");
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    free(path), free(file);
}
