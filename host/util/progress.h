// SPDX-License-Identifier: Apache-2.0
// How far a long run is, as a line for a person: at a terminal by itself, elsewhere on request.
// Plain ASCII, so that no locale can spoil it.
#ifndef VLMC_UTIL_PROGRESS_H
#define VLMC_UTIL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define VLMC_PROGRESS_TEXT_BYTES 160u

typedef struct vlmc_progress {
    FILE *stream;      // NULL: show nothing by itself
    const char *phase; // what is being done, "packing"; borrowed
    uint64_t total;    // raw bytes to come, 0 = unknown
    uint64_t done;
    uint64_t n_files;      // that were found
    uint64_t packed;       // grows a group at a time, while `done` grows within a group
    uint64_t ratio_done;   // `done` and `packed` when a group was last complete, 0 = none yet:
    uint64_t ratio_packed; // the ratio is that of complete groups
    uint64_t start_ns;     // of the phase
    uint64_t shown_ns;     // of the last line
    uint64_t rate_ns;      // when the rate was last taken, and
    uint64_t rate_done;    // `done` then
    double rate;           // bytes a second, of late
    bool visible;          // a line without a newline is on the terminal
} vlmc_progress;

// Monotonic time.
uint64_t vlmc_progress_now_ns(void);

// Shows the phase at once.
void vlmc_progress_begin(vlmc_progress *progress, FILE *stream, const char *phase, uint64_t total);

// Tells how far it is; `now_ns` from vlmc_progress_now_ns. True at most ten times a second, when
// it is time for another line, which the stream, if there is one, has got.
bool vlmc_progress_update(vlmc_progress *progress, uint64_t now_ns, uint64_t done, uint64_t packed);

// The same where nobody knows what is to come: tells how many files of how many bytes were found.
bool vlmc_progress_found(vlmc_progress *progress, uint64_t now_ns, uint64_t n_files,
                         uint64_t bytes);

// "looking: 1234 files, 5.6 MB found", cut after so many columns; 0 columns: all of it.
// size >= VLMC_PROGRESS_TEXT_BYTES.
void vlmc_progress_found_text(const vlmc_progress *progress, unsigned columns, char *text,
                              size_t size);

// "packing 41 %, 3.2 MB of 7.8 MB, 212 KB/s, ratio 0.231, 0:22 left", without a newline. The rate
// and the time left are those of the last half minute or so. What does not fit into `columns` is
// left out, the least needed first; 0 columns: all of it. size >= VLMC_PROGRESS_TEXT_BYTES.
void vlmc_progress_text(const vlmc_progress *progress, uint64_t now_ns, unsigned columns,
                        char *text, size_t size);

// Clears the line.
void vlmc_progress_end(vlmc_progress *progress);

// Columns of the terminal behind a stream; 80 where nobody knows.
unsigned vlmc_terminal_columns(FILE *stream);

// "999 B", "1.2 KB", "34 MB": decimal units, three digits at most. size >= 16.
void vlmc_format_bytes(uint64_t bytes, char *text, size_t size);

#endif
