"""Fixed-point arithmetic of TensorFlow Lite for Microcontrollers, the rounding that a network was quantized for.

All functions take and return Python ints or integer NumPy arrays whose values fit int32; they are computed in int64.
Sources: the gemmlowp fixed-point definitions and TFLite's quantization specification. Proven equal to the TFLM
interpreter in tests/attacks/test_arithmetic.py.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

INT32_MAX, INT32_MIN = 2**31 - 1, -(2**31)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A positive real factor as (multiplier in Q31, shift): real = multiplier / 2^31 * 2^shift.

    Returns multiplier 0 or 2^30 .. 2^31-1 and a shift of at least -31, as TFLM rounds them; shifts above 30 occur only
    where a table says what lies beyond its range (LOGISTIC, SOFTMAX).
    """
    if real == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(real)
    multiplier = math.floor(mantissa * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def wrap(values: ArrayLike) -> np.ndarray:
    """Two's complement int32 of int64 values, as the device's adder computes them."""
    return np.asarray(values, np.int64).astype(np.int32).astype(np.int64)


def doubling_high_multiply(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """(a * b) / 2^31, rounded to nearest, ties away from zero below and up above; saturates -1 * -1."""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    nudge = np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    total = product + nudge
    quotient = np.where(total >= 0, total >> 31, -((-total) >> 31))  # C's division truncates
    return np.minimum(quotient, INT32_MAX)


def rounding_shift_right(values: ArrayLike, exponent: ArrayLike) -> np.ndarray:
    """values / 2^exponent, rounded to nearest, ties away from zero; exponent 0 .. 31."""
    values, exponent = np.asarray(values, np.int64), np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exponent) - 1
    remainder = values & mask
    threshold = (mask >> 1) + (values < 0)
    return (values >> exponent) + (remainder > threshold)


def saturating_shift_left(values: ArrayLike, exponent: int) -> np.ndarray:
    """values * 2^exponent, saturated to int32; exponent 1 .. 31."""
    return np.clip(np.asarray(values, np.int64) << exponent, INT32_MIN, INT32_MAX)


def requantize(values: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """values * multiplier / 2^31 * 2^shift with TFLM's two roundings; multiplier and shift may be per channel."""
    shift = np.asarray(shift, np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    return rounding_shift_right(doubling_high_multiply(wrap(np.asarray(values, np.int64) << left), multiplier), right)


def exp_of_negative(values: ArrayLike, integer_bits: int) -> np.ndarray:
    """exp(x) for x <= 0: values with 4 or 5 integer bits (Q27 or Q26), result in Q31."""
    values = np.asarray(values, np.int64)
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    reduced = (values & (quarter - 1)) - quarter
    result = _exp_between_minus_quarter_and_zero(saturating_shift_left(reduced, integer_bits))
    remainder = reduced - values
    factors = {-2: 1672461947, -1: 1302514674, 0: 790015084, 1: 290630308, 2: 39332535, 3: 720401, 4: 242}
    for exponent, factor in factors.items():  # exp(-2^exponent) in Q31
        if exponent < integer_bits:
            bit = np.int64(1) << (fraction_bits + exponent)
            result = np.where(remainder & bit, doubling_high_multiply(result, factor), result)
    return np.where(values == 0, INT32_MAX, result)


def _exp_between_minus_quarter_and_zero(a: ArrayLike) -> np.ndarray:
    """Taylor polynomial around -1/8; a and result in Q31."""
    x = np.asarray(a, np.int64) + (1 << 28)
    x2 = doubling_high_multiply(x, x)
    x3 = doubling_high_multiply(x2, x)
    x4_over_4 = rounding_shift_right(doubling_high_multiply(x2, x2), 2)
    tail = rounding_shift_right(doubling_high_multiply(x4_over_4 + x3, 715827883) + x2, 1)
    return 1895147668 + doubling_high_multiply(1895147668, x + tail)


def reciprocal_of_one_plus(a: ArrayLike) -> np.ndarray:
    """1 / (1 + a) for a in Q31, 0 <= a < 1; result in Q31. Three Newton-Raphson steps."""
    half_denominator = (np.asarray(a, np.int64) + INT32_MAX + 1) >> 1
    x = 1515870810 + doubling_high_multiply(half_denominator, -1010580540)  # 48/17 - 32/17 d, in Q29
    for _ in range(3):
        error = (1 << 29) - doubling_high_multiply(half_denominator, x)
        x += saturating_shift_left(doubling_high_multiply(x, error), 2)
    return saturating_shift_left(x, 1)


def logistic(values: ArrayLike) -> np.ndarray:
    """1 / (1 + exp(-x)): values in Q27 (4 integer bits), result in Q31."""
    values = np.atleast_1d(np.asarray(values, np.int64))
    exponential = exp_of_negative(-np.abs(values), 4)
    above = reciprocal_of_one_plus(exponential)
    result = np.where(values > 0, above, INT32_MAX - above)
    return np.where(values == 0, 1 << 30, result)
