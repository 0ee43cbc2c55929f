// SPDX-License-Identifier: Apache-2.0
#include "jpeg_library.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vlmc/plugin.h>

#include <jpeglib.h>

#include <jerror.h>

#define OUTPUT_BYTES 65536u // at first

typedef struct error_trap {
    struct jpeg_error_mgr manager; // first: libjpeg knows no other
    jmp_buf out;
    int32_t result;
} error_trap;

static _Noreturn void leave(j_common_ptr info)
{
    error_trap *trap = (error_trap *)info->err;
    trap->result =
        info->err->msg_code == JERR_OUT_OF_MEMORY ? VLMC_PLUGIN_MEMORY : VLMC_PLUGIN_INVALID;
    longjmp(trap->out, 1);
}

// Warnings are damage, of which libjpeg makes something. Traces are nothing.
static void leave_at_warning(j_common_ptr info, int level)
{
    if (level < 0)
        leave(info);
}

static void print_nothing(j_common_ptr info)
{
    (void)info;
}

static struct jpeg_error_mgr *trap_errors(error_trap *trap)
{
    jpeg_std_error(&trap->manager);
    trap->manager.error_exit = leave;
    trap->manager.emit_message = leave_at_warning;
    trap->manager.output_message = print_nothing;
    return &trap->manager;
}

struct jpeg_source {
    struct jpeg_decompress_struct jpeg;
    error_trap trap;
    jvirt_barray_ptr *planes;
};

void jpeg_source_destroy(jpeg_source **source)
{
    if (!*source)
        return;
    jpeg_destroy_decompress(&(*source)->jpeg);
    free(*source);
    *source = NULL;
}

static bool same_shape(const struct jpeg_decompress_struct *jpeg, const jpeg_frame *frame)
{
    if (jpeg->image_width != frame->width || jpeg->image_height != frame->height ||
        jpeg->num_components != (int)frame->n_components || jpeg->arith_code ||
        jpeg->data_precision != 8)
        return false;
    for (uint32_t i = 0; i < frame->n_components; i++)
        if (jpeg->comp_info[i].h_samp_factor != frame->components[i].h ||
            jpeg->comp_info[i].v_samp_factor != frame->components[i].v)
            return false;
    return true;
}

int32_t jpeg_source_create(const uint8_t *file, size_t n_bytes, const jpeg_frame *frame,
                           jpeg_source **out)
{
    jpeg_source *source = calloc(1, sizeof *source);
    *out = source;
    if (!source)
        return VLMC_PLUGIN_MEMORY;
    source->jpeg.err = trap_errors(&source->trap);
    if (setjmp(source->trap.out))
        goto fail;
    source->trap.result = VLMC_PLUGIN_INVALID;
    jpeg_create_decompress(&source->jpeg);
    jpeg_mem_src(&source->jpeg, file, (unsigned long)n_bytes);
    if (jpeg_read_header(&source->jpeg, TRUE) != JPEG_HEADER_OK ||
        !same_shape(&source->jpeg, frame))
        goto fail;
    source->planes = jpeg_read_coefficients(&source->jpeg);
    if (!source->planes)
        goto fail;
    return VLMC_PLUGIN_OK;

fail:;
    const int32_t result = (*out)->trap.result;
    jpeg_source_destroy(out);
    return result;
}

const int16_t *jpeg_source_row(jpeg_source *source, uint32_t component, uint32_t row)
{
    if (setjmp(source->trap.out))
        return NULL;
    j_common_ptr info = (j_common_ptr)&source->jpeg;
    JBLOCKARRAY rows =
        info->mem->access_virt_barray(info, source->planes[component], row, 1, FALSE);
    return rows[0][0];
}

// Where libjpeg writes to: memory that grows up to a limit.
typedef struct output {
    struct jpeg_destination_mgr manager; // first
    uint8_t *bytes;
    size_t capacity;
    size_t used; // set at the end
} output;

struct jpeg_sink {
    struct jpeg_compress_struct jpeg;
    error_trap trap;
    output output;
    jvirt_barray_ptr planes[JPEG_COMPONENTS_MAX];
    jpeg_scan_info scans[JPEG_SCANS_MAX];
};

static void output_start(j_compress_ptr jpeg)
{
    output *out = (output *)jpeg->dest;
    out->manager.next_output_byte = out->bytes;
    out->manager.free_in_buffer = out->capacity;
}

