// SPDX-License-Identifier: Apache-2.0
// The CPU kernels as one table per instruction set. Every table computes exactly what ops.h
// says; "reference" calls ops.c itself. Kernels allocate nothing and are [thread-safe] as long
// as their outputs do not overlap.
#ifndef VLMC_CPU_KERNELS_H
#define VLMC_CPU_KERNELS_H

#include "../model/model.h"

#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_CPU_ALIGNMENT 64u
#define VLMC_CPU_PANEL_ROWS 16u // outputs that share one requantisation record
#define VLMC_CPU_KEY_BLOCK 16u  // slots of a KV ring that kernels handle together
#define VLMC_CPU_PARTS_MAX 3u

// What a linear does with its requantised sums; see the vlmc_op_linear_* of ops.h.
typedef enum vlmc_cpu_epilogue {
    VLMC_CPU_INT8,  // int8_t out
    VLMC_CPU_RELU2, // int8_t out
    VLMC_CPU_ADD,   // int16_t residual, in place
    VLMC_CPU_INT16, // int16_t out
} vlmc_cpu_epilogue;

// Requantisation of 16 neighbouring outputs, laid out for 32 x 32 -> 64 bit multiplies:
// `even` holds outputs 0, 2, 4 …, `odd` holds 1, 3, 5 ….
// A 64-bit value v = acc * multiplier + 2^(shift-1) lies within ±2^47, so that
// (v + 2^48) >> shift is a logical shift of a positive number and equals
// (v >> shift) + 2^(48 - shift): instruction sets without a 64-bit arithmetic shift use that.
typedef struct vlmc_cpu_requant {
    int32_t multiplier[16];    // in the order of the outputs; its even entries serve `even`
    int64_t multiplier_odd[8]; // 0..65535
    int64_t round_even[8];     // 2^(shift-1)
    int64_t round_odd[8];
    int64_t shift_even[8];
    int64_t shift_odd[8];
    int32_t lift[16]; // 2^(48-shift) modulo 2^32
} vlmc_cpu_requant;

// Up to three linears with the same inputs, prepared as one: outputs follow each other.
typedef struct vlmc_cpu_linear {
    uint32_t rows; // of all parts
    uint32_t cols;
    uint32_t n_parts;
    vlmc_linear parts[VLMC_CPU_PARTS_MAX]; // borrow the model's tensors
    void *panels;                          // the variant's packing of the weights, or NULL
    vlmc_cpu_requant *requant;             // (rows / 16)
} vlmc_cpu_linear;

// One key/value head: what the kernels need to know of a KV ring and its query heads.
typedef struct vlmc_cpu_attention {
    uint32_t head_dim;
    uint32_t group;      // query heads that share the key/value head
    uint32_t window;     // positions that a query sees, itself included
    uint32_t capacity;   // slots of the ring, a multiple of VLMC_CPU_KEY_BLOCK; position p lives
                         // in slot p % capacity
    const int32_t *bias; // (group, window), by distance
    // The same for vector kernels: reversed[h * reversed_stride + window - 1 - distance], with
    // VLMC_CPU_BIAS_PAD entries of VLMC_CPU_HIDDEN before and after each row, so that a key
    // outside of the window, or not yet written, gets the weight 0 without a test.
    const int32_t *reversed; // points at the first distance of head 0, after its pad
    size_t reversed_stride;
} vlmc_cpu_attention;

#define VLMC_CPU_BIAS_PAD 256u
// Below any true score by more than 15 octaves: |score| < 2^24 + 2^21.
#define VLMC_CPU_HIDDEN (-(1 << 30))

typedef struct vlmc_cpu_kernels {
    const char *name;

    // Bytes of vlmc_cpu_linear.panels for rows x cols weights; 0 = none wanted.
    size_t (*panel_bytes)(uint32_t rows, uint32_t cols);
    // Fills linear->panels from linear->parts.
    void (*pack)(vlmc_cpu_linear *linear);

    // a // (n, cols)    y // (n, rows), type by epilogue
    void (*linear)(const vlmc_cpu_linear *linear, vlmc_cpu_epilogue epilogue, uint32_t n,
                   const int8_t *a, void *y);
    void (*reglu)(uint32_t n, uint32_t hidden, const int8_t *gated, int8_t *y);
    void (*norm)(uint32_t n, uint32_t width, const int16_t *x, int8_t *y);

    // Bytes of one KV ring (one stream, layer and key/value head), zeroed by the owner and
    // aligned to VLMC_CPU_ALIGNMENT.
    size_t (*ring_bytes)(uint32_t head_dim, uint32_t capacity);
    // Writes n positions from `position` on; rows of k and v are `stride` bytes apart.
    void (*store)(const vlmc_cpu_attention *attention, void *ring, uint64_t position, uint32_t n,
                  const int8_t *k, const int8_t *v, size_t stride);
    // n query positions from `position` on, which the ring already holds, as it holds the
    // `window` - 1 positions before the first: n + window - 1 <= capacity.
    //   q // (n, group, head_dim), positions `q_stride` bytes apart;  y: the same, `y_stride`
    void (*attend)(const vlmc_cpu_attention *attention, const void *ring, uint64_t position,
                   uint32_t n, const int8_t *q, size_t q_stride, int8_t *y, size_t y_stride);

    // vlmc_op_frequencies.
    void (*frequencies)(uint32_t vocab, const int16_t *logits, uint32_t *frequencies);
} vlmc_cpu_kernels;

// The fastest table that this CPU runs.
const vlmc_cpu_kernels *vlmc_cpu_kernels_best(void);

// "reference", "avx2", "avx512vnni", "neon"; NULL or "auto" = best. NULL when this build does
// not have it or this CPU cannot run it.
const vlmc_cpu_kernels *vlmc_cpu_kernels_find(const char *variant);

int vlmc_cpu_variant_available(const char *variant);

// The names that this build knows, best first; NULL past the end.
const char *vlmc_cpu_variant_name(uint32_t index);

// Prepares 1..3 linears of equal cols as one. The tensors stay borrowed.
vlmc_status vlmc_cpu_linear_create(const vlmc_cpu_kernels *kernels, const vlmc_linear *const *parts,
                                   uint32_t n_parts, vlmc_cpu_linear *linear, vlmc_error *error);
void vlmc_cpu_linear_destroy(vlmc_cpu_linear *linear);

// Fills the reversed and padded copy of bias // (heads, window): (heads, stride) with
// stride = vlmc_cpu_bias_stride(window). Row h starts VLMC_CPU_BIAS_PAD into its stride.
size_t vlmc_cpu_bias_stride(uint32_t window);
void vlmc_cpu_bias_reverse(uint32_t heads, uint32_t window, const int32_t *bias, int32_t *reversed);

// malloc with VLMC_CPU_ALIGNMENT, zeroed; NULL when short. Freed by free().
void *vlmc_cpu_allocate(size_t bytes);

// Tables of the variants; use vlmc_cpu_kernels_find.
extern const vlmc_cpu_kernels vlmc_cpu_kernels_reference;
const vlmc_cpu_kernels *vlmc_cpu_kernels_avx2(void);       // NULL when compiled without
const vlmc_cpu_kernels *vlmc_cpu_kernels_avx512vnni(void); // NULL when compiled without
const vlmc_cpu_kernels *vlmc_cpu_kernels_neon(void);       // NULL when compiled without

#endif
