/* Convolutions: the layers with weights, where nearly all of the time goes. */
#include "layers.h"

#include <stddef.h>
#include <string.h>

#include "dot.h"
#include "huffman.h"
#include "requantize.h"

#if KWS_WITH_CONV || KWS_WITH_DEPTHWISE

static const int8_t *weights_of(const kws_op *op, const int32_t *pool)
{
    return (const int8_t *)(pool + op->weights);
}

/* Outputs are finished in groups, in a loop of its own that needs few registers. */
#define GROUP 16

/* From sums to int8, channels first..first + count - 1. */
static KWS_NOINLINE void finish(const kws_op *op, const int32_t *pool, int32_t first, int32_t count, const int32_t *sums,
                                int8_t *out)
{
    const int32_t *const multipliers = pool + op->multipliers + first, *const shifts = pool + op->shifts + first;
    const int32_t zero = op->out_zero, low = op->low, high = op->high;
    for (int32_t i = 0; i < count; ++i) {
        const int32_t value = kws_wrapping_add(kws_requantize(sums[i], multipliers[i], shifts[i]), zero);
        out[i] = kws_clamp(value, low, high);
    }
}

#if KWS_WITH_CONV

/* Taps first..first + taps - 1 of what one output column sees, padding as the input's zero point, widened. The bytes are
 * gathered in the later half of `patch` : int16 [taps * kernel * in_channels] and widened in place. */
static void gather(const kws_op *op, const int8_t *const *rows, int32_t taps, int32_t left, int16_t *patch)
{
    const int32_t channels = op->in_channels;
    const int32_t run = op->kernel * channels;
    const int whole = op->kernel_dilation == 1 && left >= 0 && left + op->kernel <= op->in_width;
    if (whole && taps == 1 && rows[0] != NULL) {
        kws_widen(patch, rows[0] + left * channels, run);
        return;
    }
    int8_t *const bytes = (int8_t *)patch + taps * run;
    int8_t *next = bytes;
    for (int32_t k = 0; k < taps; ++k) {
        if (whole && rows[k] != NULL) {
            memcpy(next, rows[k] + left * channels, (size_t)run);
            next += run;
            continue;
        }
        for (int32_t j = 0; j < op->kernel; ++j, next += channels) {
            const int32_t column = left + j * op->kernel_dilation;
            if (rows[k] != NULL && column >= 0 && column < op->in_width) {
                memcpy(next, rows[k] + column * channels, (size_t)channels);
            } else {
                memset(next, op->in_zero, (size_t)channels);
            }
        }
    }
    kws_widen(patch, bytes, taps * run);
}

/* The weights of a convolution, output after output: as they lie in the pool, or decoded, a few outputs at a time. */
typedef struct {
    const int8_t *next;
#if KWS_COMPRESSED
    const int32_t *table; /* of codes, or NULL */
    kws_codes codes;
    int8_t decoded[4 * KWS_COMPRESSED];
#endif
} weight_rows;

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
        kws_codes_read(&rows->codes, rows->table, rows->decoded, bytes);
        return rows->decoded;
    }
#endif
    rows->next += bytes;
    return taken;
}

/* Outputs of one column, or of two side by side, from their patches. */
static void conv_columns(const kws_op *op, const int32_t *pool, const int16_t *patches, int32_t columns, int8_t *out)
{
    const int32_t n = op->taps * op->kernel * op->in_channels, outputs = op->out_channels;
    const int32_t *bias = pool + op->bias;
    int32_t sums[2 * GROUP];
    weight_rows rows;
    start_rows(&rows, op, pool);
    for (int32_t first = 0; first < outputs; first += GROUP) {
        const int32_t group = outputs - first < GROUP ? outputs - first : GROUP;
        int32_t o = 0;
        for (; columns == 2 && o + 2 <= group; o += 2, bias += 2) {
            kws_dot_2x2(patches, take_rows(&rows, 2 * n), n, bias, sums + o, sums + GROUP + o);
        }
        for (; columns == 1 && o + 4 <= group; o += 4, bias += 4) {
            kws_dot_1x4(patches, take_rows(&rows, 4 * n), n, bias, sums + o);
        }
        for (; o < group; ++o, ++bias) {
            const int8_t *const weights = take_rows(&rows, n);
            sums[o] = kws_wrapping_add(*bias, kws_dot(patches, weights, n));
            if (columns == 2) {
                sums[GROUP + o] = kws_wrapping_add(*bias, kws_dot(patches + n, weights, n));
            }
        }
        for (int32_t c = 0; c < columns; ++c) {
            finish(op, pool, first, group, sums + c * GROUP, out + c * outputs + first);
        }
    }
}

