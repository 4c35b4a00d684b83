/* Sums of products, the inner loops of a network: portable C, and two products per instruction where the processor has it.
 *
 * One factor is widened to int16 once and used for every output; the other, the weights, stays int8 as it lies in flash.
 * Both forms give the same sums: they are exact. n is at most 65,536, so a sum is at most 2^30 in magnitude.
 */
#ifndef KWS_DOT_H
#define KWS_DOT_H

#include <stdint.h>

#include "kws_config.h"
#include "requantize.h"

#if KWS_DSP
#include <arm_acle.h>

/* Four int8 as two pairs of int16: bytes 0 and 2, bytes 1 and 3. */
static inline int16x2_t kws_even(uint32_t four)
{
    return __sxtb16((int8x4_t)four);
}

static inline int16x2_t kws_odd(uint32_t four)
{
    return __sxtb16((int8x4_t)__ror(four, 8));
}

/* One instruction each, also where the compiler is told that there is no library. */
static inline uint32_t kws_load(const void *from)
{
    uint32_t word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}

static inline void kws_store(void *to, int16x2_t pair)
{
    __builtin_memcpy(to, &pair, sizeof pair);
}

/* Each whole four in the order 0 2 1 3, as weights come out of a word; in place when `from` is the later half of `to`. */
static inline void kws_widen(int16_t *to, const int8_t *from, int32_t n)
{
    const int8_t *const fours = from + (n & ~3), *const end = from + n;
    for (; from != fours; from += 4, to += 4) {
        const uint32_t four = kws_load(from);
        kws_store(to, kws_even(four));
        kws_store(to + 2, kws_odd(four));
    }
    for (; from != end; ++from, ++to) {
        *to = *from;
    }
}

static inline int32_t kws_dot(const int16_t *wide, const int8_t *weights, int32_t n)
{
    int32_t sum = 0;
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const uint32_t four = kws_load(weights + i);
        sum = __smlad((int16x2_t)kws_load(wide + i), kws_even(four), sum);
        sum = __smlad((int16x2_t)kws_load(wide + i + 2), kws_odd(four), sum);
    }
    for (; i < n; ++i) {
        sum += wide[i] * weights[i];
    }
    return sum;
}

/* The loops below are written out because compilers run out of registers in them. */

#if KWS_WITH_CONV

