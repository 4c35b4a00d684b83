/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions: the layers with weights, where nearly all of the time goes. */
#include "layers.h"

#include <stddef.h>
#include <string.h>

#include "dot.h"
#include "huffman.h"
#include "requantize.h"

#if !defined(KWS_WITHOUT_CONV) || !defined(KWS_WITHOUT_DEPTHWISE)

static const int8_t *weights_of(const kws_op *op, const int32_t *pool)
{
    return (const int8_t *)(pool + op->weights);
}

/* Outputs are finished in groups, in a loop of its own that needs few registers. */
#define GROUP 16

/* From sums, still without their biases, to int8: channels first..first + count - 1. */
static KWS_NOINLINE void finish(const kws_op *op, const int32_t *pool, int32_t first, int32_t count,
                                const int32_t *sums, int8_t *out)
{
    const int32_t *outputs = pool + op->outputs + 3 * first;
    const int32_t zero = op->out_zero, low = op->low, high = op->high;
#if KWS_DSP
    if (op->quick) {
        kws_finish_quick(sums, zero, outputs, out, count);
        return;
    }
#endif
    for (int32_t i = 0; i < count; ++i, outputs += 3) {
        const int32_t scaled = kws_requantize(kws_wrapping_add(sums[i], outputs[0]), outputs[1], outputs[2]);
        out[i] = kws_clamp(kws_wrapping_add(scaled, zero), low, high);
    }
}

#ifndef KWS_WITHOUT_CONV

/* What one output column sees of `taps` rows, padding as the input's zero point, widened, with zeros up to a multiple of 4.
 * The columns of a patch are woven, see kws_number. */
static void gather(const kws_op *op, const int8_t *const *rows, int32_t taps, int32_t left, int16_t *column,
                   int32_t step)
{
    const int32_t channels = op->in_channels, run = op->kernel * channels;
    const int whole = op->kernel_dilation == 1 && left >= 0 && left + op->kernel <= op->in_width;
    int32_t at = 0;
    for (int32_t k = 0; k < taps; ++k) {
        if (whole && rows[k] != NULL) {
            kws_widen(column, step, at, rows[k] + left * channels, run);
            at += run;
            continue;
        }
        for (int32_t j = 0; j < op->kernel; ++j, at += channels) {
            const int32_t x = left + j * op->kernel_dilation;
            if (rows[k] != NULL && x >= 0 && x < op->in_width) {
                kws_widen(column, step, at, rows[k] + x * channels, channels);
            } else {
                kws_fill(column, step, at, op->in_zero, channels);
            }
        }
    }
    kws_fill(column, step, at, 0, kws_fours(at) - at);
}

/* The weights of a convolution, output after output: as they lie in the pool, or decoded, two outputs at a time. */
typedef struct {
    const int8_t *next;
#if KWS_COMPRESSED
    const int32_t *table; /* of codes, or NULL */
    kws_codes codes;
    int32_t decoded[KWS_COMPRESSED / 2];
#endif
} weight_rows;

#define MOST_PAIRS (KWS_COMPRESSED ? 1 : INT32_MAX)

static inline void start_rows(weight_rows *rows, const kws_op *op, const int32_t *pool)
{
    rows->next = weights_of(op, pool);
#if KWS_COMPRESSED
    rows->table = op->table_count > 0 ? pool + op->table_count : NULL;
    kws_codes_start(&rows->codes, rows->next);
#endif
}

static inline const int8_t *take_rows(weight_rows *rows, int32_t bytes)
{
    const int8_t *const taken = rows->next;
#if KWS_COMPRESSED
    if (rows->table != NULL) {
        kws_codes_read(&rows->codes, rows->table, (int8_t *)rows->decoded, bytes);
        return (const int8_t *)rows->decoded;
    }
#endif
    rows->next += bytes;
    return taken;
}

/* Pairs of outputs, their weights made of two decoded numbers each where they were compressed. */
static inline const int16_t *take_pairs(weight_rows *rows, int32_t row, int32_t pairs)
{
    const int8_t *const taken = take_rows(rows, 2 * row * pairs);
#if KWS_COMPRESSED
    if (rows->table != NULL) {
        int16_t *const paired = (int16_t *)rows->decoded;
        for (int32_t i = 0; i < row; ++i) {
            paired[i] = (int16_t)(taken[2 * i] + taken[2 * i + 1] * 256);
        }
    }
#endif
    return (const int16_t *)taken;
}

