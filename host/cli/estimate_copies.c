// SPDX-License-Identifier: Apache-2.0
// GNU: qsort_r, to sort numbers of items by what the items are.
#include "estimate_copies.h"

#include "estimate_media.h"

#include <stdlib.h>
#include <string.h>

#define CANDIDATES_MAX 4u // earlier files that are looked at
#define COMPARED_BYTES ((size_t)64 << 10)

static int by_size(const void *a, const void *b, void *user)
{
    const walk *walk = user;
    const size_t left = *(const size_t *)a, right = *(const size_t *)b;
    const uint64_t left_size = walk->items[left].size_bytes;
    const uint64_t right_size = walk->items[right].size_bytes;
    if (left_size != right_size)
        return left_size < right_size ? -1 : 1;
    return left < right ? -1 : left > right;
}

vlmc_status estimate_copies_create(const walk *walk, estimate_copies *copies, vlmc_error *error)
{
    *copies = (estimate_copies){.walk = walk};
    copies->by_size = malloc((walk->n_items + 1) * sizeof *copies->by_size);
    if (!copies->by_size)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a sample of the files");
    for (size_t i = 0; i < walk->n_items; i++)
        if (walk->items[i].size_bytes > 0)
            copies->by_size[copies->n++] = i;
    qsort_r(copies->by_size, copies->n, sizeof *copies->by_size, by_size, (void *)(uintptr_t)walk);
    return VLMC_OK;
}

void estimate_copies_destroy(estimate_copies *copies)
{
    free(copies->by_size);
    *copies = (estimate_copies){0};
}

static bool is_same(const char *path, uint64_t offset, const uint8_t *bytes, size_t n)
{
    uint8_t *other = malloc(n);
    const int fd = estimate_open(NULL, path);
    const bool same = other && fd >= 0 && estimate_read(fd, offset, other, n) == n &&
                      memcmp(other, bytes, n) == 0;
    estimate_close(fd);
    free(other);
    return same;
}

bool estimate_copies_has(const estimate_copies *copies, size_t item, uint64_t offset,
                         const uint8_t *bytes, size_t n)
{
    const walk *walk = copies->walk;
    size_t first = 0, last = copies->n;
    while (first < last) {
        const size_t middle = first + (last - first) / 2;
        if (by_size(&copies->by_size[middle], &item, (void *)(uintptr_t)walk) < 0)
            first = middle + 1;
        else
            last = middle;
    }
    if (n > COMPARED_BYTES)
        n = COMPARED_BYTES;
    for (size_t i = 1; i <= CANDIDATES_MAX && i <= first; i++) {
        const walk_item *earlier = &walk->items[copies->by_size[first - i]];
        if (earlier->size_bytes != walk->items[item].size_bytes)
            return false;
        if (is_same(earlier->disk, offset, bytes, n))
            return true;
    }
    return false;
}
