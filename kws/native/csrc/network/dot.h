/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of products, the inner loops of a network, in portable C; dsp.h has them for processors with the instructions.
 *
 * One factor, the patch, is widened to int16 once and used for every output. The other, the weights, stays in flash as
 * kws/engine/packing.py laid it: two outputs a and b in one halfword, 256 * b + a, or one that has no partner as int8.
 * Rows of weights and patches end in zeros, so that their length is a multiple of 4. Every form gives the same sums.
 */
#ifndef KWS_DOT_H
#define KWS_DOT_H

#include <stdint.h>

#include "dsp.h"
#include "kws_config.h"
#include "requantize.h"

#ifndef KWS_WITHOUT_CONV

/* Number `at` of one column in a patch of several: two numbers of a column are neighbours, `step` from the next two. */
static inline int16_t *kws_number(int16_t *column, int32_t step, int32_t at)
{
    return column + (at >> 1) * step + (at & 1);
}

/* Numbers at .. at + count - 1 of a column. */
static inline void kws_fill(int16_t *column, int32_t step, int32_t at, int32_t value, int32_t count)
{
    for (const int32_t end = at + count; at < end; ++at) {
        *kws_number(column, step, at) = (int16_t)value;
    }
}

static inline void kws_widen(int16_t *column, int32_t step, int32_t at, const int8_t *from, int32_t count)
{
    const int32_t end = at + count;
#if KWS_DSP
    if ((at & 1) == 0) {
        int16_t *to = kws_number(column, step, at);
        for (; at + 4 <= end; at += 4, from += 4, to += 2 * step) {
            uint32_t four;
            __builtin_memcpy(&four, from, sizeof four);
            const uint32_t even = (uint32_t)__sxtb16((int8x4_t)four);
            const uint32_t odd = (uint32_t)__sxtb16((int8x4_t)((four >> 8) | (four << 24)));
            const uint32_t first = (even & 0xffffu) | (odd << 16), second = (even >> 16) | (odd & 0xffff0000u);
            __builtin_memcpy(to, &first, sizeof first);
            __builtin_memcpy(to + step, &second, sizeof second);
        }
    }
    for (; at < end; ++at) {
        *kws_number(column, step, at) = *from++;
    }
#else
    (void)step; /* one column at a time: its numbers are neighbours */
    for (; at < end; ++at) {
        column[at] = *from++;
    }
#endif
}

/* An output without a partner; n at most 65,536. */
static inline int32_t kws_dot(const int16_t *patch, const int8_t *weights, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; ++i) {
        const int16_t weight = weights[i];
        sum += patch[i] * weight;
    }
    return sum;
}

#if !KWS_DSP

/* sums[2 * pairs]: one patch of n numbers, at most KWS_PATCH, with the weights of pairs of outputs, one pair behind the
 * other; see dsp.h. */
static inline void kws_dot_pairs(const int16_t *patch, const int16_t *weights, int32_t n, int32_t pairs, int32_t *sums)
{
    for (; pairs > 0; --pairs, weights += n, sums += 2) {
        int32_t low = 0, both = 0;
        for (int32_t i = 0; i < n; ++i) {
            low += patch[i] * (int8_t)weights[i];
            both += patch[i] * weights[i];
        }
        sums[0] = low;
        sums[1] = (both - low) >> 8;
    }
}

#endif

#endif

#if !defined(KWS_WITHOUT_DEPTHWISE) && !KWS_DSP

#if defined(__arm__)
#define KWS_LANES 4
#else
#define KWS_LANES 16
#endif

/* KWS_LANES channels from `channel` on: the sum over taps of seen[tap][channel] times weights[tap][channel]. */
static inline void kws_depthwise_lanes(const int8_t *const *seen, const int8_t *weights, int32_t channel,
                                       int32_t stride, int32_t taps, int32_t *sums)
{
    for (int32_t i = 0; i < KWS_LANES; ++i) {
        sums[i] = 0;
    }
    weights += channel;
    for (int32_t k = 0; k < taps; ++k, weights += stride) {
        const int8_t *const x = seen[k] + channel;
        for (int32_t i = 0; i < KWS_LANES; ++i) {
            sums[i] += x[i] * weights[i];
        }
    }
}

#endif

#endif
