/* SPDX-License-Identifier: Apache-2.0 */
#include "layers.h"

#include <stddef.h>
#include <string.h>

#include "kws_config.h"
#include "requantize.h"

#ifndef KWS_WITHOUT_ADD

void kws_add_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out)
{
    const int32_t *scale = op->scale;
    for (int32_t x = 0; x < op->out_width; ++x) {
        for (int32_t c = 0; c < op->out_channels; ++c) {
            const int32_t second = other[x * op->other_width_step + c * op->other_channel_step];
            const int32_t a = kws_requantize((*row++ - op->in_zero) * (1 << 20), scale[0], scale[1]);
            const int32_t b = kws_requantize((second - op->other_zero) * (1 << 20), scale[2], scale[3]);
            const int32_t sum = kws_requantize(kws_wrapping_add(a, b), scale[4], scale[5]);
            *out++ = kws_clamp(kws_wrapping_add(sum, op->out_zero), op->low, op->high);
        }
    }
}

#endif

#ifndef KWS_WITHOUT_MUL

void kws_mul_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out)
{
    for (int32_t x = 0; x < op->out_width; ++x) {
        for (int32_t c = 0; c < op->out_channels; ++c) {
            const int32_t second = other[x * op->other_width_step + c * op->other_channel_step];
            const int32_t product = (*row++ - op->in_zero) * (second - op->other_zero);
            const int32_t scaled = kws_requantize(product, op->scale[0], op->scale[1]);
            *out++ = kws_clamp(kws_wrapping_add(scaled, op->out_zero), op->low, op->high);
        }
    }
}

#endif

#ifndef KWS_WITHOUT_MEAN

void kws_mean_accumulate(const kws_op *op, const int8_t *row, int32_t sign, int32_t *sums)
{
    const int32_t outputs = op->out_width * op->out_channels;
    const int32_t inputs = op->in_width * op->in_channels;
    for (int32_t first = 0; first < inputs; first += outputs) {
        for (int32_t i = 0; i < outputs; ++i) {
            sums[i] = kws_wrapping_add(sums[i], sign * row[first + i]);
        }
    }
}

void kws_mean_row(const kws_op *op, const int32_t *sums, int8_t *out)
{
    const int32_t outputs = op->out_width * op->out_channels;
    for (int32_t i = 0; i < outputs; ++i) {
        const int32_t centred = kws_wrapping_add(sums[i], -op->count * op->in_zero);
        const int32_t scaled = kws_requantize(centred, op->scale[0], op->scale[1]);
        out[i] = kws_clamp(kws_wrapping_add(scaled, op->out_zero), -128, 127);
    }
}

#endif

#if !defined(KWS_WITHOUT_AVERAGE) || !defined(KWS_WITHOUT_MAX)

/* Over the numbers of one channel under the pool's window, padding left out. */
typedef struct {
    int32_t sum, count, largest;
} pooled;

static pooled pool_channel(const kws_op *op, const int8_t *const *rows, int32_t left, int32_t channel)
{
    const int32_t first = left < 0 ? -left : 0;
    const int32_t end = left + op->kernel > op->in_width ? op->in_width - left : op->kernel;
    pooled result = {0, 0, -128};
    for (int32_t k = 0; k < op->taps; ++k) {
        for (int32_t j = first; rows[k] != NULL && j < end; ++j) {
            const int32_t value = rows[k][(left + j) * op->in_channels + channel];
            result.sum += value;
            result.count += 1;
            result.largest = value > result.largest ? value : result.largest;
        }
    }
    return result;
}

#ifndef KWS_WITHOUT_AVERAGE

void kws_average_row(const kws_op *op, const int8_t *const *rows, int8_t *out)
{
    for (int32_t x = 0; x < op->out_width; ++x) {
        for (int32_t c = 0; c < op->out_channels; ++c) {
            const pooled p = pool_channel(op, rows, x * op->kernel_stride - op->pad, c);
            const int32_t half = p.sum > 0 ? p.count / 2 : -(p.count / 2);
            *out++ = kws_clamp(p.count > 0 ? (p.sum + half) / p.count : 0, op->low, op->high);
        }
    }
}

#endif

#ifndef KWS_WITHOUT_MAX

