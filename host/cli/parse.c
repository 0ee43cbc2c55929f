// SPDX-License-Identifier: Apache-2.0
// A command line through argp, which repeats arguments in its messages.
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// argp repeats arguments as they are, and a shell may have put the name of any file there.
static ssize_t write_escaped(void *cookie, const char *text, size_t size)
{
    char copy[256];
    (void)cookie;
    for (size_t done = 0; done < size;) {
        const size_t n = size - done < sizeof copy - 1 ? size - done : sizeof copy - 1;
        memcpy(copy, text + done, n);
        copy[n] = 0;
        done += n;
        for (char *line = copy, *end; line; line = end) {
            end = strchr(line, '\n');
            if (end)
                *end++ = 0;
            cli_print_escaped(line, stderr);
            if (end)
                putc('\n', stderr);
        }
    }
    return (ssize_t)size;
}

typedef struct guarded {
    const struct argp *argp;
    void *input; // of its parser
    FILE *errors;
} guarded;

static error_t parse_guarded(int key, char *arg, struct argp_state *state)
{
    guarded *g = state->input;
    if (key == ARGP_KEY_INIT && g->errors)
        state->err_stream = g->errors;
    state->input = g->input;
    const error_t result = g->argp->parser(key, arg, state);
    state->input = g;
    return result;
}

// getopt, below argp, writes an unknown option to stderr by itself.
static void check_options(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const size_t n = strcspn(argv[i], "=");
        if (strncmp(argv[i], "--", 2) != 0)
            continue;
        for (size_t k = 2; k < n; k++) {
            if ((unsigned char)argv[i][k] >= 0x20 && (unsigned char)argv[i][k] < 0x7f)
                continue;
            fprintf(stderr, "%s: unrecognized option '", argv[0]);
            cli_print_escaped(argv[i], stderr);
            fprintf(stderr, "'\nTry `%s --help' for more information.\n", argv[0]);
            exit(CLI_EXIT_USAGE);
        }
    }
}

void cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    const cookie_io_functions_t functions = {.write = write_escaped};
    guarded guarded = {.argp = argp, .input = input};
    struct argp outer = *argp;
    check_options(argc, argv);
    guarded.errors = fopencookie(NULL, "w", functions);
    if (guarded.errors)
        setvbuf(guarded.errors, NULL, _IOLBF, 0);
    outer.parser = parse_guarded;
    argp_err_exit_status = CLI_EXIT_USAGE;
    argp_parse(&outer, argc, argv, 0, NULL, &guarded);
    if (guarded.errors)
        fclose(guarded.errors);
}
