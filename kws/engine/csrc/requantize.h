/* The rounding of TensorFlow Lite for Microcontrollers: a 32-bit sum times a real factor, rounded twice.
 *
 * Right shifts of negative numbers are arithmetic on every compiler that this engine supports (gcc, clang, armclang).
 * The oracle is kws/engine/oracle/arithmetic.py.
 */
#ifndef KWS_REQUANTIZE_H
#define KWS_REQUANTIZE_H

#include <stdint.h>

/* a * b / 2^31, to nearest; the one product that does not fit saturates. */
static inline int32_t kws_doubling_high_multiply(int32_t a, int32_t b) {
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    const int64_t product = (int64_t)a * b;
    const int64_t nudge = product >= 0 ? (int64_t)1 << 30 : 1 - ((int64_t)1 << 30);
    return (int32_t)((product + nudge) / ((int64_t)1 << 31));
}

/* value / 2^exponent, to nearest, ties away from zero; exponent 0..31. */
static inline int32_t kws_rounding_shift_right(int32_t value, int32_t exponent) {
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
    const int32_t remainder = value & mask;
    const int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
    return (value >> exponent) + (remainder > threshold ? 1 : 0);
}

/* value * multiplier / 2^31 * 2^shift; shift -31..30. */
static inline int32_t kws_requantize(int32_t value, int32_t multiplier, int32_t shift) {
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int32_t shifted = (int32_t)((uint32_t)value << left);
    return kws_rounding_shift_right(kws_doubling_high_multiply(shifted, multiplier), right);
}

static inline int32_t kws_wrapping_add(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int8_t kws_clamp(int32_t value, int32_t low, int32_t high) {
    const int32_t capped = value > high ? high : value;
    return (int8_t)(capped < low ? low : capped);
}

/* 1 / (1 + a) in Q31 for a in Q31, 0 <= a < 1: three Newton-Raphson steps. */
static inline int32_t kws_saturating_shift_left(int32_t value, int32_t exponent) {
    const int64_t wide = (int64_t)value * ((int64_t)1 << exponent);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

static inline int32_t kws_reciprocal_of_one_plus(int32_t a) {
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) >> 1);
    int32_t x = 1515870810 + kws_doubling_high_multiply(half_denominator, -1010580540); /* 48/17 - 32/17 d, Q29 */
    for (int32_t i = 0; i < 3; ++i) {
        const int32_t error = ((int32_t)1 << 29) - kws_doubling_high_multiply(half_denominator, x);
        x += kws_saturating_shift_left(kws_doubling_high_multiply(x, error), 2);
    }
    return kws_saturating_shift_left(x, 1);
}

#endif