static boolean output_grow(j_compress_ptr jpeg)
{
    output *out = (output *)jpeg->dest;
    const size_t used = out->capacity; // libjpeg calls when all of it is full
    uint8_t *bytes = used < JPEG_FILE_BYTES_MAX ? realloc(out->bytes, 2 * used) : NULL;
    if (!bytes) {
        jpeg->err->msg_code = JERR_OUT_OF_MEMORY;
        leave((j_common_ptr)jpeg);
    }
    out->bytes = bytes;
    out->capacity = 2 * used;
    out->manager.next_output_byte = bytes + used;
    out->manager.free_in_buffer = used;
    return TRUE;
}

static void output_end(j_compress_ptr jpeg)
{
    output *out = (output *)jpeg->dest;
    out->used = out->capacity - out->manager.free_in_buffer;
}

void jpeg_sink_destroy(jpeg_sink **sink)
{
    if (!*sink)
        return;
    jpeg_destroy_compress(&(*sink)->jpeg);
    free((*sink)->output.bytes);
    free(*sink);
    *sink = NULL;
}

static void set_huffman(j_compress_ptr jpeg, JHUFF_TBL **slot, const jpeg_huffman *table)
{
    if (!table->known)
        return;
    if (!*slot)
        *slot = jpeg_alloc_huff_table((j_common_ptr)jpeg);
    memcpy((*slot)->bits, table->lengths, sizeof table->lengths);
    memcpy((*slot)->huffval, table->symbols, sizeof table->symbols);
}

static void set_tables(j_compress_ptr jpeg, const jpeg_frame *frame)
{
    for (uint32_t i = 0; i < JPEG_TABLES; i++) {
        set_huffman(jpeg, &jpeg->dc_huff_tbl_ptrs[i], &frame->dc[i]);
        set_huffman(jpeg, &jpeg->ac_huff_tbl_ptrs[i], &frame->ac[i]);
        if (!frame->quant_known[i])
            continue;
        if (!jpeg->quant_tbl_ptrs[i])
            jpeg->quant_tbl_ptrs[i] = jpeg_alloc_quant_table((j_common_ptr)jpeg);
        memcpy(jpeg->quant_tbl_ptrs[i]->quantval, frame->quant[i], sizeof frame->quant[i]);
    }
}

static void set_components(jpeg_sink *sink, const jpeg_frame *frame)
{
    j_compress_ptr jpeg = &sink->jpeg;
    for (uint32_t i = 0; i < frame->n_components; i++) {
        const jpeg_component *from = &frame->components[i];
        jpeg_component_info *to = &jpeg->comp_info[i];
        to->component_id = from->id;
        to->h_samp_factor = from->h;
        to->v_samp_factor = from->v;
        to->quant_tbl_no = from->quant_table;
        to->dc_tbl_no = to->ac_tbl_no = 0;
        sink->planes[i] =
            jpeg->mem->request_virt_barray((j_common_ptr)jpeg, JPOOL_IMAGE, TRUE,
                                           (from->columns + from->h - 1) / from->h * from->h,
                                           (from->rows + from->v - 1) / from->v * from->v, from->v);
    }
}

// libjpeg takes tables by component, not by component and scan: scans must agree.
static bool set_scans(jpeg_sink *sink, const jpeg_frame *frame)
{
    j_compress_ptr jpeg = &sink->jpeg;
    bool dc_seen[JPEG_COMPONENTS_MAX] = {0}, ac_seen[JPEG_COMPONENTS_MAX] = {0};
    for (uint32_t s = 0; s < frame->n_scans; s++) {
        const jpeg_scan *from = &frame->scans[s];
        jpeg_scan_info *to = &sink->scans[s];
        to->comps_in_scan = from->n_components;
        to->Ss = from->first;
        to->Se = from->last;
        to->Ah = from->high;
        to->Al = from->low;
        for (uint32_t i = 0; i < from->n_components; i++) {
            const uint32_t c = from->components[i];
            jpeg_component_info *component = &jpeg->comp_info[c];
            to->component_index[i] = (int)c;
            const bool dc = from->first == 0, ac = from->last > 0;
            if (frame->progressive && from->high > 0 && dc)
                continue; // uses no table
            if ((dc && dc_seen[c] && component->dc_tbl_no != from->dc_table[i]) ||
                (ac && ac_seen[c] && component->ac_tbl_no != from->ac_table[i]))
                return frame->progressive; // which makes its own tables
            component->dc_tbl_no = dc ? from->dc_table[i] : component->dc_tbl_no;
            component->ac_tbl_no = ac ? from->ac_table[i] : component->ac_tbl_no;
            dc_seen[c] |= dc;
            ac_seen[c] |= ac;
        }
    }
    jpeg->scan_info = sink->scans;
    jpeg->num_scans = (int)frame->n_scans;
    return true;
}

