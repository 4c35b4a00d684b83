/* The engine's rounding against the definition in TFLM's terms, over corners and COUNT random values: check_requantize COUNT. */
#include <stdio.h>
#include <stdlib.h>

#include "requantize.h"

static uint64_t state = 88172645463325252ULL;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Nudge by half with the product's sign, divide with truncation; saturate the one product that does not fit. */
static int32_t defined_multiply(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    const int64_t nudge = product >= 0 ? (int64_t)1 << 30 : 1 - ((int64_t)1 << 30);
    return a == INT32_MIN && b == INT32_MIN ? INT32_MAX : (int32_t)((product + nudge) / ((int64_t)1 << 31));
}

/* Shift, and add one where the remainder exceeds half; of negative values, where it exceeds more than half. */
static int32_t defined_shift(int32_t value, int32_t exponent)
{
    const int32_t mask = (int32_t)(((int64_t)1 << exponent) - 1);
    const int32_t remainder = value & mask;
    const int32_t threshold = (mask >> 1) + (value < 0);
    return (value >> exponent) + (remainder > threshold);
}

static int32_t defined_requantize(int32_t value, int32_t multiplier, int32_t shift)
{
    const int32_t shifted = shift > 0 ? (int32_t)((uint32_t)value << shift) : value;
    return defined_shift(defined_multiply(shifted, multiplier), shift > 0 ? 0 : -shift);
}

static long different;

static void check(int32_t a, int32_t b, int32_t shift)
{
    const int32_t multiplier = b < 0 ? ~b : b;
    const int32_t exponent = shift < 0 ? -shift : shift;
    const int wrong = kws_doubling_high_multiply(a, b) != defined_multiply(a, b)
                      || (a != INT32_MIN && kws_rounding_shift_right(a, exponent) != defined_shift(a, exponent))
                      || kws_requantize(a, multiplier, shift) != defined_requantize(a, multiplier, shift);
    if (wrong && different++ < 10) {
        printf("a %d, b %d, shift %d differ\n", (int)a, (int)b, (int)shift);
    }
}

int main(int argc, char **argv)
{
    static const int32_t corners[] = {INT32_MIN, INT32_MIN + 1, -(1 << 30) - 1, -(1 << 30), -65537, -3, -2, -1, 0, 1, 2, 3,
                                      65535, (1 << 30) - 1, 1 << 30, (1 << 30) + 1, INT32_MAX - 1, INT32_MAX};
    const int n = (int)(sizeof corners / sizeof corners[0]);
    const long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    for (int i = 0; i < n * n; ++i) {
        for (int32_t shift = -31; shift <= 30; ++shift) {
            check(corners[i / n], corners[i % n], shift);
        }
    }
    for (long i = 0; i < count; ++i) {
        const uint64_t random = next_random();
        const int32_t a = (int32_t)(random >> 32) >> (next_random() & 31);
        check(a, (int32_t)random, (int32_t)(next_random() % 62) - 31);
    }
    printf("%d corners and %ld random values, %ld different\n", n * n * 62, count, different);
    return different != 0;
}
