// SPDX-License-Identifier: Apache-2.0
#include "seal_file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

vlmc_status vlmc_seal_ask(const uint8_t header[VLMC_HEADER_BYTES],
                          const uint8_t key[VLMC_KEY_BYTES], const char *name,
                          vlmc_passphrase_fn passphrase, void *user, vlmc_seal **seal,
                          vlmc_error *error)
{
    vlmc_status status = VLMC_ERROR_PASSPHRASE;
    *seal = NULL;
    for (uint32_t attempt = 0; status == VLMC_ERROR_PASSPHRASE; attempt++) {
        const vlmc_secret *given;
        VLMC_TRY(passphrase(user, name, attempt, &given, error));
        status = vlmc_seal_open(header, key, given, name, seal, error);
    }
    return status;
}

void vlmc_key_write(const uint8_t key[VLMC_KEY_BYTES], uint8_t *record)
{
    const uint64_t hash = vlmc_format_hash(key, VLMC_KEY_BYTES);
    const vlmc_record head = {
        .type = VLMC_RECORD_KEY,
        .raw_bytes = VLMC_KEY_BYTES,
        .packed_bytes = VLMC_KEY_BYTES,
        .raw_hash = hash,
        .packed_hash = hash,
    };
    vlmc_format_write_record(&head, record);
    memcpy(record + VLMC_RECORD_BYTES, key, VLMC_KEY_BYTES);
}

bool vlmc_key_read(const uint8_t *start, uint8_t key[VLMC_KEY_BYTES])
{
    uint8_t record[VLMC_RECORD_BYTES + VLMC_KEY_BYTES];
    uint16_t flags;
    if (vlmc_format_read_header(start, VLMC_HEADER_BYTES, "", &flags, NULL) != VLMC_OK ||
        !(flags & VLMC_FLAG_ENCRYPTED))
        return false;
    // It has one form only.
    memcpy(key, start + VLMC_HEADER_BYTES + VLMC_RECORD_BYTES, VLMC_KEY_BYTES);
    vlmc_key_write(key, record);
    return memcmp(record, start + VLMC_HEADER_BYTES, sizeof record) == 0;
}

vlmc_status vlmc_seal_of_partial(const char *path, const char *name, vlmc_passphrase_fn passphrase,
                                 void *user, vlmc_seal **seal, vlmc_error *error)
{
    uint8_t start[VLMC_KEY_START_BYTES], key[VLMC_KEY_BYTES];
    *seal = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return VLMC_OK;
    const bool whole = pread(fd, start, sizeof start, 0) == (ssize_t)sizeof start;
    close(fd);
    if (!whole || !vlmc_key_read(start, key))
        return VLMC_OK;
    return vlmc_seal_ask(start, key, name, passphrase, user, seal, error);
}