static inline int32_t at_most(int32_t value, int32_t limit)
{
    return value < limit ? value : limit;
}

/* Outputs of one column from its patch. */
static void conv_column(const kws_op *op, const int32_t *pool, const int16_t *patch, int8_t *out)
{
    const int32_t row = kws_fours(op->taps * op->kernel * op->in_channels);
    int32_t sums[GROUP];
    weight_rows rows;
    start_rows(&rows, op, pool);
    for (int32_t first = 0; first < op->out_channels; first += GROUP) {
        const int32_t group = at_most(op->out_channels - first, GROUP), paired = at_most(op->paired - first, group);
        int32_t o = 0;
        while (o < paired) {
            const int32_t pairs = at_most((paired - o) / 2, MOST_PAIRS);
            kws_dot_pairs(patch, take_pairs(&rows, row, pairs), row, pairs, sums + o);
            o += 2 * pairs;
        }
        for (; o < group; ++o) {
            sums[o] = kws_dot(patch, take_rows(&rows, row), row);
        }
        finish(op, pool, first, group, sums, out + first);
    }
}

#if KWS_DSP

/* Outputs of two or three columns. */
static void conv_columns(const kws_op *op, const int32_t *pool, const int16_t *patch, int32_t columns, int8_t *out)
{
    const int32_t row = kws_fours(op->taps * op->kernel * op->in_channels);
    kws_tile tile = {patch, NULL, row, 0, pool + op->outputs, out, op->out_zero, op->out_channels};
    weight_rows rows;
    start_rows(&rows, op, pool);
    for (int32_t left = op->out_channels / 2; left > 0;) {
        const int32_t pairs = at_most(left, MOST_PAIRS);
        tile.pairs = pairs;
        tile.weights = take_pairs(&rows, row, pairs);
        (columns == 2 ? kws_two_columns : kws_three_columns)(&tile);
        left -= pairs;
    }
}

#endif

/* Adds the products of one part of a patch to sums : int32 [out_channels]. row : numbers per output; at : of the part's
 * first; n : in the part. */
static void add_part(const kws_op *op, const int32_t *pool, const int16_t *patch, int32_t row, int32_t at, int32_t n,
                     int32_t *sums)
{
    const int8_t *weights = weights_of(op, pool);
    int32_t o = 0;
    for (; o < op->paired; o += 2, weights += 2 * row) {
        for (int32_t i = 0; i < n; i += KWS_PATCH) {
            int32_t two[2];
            kws_dot_pairs(patch + i, (const int16_t *)weights + at + i, at_most(n - i, KWS_PATCH), 1, two);
            sums[o] = kws_wrapping_add(sums[o], two[0]);
            sums[o + 1] = kws_wrapping_add(sums[o + 1], two[1]);
        }
    }
    for (; o < op->out_channels; ++o, weights += row) {
        sums[o] = kws_wrapping_add(sums[o], kws_dot(patch, weights + at, n));
    }
}

/* A patch that is too long for the scratch memory, in parts of a few taps. */
static void conv_in_parts(const kws_op *op, const int32_t *pool, const int8_t *const *rows, int32_t left,
                          int32_t *scratch, int8_t *out)
{
    const int32_t run = op->kernel * op->in_channels, row = kws_conv_row_numbers(op);
    const int32_t most = KWS_PATCH / run > 0 ? KWS_PATCH / run : 1;
    int32_t *const sums = scratch;
    int16_t *const patch = (int16_t *)(scratch + op->out_channels);
    memset(sums, 0, (size_t)op->out_channels * sizeof *sums);
    for (int32_t first = 0, at = 0; first < op->taps; first += most) {
        const int32_t taps = at_most(op->taps - first, most), n = kws_fours(taps * run);
        gather(op, rows + first, taps, left, patch, 2);
        add_part(op, pool, patch, row, at, n, sums);
        at += n;
    }
    finish(op, pool, 0, op->out_channels, sums, out);
}