static bool start(jpeg_sink *sink, const jpeg_frame *frame)
{
    j_compress_ptr jpeg = &sink->jpeg;
    const uint32_t mcu_columns = (frame->width + 8 * frame->h_max - 1) / (8 * frame->h_max);
    jpeg->dest = &sink->output.manager;
    jpeg->image_width = frame->whole_mcus ? mcu_columns * 8 * frame->h_max : frame->width;
    jpeg->image_height = frame->whole_mcus ? frame->mcu_rows * 8 * frame->v_max : frame->height;
    jpeg->input_components = (int)frame->n_components;
    jpeg->in_color_space = JCS_UNKNOWN;
    jpeg_set_defaults(jpeg);
    set_tables(jpeg, frame);
    set_components(sink, frame);
    if (!set_scans(sink, frame))
        return false;
    jpeg->optimize_coding = FALSE;
    jpeg->restart_interval = frame->restart_interval;
    jpeg_write_coefficients(jpeg, sink->planes);
    return true;
}

int32_t jpeg_sink_create(const jpeg_frame *frame, jpeg_sink **out)
{
    jpeg_sink *sink = calloc(1, sizeof *sink);
    *out = sink;
    if (!sink)
        return VLMC_PLUGIN_MEMORY;
    sink->jpeg.err = trap_errors(&sink->trap);
    sink->trap.result = VLMC_PLUGIN_UNSUPPORTED;
    sink->output = (output){
        .manager = {.init_destination = output_start,
                    .empty_output_buffer = output_grow,
                    .term_destination = output_end},
        .bytes = malloc(OUTPUT_BYTES),
        .capacity = OUTPUT_BYTES,
    };
    if (!sink->output.bytes) {
        sink->trap.result = VLMC_PLUGIN_MEMORY;
        goto fail;
    }
    if (setjmp(sink->trap.out))
        goto fail;
    jpeg_create_compress(&sink->jpeg);
    if (!start(sink, frame))
        goto fail;
    return VLMC_PLUGIN_OK;

fail:;
    const int32_t result = (*out)->trap.result;
    jpeg_sink_destroy(out);
    return result;
}

int16_t *jpeg_sink_row(jpeg_sink *sink, uint32_t component, uint32_t row)
{
    if (setjmp(sink->trap.out))
        return NULL;
    j_common_ptr info = (j_common_ptr)&sink->jpeg;
    JBLOCKARRAY rows = info->mem->access_virt_barray(info, sink->planes[component], row, 1, TRUE);
    return rows[0][0];
}

int32_t jpeg_sink_finish(jpeg_sink *sink, const uint8_t **file, size_t *n_bytes)
{
    if (setjmp(sink->trap.out))
        return sink->trap.result;
    jpeg_finish_compress(&sink->jpeg);
    *file = sink->output.bytes;
    *n_bytes = sink->output.used;
    return VLMC_PLUGIN_OK;
}

int32_t jpeg_standard_tables(jpeg_standard *standard)
{
    struct jpeg_compress_struct jpeg = {0};
    error_trap trap = {0};
    jpeg.err = trap_errors(&trap);
    if (setjmp(trap.out)) {
        jpeg_destroy_compress(&jpeg);
        return trap.result;
    }
    jpeg_create_compress(&jpeg);
    jpeg.in_color_space = JCS_YCbCr;
    jpeg.input_components = 3;
    jpeg_set_defaults(&jpeg);
    for (int quality = 1; quality <= 100; quality++) {
        jpeg_set_quality(&jpeg, quality, TRUE);
        for (uint32_t t = 0; t < 2; t++)
            for (uint32_t i = 0; i < 64; i++)
                standard->quant[quality - 1][t][i] =
                    (uint8_t)jpeg.quant_tbl_ptrs[t]->quantval[jpeg_zigzag[i]];
    }
    for (uint32_t i = 0; i < 4; i++) {
        const JHUFF_TBL *from = (i % 2 ? jpeg.ac_huff_tbl_ptrs : jpeg.dc_huff_tbl_ptrs)[i / 2];
        standard->huffman[i].known = true;
        memcpy(standard->huffman[i].lengths, from->bits, sizeof from->bits);
        memcpy(standard->huffman[i].symbols, from->huffval, sizeof from->huffval);
    }
    jpeg_destroy_compress(&jpeg);
    return VLMC_PLUGIN_OK;
}
