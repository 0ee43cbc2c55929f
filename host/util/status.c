// SPDX-License-Identifier: Apache-2.0
#include <vlmc/status.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void write_text(vlmc_error *error, const char *format, va_list args)
{
    vsnprintf(error->text, sizeof error->text, format, args);
}

vlmc_status vlmc_fail(vlmc_error *error, vlmc_status status, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        *error = (vlmc_error){.status = status};
        write_text(error, format, args);
        va_end(args);
    }
    return status;
}

vlmc_status vlmc_fail_os(vlmc_error *error, vlmc_status status, int os_error, const char *format,
                         ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        *error = (vlmc_error){.status = status, .os_error = os_error};
        write_text(error, format, args);
        va_end(args);
        size_t used = strlen(error->text);
        snprintf(error->text + used, sizeof error->text - used, ": %s", strerror(os_error));
    }
    return status;
}

int vlmc_exit_code(vlmc_status status)
{
    switch (status) {
    case VLMC_OK:
        return 0;
    case VLMC_ERROR_DAMAGED:
        return 3;
    case VLMC_ERROR_MODEL_MISSING:
    case VLMC_ERROR_MODEL_INVALID:
    case VLMC_ERROR_PLUGIN:
    case VLMC_ERROR_PLUGIN_MISSING:
        return 5;
    case VLMC_ERROR_SELFTEST:
        return 6;
    case VLMC_ERROR_EXISTS:
    case VLMC_ERROR_REFUSED:
    case VLMC_ERROR_PASSPHRASE:
        return 7;
    case VLMC_ERROR_CATALOG:
        return 8;
    case VLMC_ERROR_USAGE:
        return 64;
    case VLMC_ERROR_INTERRUPTED:
        return 130;
    default:
        return 2;
    }
}