/* How many columns are computed side by side; then the rest of them is never 1, but where that is all. */
static inline int32_t columns_of(const kws_op *op, int32_t numbers, int32_t left)
{
#if KWS_DSP
    if (op->quick && op->paired == op->out_channels && left > 1) {
        return numbers <= KWS_PATCH / 2 && left != 2 && left != 4 ? 3 : 2;
    }
#endif
    (void)op;
    (void)numbers;
    (void)left;
    return 1;
}

/* The bias already holds the input's zero point times the sum of the weights. */
void kws_conv_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, int32_t *scratch, int8_t *out)
{
    const int32_t n = op->taps * op->kernel * op->in_channels;
    int16_t *const patch = (int16_t *)scratch;
    for (int32_t x = 0; x < op->out_width;) {
        const int32_t left = x * op->kernel_stride - op->pad;
        if (n > KWS_PATCH) {
            conv_in_parts(op, pool, rows, left, scratch, out);
            out += op->out_channels;
            ++x;
            continue;
        }
        const int32_t columns = columns_of(op, n, op->out_width - x);
        for (int32_t c = 0; c < columns; ++c) {
            gather(op, rows, op->taps, left + c * op->kernel_stride, patch + 2 * c, 2 * columns);
        }
#if KWS_DSP
        if (columns > 1) {
            conv_columns(op, pool, patch, columns, out);
        } else
#endif
        {
            conv_column(op, pool, patch, out);
        }
        out += columns * op->out_channels;
        x += columns;
    }
}

#endif

#ifndef KWS_WITHOUT_DEPTHWISE

/* Where each tap of one output column starts; padding : a column of zero points. */
static void depthwise_taps(const kws_op *op, const int8_t *const *rows, int32_t left, const int8_t *padding,
                           const int8_t **seen)
{
    for (int32_t k = 0; k < op->taps; ++k) {
        for (int32_t j = 0; j < op->kernel; ++j) {
            const int32_t column = left + j * op->kernel_dilation;
            const int inside = rows[k] != NULL && column >= 0 && column < op->in_width;
            *seen++ = inside ? rows[k] + column * op->in_channels : padding;
        }
    }
}

/* Any number of outputs per input, one at a time. */
static int32_t depthwise_sum(const kws_op *op, const int8_t *const *seen, const int8_t *weights, int32_t output)
{
    const int32_t input = output / (op->out_channels / op->in_channels), taps = op->taps * op->kernel;
    int32_t sum = 0;
    for (int32_t k = 0; k < taps; ++k) {
        sum += seen[k][input] * weights[k * op->out_channels + output];
    }
    return sum;
}

/* Channels first..outputs - 1 of one column, in groups. */
static void depthwise_rest(const kws_op *op, const int32_t *pool, const int8_t *const *seen, int32_t first, int8_t *out)
{
    const int8_t *const weights = weights_of(op, pool);
    for (; first < op->out_channels; first += GROUP) {
        const int32_t group = op->out_channels - first < GROUP ? op->out_channels - first : GROUP;
        int32_t sums[GROUP];
        int32_t o = 0;
#if !KWS_DSP
        for (; op->out_channels == op->in_channels && o + KWS_LANES <= group; o += KWS_LANES) {
            kws_depthwise_lanes(seen, weights, first + o, op->out_channels, op->taps * op->kernel, sums + o);
        }
#endif
        for (; o < group; ++o) {
            sums[o] = depthwise_sum(op, seen, weights, first + o);
        }
        finish(op, pool, first, group, sums, out + first);
    }
}

void kws_depthwise_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, const int8_t **seen,
                       int8_t *padding, int8_t *out)
{
    memset(padding, op->in_zero, (size_t)op->in_channels);
    for (int32_t x = 0; x < op->out_width; ++x, out += op->out_channels) {
        int32_t done = 0;
        depthwise_taps(op, rows, x * op->kernel_stride - op->pad, padding, seen);
#if KWS_DSP
        if (op->quick && op->out_channels == op->in_channels && op->out_channels >= 4) {
            kws_lanes lanes = {seen,
                               seen + op->taps * op->kernel,
                               weights_of(op, pool),
                               op->out_channels,
                               0,
                               pool + op->outputs,
                               out,
                               op->out_zero,
                               op->out_channels / 4};
            done = op->out_channels & ~3;
            kws_depthwise_quick(&lanes);
        }
#endif
        depthwise_rest(op, pool, seen, done, out);
    }
}

#endif

#endif
