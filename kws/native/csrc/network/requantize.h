/* SPDX-License-Identifier: Apache-2.0 */
/* The rounding of TensorFlow Lite for Microcontrollers: a 32-bit sum times a real factor, rounded twice.
 *
 * Right shifts of negative numbers are arithmetic on every compiler that this engine supports (gcc, clang, armclang).
 * The oracle is kws/engine/oracle/arithmetic.py; tests/c/check_requantize.c sweeps these against the definition.
 */
#ifndef KWS_REQUANTIZE_H
#define KWS_REQUANTIZE_H

#include <stdint.h>

#include "kws_config.h"

static inline int32_t kws_wrapping_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* a * b / 2^31 to the nearest, halves upwards, which is what TFLM's nudge and truncation come to; the one product that
 * does not fit, -2^31 * -2^31, saturates. */
static inline int32_t kws_doubling_high_multiply(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* The same for b >= 0, as multipliers are: nothing to saturate. */
static inline int32_t kws_scale(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* value / 2^exponent to the nearest, halves away from zero; value > INT32_MIN, exponent 0..31. A negative value less one,
 * rounded with halves upwards, is the negative value rounded with halves away from zero. */
static inline int32_t kws_rounding_shift_right(int32_t value, int32_t exponent)
{
    if (exponent == 0) {
        return value;
    }
    const int32_t lower = value + (value >> 31);
    return (lower >> exponent) + ((lower >> (exponent - 1)) & 1);
}

/* value * multiplier / 2^31 * 2^shift; multiplier >= 0, shift -31..30. */
static inline int32_t kws_requantize(int32_t value, int32_t multiplier, int32_t shift)
{
#if KWS_DSP
    if (shift < 0) { /* as below; the last bit that a shift drops is the carry */
        int32_t low, result;
        __asm__("smull %[low], %[result], %[value], %[multiplier]\n\t"
                "adds %[low], %[low], #0x40000000\n\t"
                "adc %[result], %[result], #0\n\t"
                "lsls %[result], %[result], #1\n\t"
                "orr %[result], %[result], %[low], lsr #31\n\t"
                "add %[result], %[result], %[result], asr #31\n\t"
                "asrs %[result], %[result], %[right]\n\t"
                "adc %[result], %[result], #0"
                : [low] "=&r"(low), [result] "=&r"(result)
                : [value] "r"(value), [multiplier] "r"(multiplier), [right] "r"(-shift)
                : "cc");
        return result;
    }
#endif
    if (shift > 0) {
        return kws_scale((int32_t)((uint32_t)value << shift), multiplier);
    }
    return kws_rounding_shift_right(kws_scale(value, multiplier), -shift);
}

static inline int8_t kws_clamp(int32_t value, int32_t low, int32_t high)
{
    const int32_t capped = value > high ? high : value;
    return (int8_t)(capped < low ? low : capped);
}

#endif