/* sums[0..3]: one patch with four rows of weights, n apart, and their biases. */
static KWS_NOINLINE void kws_dot_1x4(const int16_t *wide, const int8_t *weights, int32_t n, const int32_t *bias,
                                     int32_t *sums)
{
    const int8_t *later = weights + 2 * n;
    const int8_t *const end = weights + (n & ~3);
    int32_t a = bias[0], b = bias[1], c = bias[2], d = bias[3];
    while (weights != end) {
        uint32_t four, even, odd;
        __asm__("ldrd %[even], %[odd], [%[wide]], #8\n\t"
                "ldr %[four], [%[weights], %[n]]\n\t"
                "sxtb16 r12, %[four]\n\t"
                "smlad %[b], %[even], r12, %[b]\n\t"
                "sxtb16 r12, %[four], ror #8\n\t"
                "smlad %[b], %[odd], r12, %[b]\n\t"
                "ldr %[four], [%[weights]], #4\n\t"
                "sxtb16 r12, %[four]\n\t"
                "smlad %[a], %[even], r12, %[a]\n\t"
                "sxtb16 r12, %[four], ror #8\n\t"
                "smlad %[a], %[odd], r12, %[a]\n\t"
                "ldr %[four], [%[later], %[n]]\n\t"
                "sxtb16 r12, %[four]\n\t"
                "smlad %[d], %[even], r12, %[d]\n\t"
                "sxtb16 r12, %[four], ror #8\n\t"
                "smlad %[d], %[odd], r12, %[d]\n\t"
                "ldr %[four], [%[later]], #4\n\t"
                "sxtb16 r12, %[four]\n\t"
                "smlad %[c], %[even], r12, %[c]\n\t"
                "sxtb16 r12, %[four], ror #8\n\t"
                "smlad %[c], %[odd], r12, %[c]"
                : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [weights] "+r"(weights), [later] "+r"(later),
                  [wide] "+r"(wide), [four] "=&r"(four), [even] "=&r"(even), [odd] "=&r"(odd)
                : [n] "r"(n)
                : "r12", "memory");
    }
    for (int32_t i = 0; i < (n & 3); ++i) {
        a += wide[i] * weights[i];
        b += wide[i] * weights[n + i];
        c += wide[i] * later[i];
        d += wide[i] * later[n + i];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* Two patches, the second n behind the first, with two rows of weights, n apart, and their biases. */
static KWS_NOINLINE void kws_dot_2x2(const int16_t *wide, const int8_t *weights, int32_t n, const int32_t *bias,
                                     int32_t *sums, int32_t *sums_beside)
{
    const int16_t *beside = wide + n;
    const int8_t *second = weights + n;
    const int8_t *const end = weights + (n & ~3);
    int32_t a = bias[0], b = bias[1], c = a, d = b;
    while (weights != end) {
        uint32_t one, two, seen;
        __asm__("ldr %[one], [%[first]], #4\n\t"
                "ldr %[two], [%[second]], #4\n\t"
                "ldr %[seen], [%[wide]], #4\n\t"
                "sxtb16 r12, %[one]\n\t"
                "sxtb16 lr, %[two]\n\t"
                "smlad %[a], %[seen], r12, %[a]\n\t"
                "smlad %[b], %[seen], lr, %[b]\n\t"
                "ldr %[seen], [%[beside]], #4\n\t"
                "sxtb16 %[one], %[one], ror #8\n\t"
                "sxtb16 %[two], %[two], ror #8\n\t"
                "smlad %[c], %[seen], r12, %[c]\n\t"
                "smlad %[d], %[seen], lr, %[d]\n\t"
                "ldr %[seen], [%[wide]], #4\n\t"
                "ldr r12, [%[beside]], #4\n\t"
                "smlad %[a], %[seen], %[one], %[a]\n\t"
                "smlad %[b], %[seen], %[two], %[b]\n\t"
                "smlad %[c], r12, %[one], %[c]\n\t"
                "smlad %[d], r12, %[two], %[d]"
                : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [first] "+r"(weights), [second] "+r"(second),
                  [wide] "+r"(wide), [beside] "+r"(beside), [one] "=&r"(one), [two] "=&r"(two), [seen] "=&r"(seen)
                :
                : "r12", "lr", "memory");
    }
    for (int32_t i = 0; i < (n & 3); ++i) {
        a += wide[i] * weights[i];
        b += wide[i] * second[i];
        c += beside[i] * weights[i];
        d += beside[i] * second[i];
    }
    sums[0] = a;
    sums[1] = b;
    sums_beside[0] = c;
    sums_beside[1] = d;
}

#endif

#if KWS_WITH_DEPTHWISE

#define KWS_LANES 4

/* KWS_LANES channels from `channel` on: the sum over taps of seen[tap][channel] times weights[tap][channel]. */
static KWS_NOINLINE void kws_depthwise_lanes(const int8_t *const *seen, const int8_t *weights, int32_t channel,
                                             int32_t stride, int32_t taps, const int32_t *bias, int32_t *sums)
{
    int32_t a = bias[0], b = bias[1], c = bias[2], d = bias[3];
    weights += channel;
    for (int32_t k = 0; k < taps; ++k, weights += stride) {
        const uint32_t x = kws_load(seen[k] + channel), w = kws_load(weights);
        const int16x2_t x_even = kws_even(x), w_even = kws_even(w), x_odd = kws_odd(x), w_odd = kws_odd(w);
        a = __smlabb(x_even, w_even, a);
        b = __smlabb(x_odd, w_odd, b);
        c = __smlatt(x_even, w_even, c);
        d = __smlatt(x_odd, w_odd, d);
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

#endif

#else

static inline void kws_widen(int16_t *to, const int8_t *from, int32_t n)
{
    for (int32_t i = 0; i < n; ++i) {
        to[i] = from[i];
    }
}

static inline int32_t kws_dot(const int16_t *wide, const int8_t *weights, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; ++i) {
        const int16_t weight = weights[i];
        sum += wide[i] * weight;
    }
    return sum;
}

static inline void kws_dot_1x4(const int16_t *wide, const int8_t *weights, int32_t n, const int32_t *bias, int32_t *sums)
{
    for (int32_t o = 0; o < 4; ++o) {
        sums[o] = kws_wrapping_add(bias[o], kws_dot(wide, weights + o * n, n));
    }
}

static inline void kws_dot_2x2(const int16_t *wide, const int8_t *weights, int32_t n, const int32_t *bias, int32_t *sums,
                               int32_t *sums_beside)
{
    for (int32_t o = 0; o < 2; ++o) {
        sums[o] = kws_wrapping_add(bias[o], kws_dot(wide, weights + o * n, n));
        sums_beside[o] = kws_wrapping_add(bias[o], kws_dot(wide + n, weights + o * n, n));
    }
}

#if defined(__arm__)
#define KWS_LANES 4
#else
#define KWS_LANES 16
#endif

static inline void kws_depthwise_lanes(const int8_t *const *seen, const int8_t *weights, int32_t channel, int32_t stride,
                                       int32_t taps, const int32_t *bias, int32_t *sums)
{
    for (int32_t i = 0; i < KWS_LANES; ++i) {
        sums[i] = bias[i];
    }
    weights += channel;
    for (int32_t k = 0; k < taps; ++k, weights += stride) {
        const int8_t *const x = seen[k] + channel;
        for (int32_t i = 0; i < KWS_LANES; ++i) {
            sums[i] = kws_wrapping_add(sums[i], x[i] * weights[i]);
        }
    }
}

#endif

#endif
