#include "layers.h"

#include <stddef.h>
#include <string.h>

#include "requantize.h"

/* Sum of products of n <= 65,536 pairs: at most 2^30 in magnitude. */
static int32_t dot(const int8_t *a, const int8_t *b, int32_t n) {
    int32_t sum = 0;
    for (int32_t i = 0; i < n; ++i) {
        sum += (int32_t)a[i] * b[i];
    }
    return sum;
}

static const int8_t *bytes_at(const int32_t *pool, int32_t offset) {
    return (const int8_t *)(pool + offset);
}

/* What one output column sees, tap after tap, padding as the input's zero point: int8 [taps * kernel * in_channels].
 * Where that is one stretch of a row already, nothing is copied. */
static const int8_t *conv_patch(const kws_op *op, const int8_t *const *rows, int32_t left, int8_t *patch) {
    const int32_t channels = op->in_channels;
    const int32_t run = op->kernel * channels;
    const int whole = op->kernel_dilation == 1 && left >= 0 && left + op->kernel <= op->in_width;
    if (whole && op->taps == 1 && rows[0] != NULL) {
        return rows[0] + left * channels;
    }
    int8_t *next = patch;
    for (int32_t k = 0; k < op->taps; ++k) {
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
    return patch;
}

/* The bias already holds the input's zero point times the sum of the weights. */
void kws_conv_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, int8_t *patch, int8_t *out) {
    const int32_t *bias = pool + op->bias;
    const int32_t *multipliers = pool + op->multipliers;
    const int32_t *shifts = pool + op->shifts;
    const int32_t n = op->taps * op->kernel * op->in_channels;
    for (int32_t x = 0; x < op->out_width; ++x) {
        const int8_t *seen = conv_patch(op, rows, x * op->kernel_stride - op->pad, patch);
        const int8_t *weights = bytes_at(pool, op->weights);
        for (int32_t o = 0; o < op->out_channels; ++o, weights += n) {
            const int32_t sum = kws_wrapping_add(bias[o], dot(seen, weights, n));
            const int32_t scaled = kws_requantize(sum, multipliers[o], shifts[o]);
            *out++ = kws_clamp(kws_wrapping_add(scaled, op->out_zero), op->low, op->high);
        }
    }
}

static void depthwise_tap(const kws_op *op, const int8_t *column, const int8_t *weights, int32_t *sums) {
    const int32_t outputs = op->out_channels;
    if (column == NULL) {
        for (int32_t o = 0; o < outputs; ++o) {
            sums[o] = kws_wrapping_add(sums[o], op->in_zero * weights[o]);
        }
    } else if (outputs == op->in_channels) {
        for (int32_t o = 0; o < outputs; ++o) {
            sums[o] = kws_wrapping_add(sums[o], column[o] * weights[o]);
        }
    } else {
        const int32_t per_input = outputs / op->in_channels;
        for (int32_t o = 0; o < outputs; ++o) {
            sums[o] = kws_wrapping_add(sums[o], column[o / per_input] * weights[o]);
        }
    }
}

void kws_depthwise_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, int32_t *sums, int8_t *out) {
    const int32_t *bias = pool + op->bias;
    const int32_t *multipliers = pool + op->multipliers;
    const int32_t *shifts = pool + op->shifts;
    const int32_t outputs = op->out_channels;
    for (int32_t x = 0; x < op->out_width; ++x) {
        const int8_t *weights = bytes_at(pool, op->weights);
        memcpy(sums, bias, (size_t)outputs * sizeof *sums);
        for (int32_t k = 0; k < op->taps; ++k) {
            for (int32_t j = 0; j < op->kernel; ++j, weights += outputs) {
                const int32_t column = x * op->kernel_stride - op->pad + j * op->kernel_dilation;
                const int inside = rows[k] != NULL && column >= 0 && column < op->in_width;
                depthwise_tap(op, inside ? rows[k] + column * op->in_channels : NULL, weights, sums);
            }
        }
        for (int32_t o = 0; o < outputs; ++o) {
            const int32_t scaled = kws_requantize(sums[o], multipliers[o], shifts[o]);
            *out++ = kws_clamp(kws_wrapping_add(scaled, op->out_zero), op->low, op->high);
        }
    }
}

void kws_add_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out) {
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

void kws_mul_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out) {
    for (int32_t x = 0; x < op->out_width; ++x) {
        for (int32_t c = 0; c < op->out_channels; ++c) {
            const int32_t second = other[x * op->other_width_step + c * op->other_channel_step];
            const int32_t product = (*row++ - op->in_zero) * (second - op->other_zero);
            const int32_t scaled = kws_requantize(product, op->scale[0], op->scale[1]);
            *out++ = kws_clamp(kws_wrapping_add(scaled, op->out_zero), op->low, op->high);
        }
    }
}