void kws_max_row(const kws_op *op, const int8_t *const *rows, int8_t *out)
{
    for (int32_t x = 0; x < op->out_width; ++x) {
        for (int32_t c = 0; c < op->out_channels; ++c) {
            const pooled p = pool_channel(op, rows, x * op->kernel_stride - op->pad, c);
            *out++ = kws_clamp(p.largest, op->low, op->high);
        }
    }
}

#endif

#endif

#ifndef KWS_WITHOUT_SOFTMAX

static int32_t saturating_shift_left(int32_t value, int32_t exponent)
{
    const int64_t wide = (int64_t)value * ((int64_t)1 << exponent);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* 1 / (1 + a) in Q31 for a in Q31, 0 <= a < 1: three Newton-Raphson steps. */
static int32_t reciprocal_of_one_plus(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) >> 1);
    int32_t x = 1515870810 + kws_doubling_high_multiply(half_denominator, -1010580540); /* 48/17 - 32/17 d, Q29 */
    for (int32_t i = 0; i < 3; ++i) {
        const int32_t error = ((int32_t)1 << 29) - kws_doubling_high_multiply(half_denominator, x);
        x += saturating_shift_left(kws_doubling_high_multiply(x, error), 2);
    }
    return saturating_shift_left(x, 1);
}

static int32_t leading_zeros(uint32_t value)
{
    int32_t zeros = 0;
    for (; zeros < 32 && (value & 0x80000000u) == 0; value <<= 1) {
        ++zeros;
    }
    return zeros;
}

/* table: exp(-distance to the largest) in Q31. The sum is kept in Q19, the reciprocal in Q31. */
void kws_softmax_row(const kws_op *op, const int32_t *pool, const int8_t *row, int8_t *out)
{
    const int32_t *table = pool + op->weights;
    for (int32_t x = 0; x < op->out_width; ++x, row += op->out_channels, out += op->out_channels) {
        int32_t largest = -128;
        for (int32_t c = 0; c < op->out_channels; ++c) {
            largest = row[c] > largest ? row[c] : largest;
        }
        uint32_t total = 0;
        for (int32_t c = 0; c < op->out_channels; ++c) {
            const int32_t distance = largest - row[c];
            total += distance < op->table_count ? (uint32_t)kws_rounding_shift_right(table[distance], 12) : 0u;
        }
        const int32_t headroom = leading_zeros(total);
        const int32_t scale = reciprocal_of_one_plus((int32_t)((total << headroom) & 0x7FFFFFFFu));
        for (int32_t c = 0; c < op->out_channels; ++c) {
            const int32_t distance = largest - row[c];
            const int32_t share = distance < op->table_count ? kws_doubling_high_multiply(table[distance], scale) : 0;
            out[c] = kws_clamp(kws_rounding_shift_right(share, 35 - headroom) - 128, -128, 127);
        }
    }
}

#endif

#ifndef KWS_WITHOUT_LOOKUP

void kws_lookup_row(const kws_op *op, const int32_t *pool, const int8_t *row, int8_t *out)
{
    const int8_t *table = (const int8_t *)(pool + op->weights);
    const int32_t n = op->out_width * op->out_channels;
    for (int32_t i = 0; i < n; ++i) {
        out[i] = table[row[i] + 128];
    }
}

#endif

#ifndef KWS_WITHOUT_COPY

void kws_copy_row(const kws_op *op, const int8_t *row, int8_t *out)
{
    memset(out, op->in_zero, (size_t)op->out_width * (size_t)op->out_channels);
    if (row == NULL) {
        return;
    }
    out += op->pad * op->out_channels + op->pad_channels;
    for (int32_t x = 0; x < op->in_width; ++x) {
        memcpy(out, row, (size_t)op->in_channels);
        row += op->in_channels;
        out += op->out_channels;
    }
}

#endif

#ifndef KWS_WITHOUT_CONCAT

void kws_concat_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out)
{
    const int32_t others = op->out_channels - op->in_channels;
    for (int32_t x = 0; x < op->out_width; ++x) {
        memcpy(out, row, (size_t)op->in_channels);
        memcpy(out + op->in_channels, other, (size_t)others);
        row += op->in_channels;
        other += others;
        out += op->out_channels;
    }
}

#endif