/* A patch that is too long for the scratch memory, in parts of a few taps; sums : int32 [out_channels]. */
static void conv_in_parts(const kws_op *op, const int32_t *pool, const int8_t *const *rows, int32_t left,
                          int32_t *scratch, int8_t *out)
{
    const int32_t run = op->kernel * op->in_channels, n = op->taps * run;
    const int32_t most = KWS_PATCH / run > 0 ? KWS_PATCH / run : 1;
    int32_t *const sums = scratch;
    int16_t *const patch = (int16_t *)(scratch + op->out_channels);
    memcpy(sums, pool + op->bias, (size_t)op->out_channels * sizeof *sums);
    for (int32_t first = 0; first < op->taps; first += most) {
        const int32_t taps = op->taps - first < most ? op->taps - first : most;
        const int8_t *weights = weights_of(op, pool) + first * run;
        gather(op, rows + first, taps, left, patch);
        for (int32_t o = 0; o < op->out_channels; ++o, weights += n) {
            sums[o] = kws_wrapping_add(sums[o], kws_dot(patch, weights, taps * run));
        }
    }
    finish(op, pool, 0, op->out_channels, sums, out);
}

/* The bias already holds the input's zero point times the sum of the weights. */
void kws_conv_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, int32_t *scratch, int8_t *out)
{
    const int32_t n = op->taps * op->kernel * op->in_channels;
    int16_t *const patches = (int16_t *)scratch;
    for (int32_t x = 0; x < op->out_width; x += 2) {
        const int32_t columns = x + 1 < op->out_width ? 2 : 1;
        for (int32_t c = 0; c < columns; ++c) {
            const int32_t left = (x + c) * op->kernel_stride - op->pad;
            if (n > KWS_PATCH) {
                conv_in_parts(op, pool, rows, left, scratch, out + c * op->out_channels);
            } else {
                gather(op, rows, op->taps, left, patches + c * n);
            }
        }
        if (n <= KWS_PATCH) {
            conv_columns(op, pool, patches, columns, out);
        }
        out += columns * op->out_channels;
    }
}

#endif

#if KWS_WITH_DEPTHWISE

/* Where each tap of one output column starts; padding is a column of zero points, made when it is needed. */
static void depthwise_taps(const kws_op *op, const int8_t *const *rows, int32_t left, int8_t *padding,
                           const int8_t **seen)
{
    for (int32_t k = 0; k < op->taps; ++k) {
        for (int32_t j = 0; j < op->kernel; ++j) {
            const int32_t column = left + j * op->kernel_dilation;
            if (rows[k] != NULL && column >= 0 && column < op->in_width) {
                *seen++ = rows[k] + column * op->in_channels;
            } else {
                memset(padding, op->in_zero, (size_t)op->in_channels);
                *seen++ = padding;
            }
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

void kws_depthwise_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, const int8_t **seen,
                       int8_t *padding, int8_t *out)
{
    const int32_t outputs = op->out_channels, taps = op->taps * op->kernel;
    const int32_t lanes = outputs == op->in_channels ? KWS_LANES : GROUP + 1; /* or none at all */
    const int8_t *const weights = weights_of(op, pool);
    const int32_t *const bias = pool + op->bias;
    for (int32_t x = 0; x < op->out_width; ++x, out += outputs) {
        depthwise_taps(op, rows, x * op->kernel_stride - op->pad, padding, seen);
        for (int32_t first = 0; first < outputs; first += GROUP) {
            const int32_t group = outputs - first < GROUP ? outputs - first : GROUP;
            int32_t sums[GROUP];
            int32_t o = 0;
            for (; o + lanes <= group; o += KWS_LANES) {
                kws_depthwise_lanes(seen, weights, first + o, outputs, taps, bias + first + o, sums + o);
            }
            for (; o < group; ++o) {
                sums[o] = kws_wrapping_add(bias[first + o], depthwise_sum(op, seen, weights, first + o));
            }
            finish(op, pool, first, group, sums, out + first);
        }
    }
}

#endif

#endif