void kws_mean_accumulate(const kws_op *op, const int8_t *row, int32_t sign, int32_t *sums) {
    const int32_t outputs = op->out_width * op->out_channels;
    const int32_t inputs = op->in_width * op->in_channels;
    for (int32_t first = 0; first < inputs; first += outputs) {
        for (int32_t i = 0; i < outputs; ++i) {
            sums[i] = kws_wrapping_add(sums[i], sign * row[first + i]);
        }
    }
}

void kws_mean_row(const kws_op *op, const int32_t *sums, int8_t *out) {
    const int32_t outputs = op->out_width * op->out_channels;
    for (int32_t i = 0; i < outputs; ++i) {
        if (op->scale[0] == 0) { /* equal scales: TFLM divides, towards zero */
            out[i] = kws_clamp(sums[i] / op->count, -128, 127);
        } else {
            const int32_t centred = kws_wrapping_add(sums[i], -op->count * op->in_zero);
            const int32_t scaled = kws_requantize(centred, op->scale[0], op->scale[1]);
            out[i] = kws_clamp(kws_wrapping_add(scaled, op->out_zero), -128, 127);
        }
    }
}

/* Over the numbers of one channel under the pool's window, padding left out. */
typedef struct {
    int32_t sum, count, largest;
} pooled;

static pooled pool_channel(const kws_op *op, const int8_t *const *rows, int32_t left, int32_t channel) {
    pooled result = {0, 0, -128};
    for (int32_t k = 0; k < op->taps; ++k) {
        for (int32_t j = 0; j < op->kernel; ++j) {
            const int32_t column = left + j;
            if (rows[k] == NULL || column < 0 || column >= op->in_width) {
                continue;
            }
            const int32_t value = rows[k][column * op->in_channels + channel];
            result.sum += value;
            result.count += 1;
            result.largest = value > result.largest ? value : result.largest;
        }
    }
    return result;
}

void kws_average_row(const kws_op *op, const int8_t *const *rows, int8_t *out) {
    for (int32_t x = 0; x < op->out_width; ++x) {
        for (int32_t c = 0; c < op->out_channels; ++c) {
            const pooled p = pool_channel(op, rows, x * op->kernel_stride - op->pad, c);
            const int32_t half = p.sum > 0 ? p.count / 2 : -(p.count / 2);
            *out++ = kws_clamp(p.count > 0 ? (p.sum + half) / p.count : 0, op->low, op->high);
        }
    }
}

void kws_max_row(const kws_op *op, const int8_t *const *rows, int8_t *out) {
    for (int32_t x = 0; x < op->out_width; ++x) {
        for (int32_t c = 0; c < op->out_channels; ++c) {
            const pooled p = pool_channel(op, rows, x * op->kernel_stride - op->pad, c);
            *out++ = kws_clamp(p.largest, op->low, op->high);
        }
    }
}

static int32_t leading_zeros(uint32_t value) {
    int32_t zeros = 0;
    for (; zeros < 32 && (value & 0x80000000u) == 0; value <<= 1) {
        ++zeros;
    }
    return zeros;
}

/* table: exp(-distance to the largest) in Q31. The sum is kept in Q19, the reciprocal in Q31. */
void kws_softmax_row(const kws_op *op, const int32_t *pool, const int8_t *row, int8_t *out) {
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
        const int32_t scale = kws_reciprocal_of_one_plus((int32_t)((total << headroom) & 0x7FFFFFFFu));
        for (int32_t c = 0; c < op->out_channels; ++c) {
            const int32_t distance = largest - row[c];
            const int32_t share = distance < op->table_count ? kws_doubling_high_multiply(table[distance], scale) : 0;
            out[c] = kws_clamp(kws_rounding_shift_right(share, 35 - headroom) - 128, -128, 127);
        }
    }
}

void kws_lookup_row(const kws_op *op, const int32_t *pool, const int8_t *row, int8_t *out) {
    const int8_t *table = bytes_at(pool, op->weights);
    const int32_t n = op->out_width * op->out_channels;
    for (int32_t i = 0; i < n; ++i) {
        out[i] = table[row[i] + 128];
    }
}

void kws_copy_row(const kws_op *op, const int8_t *row, int8_t *out) {
    memset(out, op->in_zero, (size_t)(op->out_width * op->out_channels));
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

void kws_concat_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out) {
    const int32_t others = op->out_channels - op->in_channels;
    for (int32_t x = 0; x < op->out_width; ++x) {
        memcpy(out, row, (size_t)op->in_channels);
        memcpy(out + op->in_channels, other, (size_t)others);
        row += op->in_channels;
        other += others;
        out += op->out_channels;
    }
}
