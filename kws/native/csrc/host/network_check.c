/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that a network from an untrusted file can neither leave its memory, overflow nor run forever. Nothing is changed. */
#include <stddef.h>

#include "layers.h"

#define MOST 65536          /* of any dimension or count */
#define MOST_BYTES 67108864 /* of the arena and of any product of dimensions */

static int within(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

static int32_t check_sizes(const kws_network_tables *t)
{
    const int ok = within(t->frames, 1, MOST) && within(t->features, 1, MOST) && within(t->labels, 1, MOST)
                   && within(t->decide_every, 1, MOST) && within(t->windowed, 0, 1) && within(t->buffer_count, 1, MOST)
                   && within(t->op_count, 1, MOST) && within(t->arena_bytes, 1, MOST_BYTES)
                   && within(t->scratch_words, 0, MOST) && within(t->row_pointers, 1, MOST)
                   && within(t->sum_words, 0, MOST_BYTES / 4) && within(t->pool_words, 0, MOST_BYTES)
                   && within(t->input, 0, t->buffer_count - 1) && within(t->output, 0, t->buffer_count - 1)
                   && t->buffers != NULL && t->ops != NULL && t->pool != NULL;
    return ok ? KWS_NETWORK_OK : KWS_NETWORK_BAD_SIZE;
}

static int buffer_fits(const kws_network_tables *t, const kws_buffer *b)
{
    return within(b->rows, 1, MOST) && within(b->row_bytes, 1, MOST) && within(b->offset, 0, t->arena_bytes)
           && (int64_t)b->rows * b->row_bytes <= t->arena_bytes - b->offset;
}

static int apart(const kws_buffer *a, const kws_buffer *b)
{
    return a->offset + a->rows * a->row_bytes <= b->offset || b->offset + b->rows * b->row_bytes <= a->offset;
}

static int table_fits(const kws_network_tables *t, int32_t offset, int64_t bytes)
{
    return within(offset, 0, t->pool_words) && bytes <= ((int64_t)t->pool_words - offset) * 4;
}

static int check_numbers(const kws_network_tables *t, const kws_op *op)
{
    return within(op->kind, KWS_OP_CONV, KWS_OP_RESHAPE) && within(op->input, 0, t->buffer_count - 1)
           && within(op->other, -1, t->buffer_count - 1) && within(op->output, 0, t->buffer_count - 1)
           && within(op->every, 1, t->decide_every) && t->decide_every % op->every == 0 && within(op->steps, 1, MOST)
           && within(op->taps, 1, MOST) && within(op->spacing, 1, MOST) && within(op->stride, 0, MOST)
           && within(op->newest, -MOST, MOST) && within(op->span, 1, MOST) && within(op->other_stride, 0, MOST)
           && within(op->other_newest, 0, MOST) && within(op->in_width, 1, MOST) && within(op->in_channels, 1, MOST)
           && within(op->out_width, 1, MOST) && within(op->out_channels, 1, MOST) && within(op->kernel, 1, 1024)
           && within(op->kernel_stride, 1, 1024) && within(op->kernel_dilation, 1, 1024) && within(op->pad, 0, MOST)
           && within(op->pad_channels, 0, MOST) && within(op->other_width_step, 0, MOST)
           && within(op->other_channel_step, 0, MOST) && within(op->in_zero, -128, 127)
           && within(op->other_zero, -128, 127) && within(op->out_zero, -128, 127) && within(op->low, -128, 127)
           && within(op->high, op->low, 127) && (int64_t)op->taps * op->kernel <= MOST;
}

static int check_shape(const kws_network_tables *t, const kws_op *op)
{
    const kws_buffer *in = &t->buffers[op->input];
    const kws_buffer *out = &t->buffers[op->output];
    return (int64_t)op->in_width * op->in_channels == in->row_bytes
           && (int64_t)op->out_width * op->out_channels == out->row_bytes && apart(in, out)
           && (op->other < 0 || apart(&t->buffers[op->other], out));
}

/* a * b, or a where that alone is beyond the bound. */
static int64_t product(int64_t a, int64_t b)
{
    return a > KWS_NETWORK_WORK ? a : a * b;
}

/* Numbers that one run of the op multiplies or moves: right up to KWS_NETWORK_WORK, and above it where that is passed. No
 * factor is larger than 2^16. */
static int64_t work_of(const kws_op *op)
{
    const int64_t inputs = (int64_t)op->in_width * op->in_channels, outputs = (int64_t)op->out_width * op->out_channels;
    const int64_t taps = (int64_t)op->taps * op->kernel; /* at most 2^16, see check_numbers */
    switch (op->kind) {
        case KWS_OP_CONV: return product(product(product(outputs, op->steps), taps), op->in_channels);
        case KWS_OP_MEAN: return product(product(inputs, op->steps), op->taps);
        case KWS_OP_RESHAPE: return product(outputs, op->steps);
        default: return product(product(outputs, op->steps), taps);
    }
}

/* Ages that the op reads: never beyond the ring, and only kinds that know padding may leave the span. */
static int check_time(const kws_network_tables *t, const kws_op *op)
{
    const int64_t reach = (int64_t)(op->taps - 1) * op->spacing;
    const int64_t oldest = op->newest + (int64_t)(op->steps - 1) * op->stride + reach;
    const int32_t rows = t->buffers[op->input].rows;
    const int pads = op->kind == KWS_OP_CONV || op->kind == KWS_OP_DEPTHWISE || op->kind == KWS_OP_AVERAGE
                     || op->kind == KWS_OP_MAX || op->kind == KWS_OP_COPY;
    const int64_t other_oldest = op->other_newest + (int64_t)(op->steps - 1) * op->other_stride;
    return op->span <= rows && oldest < MOST_BYTES && (pads || (op->newest >= 0 && oldest < op->span))
           && (op->kind == KWS_OP_MEAN || op->kind == KWS_OP_RESHAPE || op->taps <= t->row_pointers)
           && (op->other < 0 || other_oldest < t->buffers[op->other].rows);
}

static int shift_fits(int32_t shift)
{
    return within(shift, -31, 30);
}

/* As kws_conv_row lays its memory out: up to three columns, up to two of more than half a patch, or sums and a part. */
static int64_t conv_scratch_words(const kws_op *op, int64_t numbers)
{
    if (numbers <= KWS_PATCH) {
        const int32_t most = numbers <= KWS_PATCH / 2 ? 3 : 2;
        return (op->out_width < most ? op->out_width : most) * (int64_t)kws_fours((int32_t)numbers) / 2;
    }
    const int32_t run = op->kernel * op->in_channels;
    return op->out_channels + kws_fours(run > KWS_PATCH ? run : KWS_PATCH / run * run) / 2;
}

/* Bias, multiplier and shift of each output channel. */
static int check_outputs(const kws_network_tables *t, const kws_op *op, int64_t products)
{
    if (!table_fits(t, op->outputs, (int64_t)op->out_channels * 12) || !within(op->quick, 0, 1)
        || (op->quick && (op->low != -128 || op->high != 127 || products > KWS_QUICK_PRODUCTS))) {
        return 0;
    }
    const int32_t *output = t->pool + op->outputs;
    for (const int32_t *const end = output + 3 * op->out_channels; output < end; output += 3) {
        if (output[1] < 0 || !shift_fits(output[2])
            || (op->quick && (output[2] >= 0 || !within(output[0], 1 - KWS_QUICK_BIAS, KWS_QUICK_BIAS - 1)))) {
            return 0;
        }
    }
    return 1;
}

static int check_weights(const kws_network_tables *t, const kws_op *op)
{
    const int64_t products = (int64_t)op->taps * op->kernel * (op->kind == KWS_OP_CONV ? op->in_channels : 1);
    if (products > MOST || !check_outputs(t, op, products)) {
        return 0;
    }
    if (op->kind == KWS_OP_CONV) {
        return within(op->paired, 0, op->out_channels) && op->paired % 2 == 0
               && table_fits(t, op->weights, (int64_t)kws_conv_row_numbers(op) * op->out_channels)
               && conv_scratch_words(op, products) <= t->scratch_words;
    }
    return table_fits(t, op->weights, products * op->out_channels) && op->out_channels % op->in_channels == 0
           && op->in_channels <= (int64_t)t->scratch_words * 4
           && (int64_t)op->taps * (op->kernel + 1) <= t->row_pointers;
}

static int scale_fits(const kws_op *op, int32_t at)
{
    return op->scale[at] >= 0 && shift_fits(op->scale[at + 1]);
}

static int check_other(const kws_network_tables *t, const kws_op *op)
{
    const int64_t last = (int64_t)(op->out_width - 1) * op->other_width_step
                         + (int64_t)(op->out_channels - 1) * op->other_channel_step;
    const int shifts = scale_fits(op, 0) && (op->kind == KWS_OP_MUL || (scale_fits(op, 2) && scale_fits(op, 4)));
    const int same = op->in_width == op->out_width && op->in_channels == op->out_channels;
    if (op->other >= 0) {
        return shifts && same && last < t->buffers[op->other].row_bytes;
    }
    return shifts && same && table_fits(t, op->weights, last + 1 + (int64_t)(op->steps - 1) * op->other_stride);
}

static int check_mean(const kws_network_tables *t, const kws_op *op)
{
    const int64_t inputs = (int64_t)op->in_width * op->in_channels;
    const int64_t outputs = (int64_t)op->out_width * op->out_channels;
    if (inputs % outputs != 0 || op->count != op->taps * (inputs / outputs) || !within(op->count, 1, KWS_MEAN_COUNT)
        || !within(op->scale[0], 1, INT32_MAX) || !scale_fits(op, 0)) { /* 0 once meant a division without rounding */
        return 0;
    }
    if (op->sums < 0) {
        return op->sums == -1 && outputs <= t->scratch_words;
    }
    const int32_t rows = t->buffers[op->input].rows;
    return op->steps == 1 && within(op->slots, 1, op->spacing) && op->spacing % op->slots == 0
           && rows % op->spacing == 0 && op->newest + (int64_t)op->taps * op->spacing < rows
           && op->sums + op->slots * outputs <= t->sum_words;
}

static int check_softmax(const kws_network_tables *t, const kws_op *op)
{
    if (op->out_channels > 256 || !within(op->table_count, 1, 256)
        || !table_fits(t, op->weights, (int64_t)op->table_count * 4) || t->pool[op->weights] != INT32_MAX) {
        return 0;
    }
    for (int32_t i = 0; i < op->table_count; ++i) {
        if (t->pool[op->weights + i] < 0) {
            return 0;
        }
    }
    return 1;
}

static int check_tables(const kws_network_tables *t, const kws_op *op)
{
    const int same = op->in_width == op->out_width && op->in_channels == op->out_channels;
    switch (op->kind) {
        case KWS_OP_CONV:
        case KWS_OP_DEPTHWISE: return check_weights(t, op);
        case KWS_OP_ADD:
        case KWS_OP_MUL: return check_other(t, op);
        case KWS_OP_MEAN: return check_mean(t, op);
        case KWS_OP_AVERAGE:
        case KWS_OP_MAX: return op->in_channels == op->out_channels;
        case KWS_OP_SOFTMAX: return same && check_softmax(t, op);
        case KWS_OP_LOOKUP: return same && table_fits(t, op->weights, 256);
        case KWS_OP_COPY:
            return op->in_width + op->pad <= op->out_width && op->in_channels + op->pad_channels <= op->out_channels;
        case KWS_OP_CONCAT:
            return op->other >= 0 && op->in_width == op->out_width && op->in_channels < op->out_channels
                   && (int64_t)op->out_width * (op->out_channels - op->in_channels) == t->buffers[op->other].row_bytes;
        default:
            return (int64_t)op->taps * op->in_width * op->in_channels
                       == (int64_t)op->steps * op->out_width * op->out_channels
                   && op->stride == 0;
    }
}

int32_t kws_network_check(const kws_network_tables *t, int32_t *where)
{
    *where = 0;
    if (check_sizes(t) != KWS_NETWORK_OK) {
        return KWS_NETWORK_BAD_SIZE;
    }
    for (*where = 0; *where < t->buffer_count; ++*where) {
        if (!buffer_fits(t, &t->buffers[*where])) {
            return KWS_NETWORK_BAD_BUFFER;
        }
    }
    int64_t work = 0;
    for (*where = 0; *where < t->op_count; ++*where) {
        const kws_op *op = &t->ops[*where];
        if (!check_numbers(t, op)) {
            return KWS_NETWORK_BAD_OP;
        }
        if (!check_shape(t, op)) {
            return KWS_NETWORK_BAD_SHAPE;
        }
        work += work_of(op);
        if (work > KWS_NETWORK_WORK) {
            return KWS_NETWORK_BAD_WORK;
        }
        if (!check_time(t, op)) {
            return KWS_NETWORK_BAD_TIME;
        }
        if (!check_tables(t, op)) {
            return KWS_NETWORK_BAD_TABLE;
        }
    }
    const int ends = t->buffers[t->input].row_bytes == t->features && t->buffers[t->output].row_bytes == t->labels;
    return ends ? KWS_NETWORK_OK : KWS_NETWORK_BAD_SHAPE;
}
