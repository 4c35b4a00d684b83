/* SPDX-License-Identifier: Apache-2.0 */
/* Integer helpers that every stage shares. Internal: not part of the public interface.
 *
 * The engine assumes that >> of a negative number shifts arithmetically (rounds towards minus infinity), as every
 * compiler for the supported targets does; C99 leaves it to the implementation. Nothing else here depends on it.
 */
#ifndef KWS_MATH_H
#define KWS_MATH_H

#include <stdint.h>

/* KWS_WIDE before a function: on a PC it is compiled twice, and the processor's vector unit is used if there is one.
 * KWS_INDEPENDENT before a loop: its turns touch different memory. Both change the speed and nothing else. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define KWS_WIDE __attribute__((target_clones("avx2", "default")))
#define KWS_INDEPENDENT _Pragma("GCC ivdep")
#else
#define KWS_WIDE
#define KWS_INDEPENDENT
#endif

/* Leading zero bits of x: 0..63. x > 0. */
static inline int32_t kws_leading_zeros(uint64_t x)
{
#ifdef __GNUC__
    return (int32_t)__builtin_clzll(x);
#else
    int32_t zeros = 0;
    for (int32_t step = 32; step > 0; step /= 2) {
        if (x >> (64 - step) == 0) {
            zeros += step;
            x <<= step;
        }
    }
    return zeros;
#endif
}

/* x limited to -128..127. */
static inline int8_t kws_saturate_int8(int64_t x)
{
    return (int8_t)(x < -128 ? -128 : x > 127 ? 127 : x);
}

/* a * b / 2^32, rounded towards minus infinity: one instruction on a Cortex-M4. A Cortex-M0 multiplies 32 by 32 bits to 32:
 * it takes the product in four pieces of 16 by 16, whose sums stay within int32. */
static inline int32_t kws_high(int32_t a, int32_t b)
{
#ifdef __ARM_ARCH_6M__
    const int32_t a_high = a >> 16, a_low = a & 0xFFFF, b_high = b >> 16, b_low = b & 0xFFFF;
    const int32_t above = a_high * b_low + (int32_t)((uint32_t)a_low * (uint32_t)b_low >> 16);
    const int32_t below = a_low * b_high + (above & 0xFFFF);
    return a_high * b_high + (above >> 16) + (below >> 16);
#else
    return (int32_t)((int64_t)a * b >> 32);
#endif
}

/* x / 2^shift, rounded half up (towards plus infinity). 1 <= shift <= 62, |x| <= 2^62. */
static inline int64_t kws_shift_round(int64_t x, int32_t shift)
{
    return (x + ((int64_t)1 << (shift - 1))) >> shift;
}

#endif
