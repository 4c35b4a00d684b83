/* SPDX-License-Identifier: Apache-2.0 */
#include "spectrum.h"

#include "kws_config.h"
#include "kws_math.h"

#include <string.h>

#define KWS_LN2_Q16 45426
#define KWS_GAIN_Q16 76214   /* what kws_magnitude makes of 1, on average over all angles: 1.16293 */
#define KWS_LN_GAIN_Q16 9892 /* its natural logarithm */

/* x folded onto the first eighth of the circle, then turned by atan(1/2), atan(1/4), atan(1/8) with a fold after each:
 * what is left of the angle is 0 to 7.1 degrees, and the last turn by atan(1/16) puts it between -3.6 and 3.6. Each turn
 * lengthens by sqrt(1 + 4^-i), together 1.1637: |result| < 1.1637 * sqrt(2) * 2^30 < 2^31. */
static inline int32_t kws_magnitude(int32_t re, int32_t im)
{
    const int32_t x = re < 0 ? -re : re, y = im < 0 ? -im : im;
    const int32_t u0 = x > y ? x : y, v0 = x > y ? y : x;
    const int32_t u1 = u0 + (v0 >> 1), t1 = v0 - (u0 >> 1), v1 = t1 < 0 ? -t1 : t1;
    const int32_t u2 = u1 + (v1 >> 2), t2 = v1 - (u1 >> 2), v2 = t2 < 0 ? -t2 : t2;
    const int32_t u3 = u2 + (v2 >> 3), t3 = v2 - (u2 >> 3), v3 = t3 < 0 ? -t3 : t3;
    return u3 + (v3 >> 4);
}

int32_t kws_frontend_magnitude(int32_t re, int32_t im)
{
    return kws_magnitude(re, im);
}

static inline int32_t kws_ln_q16(uint64_t x, int32_t point, const uint16_t *log_q16)
{
    const int32_t zeros = kws_leading_zeros(x);
    const uint32_t mantissa = (uint32_t)((x << zeros) >> 32); /* 2^31..2^32 - 1 */
    const uint16_t *const entry = log_q16 + (mantissa >> 26 & 31);
    const uint32_t rise = (uint32_t)(entry[1] - entry[0]) * (mantissa >> 10 & 0xFFFF);
    return (63 - zeros - point) * KWS_LN2_Q16 + entry[0] + (int32_t)(rise >> 16);
}

int32_t kws_frontend_ln_q16(uint64_t x, int32_t point, const uint16_t *log_q16)
{
    return kws_ln_q16(x, point, log_q16);
}

/* Magnitudes of the bins 1..count - 1 that are used, in place of re. */
KWS_WIDE static void kws_magnitudes(int32_t *restrict re, const int32_t *restrict im, int32_t first, int32_t end)
{
    for (int32_t k = first; k < end; ++k) {
        re[k] = kws_magnitude(re[k], im[k]);
    }
}

/* Sum of the magnitudes and, weighted, their share in the upper of two bands. magnitudes < 2^31, count <= 513. */
KWS_WIDE static void kws_segment(const int32_t *restrict magnitudes, const uint16_t *restrict rising_q16, int32_t count,
                                 uint64_t *restrict whole, uint64_t *restrict upper_q16)
{
    uint64_t sum = 0, weighted = 0;
    for (int32_t i = 0; i < count; ++i) {
        const uint64_t magnitude = (uint32_t)magnitudes[i];
        sum += magnitude;
        weighted += magnitude * rising_q16[i];
    }
    *whole = sum;
    *upper_q16 = weighted;
}

/* Logarithm of each band's weighted sum plus the floor: int32 [bands] in Q16. Magnitudes count 1.16293 * 2^point per unit
 * of the FFT of the int16 samples, weights 2^16: sums stay below 2 * 2^31 * 2^16 * 513 < 2^58. */
static void kws_log_mel(const kws_frontend_tables *tables, const int32_t *magnitudes, int32_t *log_mel)
{
    const int32_t point = tables->fft_points == 256 ? 7 : tables->fft_points == 512 ? 6 : 5;
    const uint64_t floor_sum = (uint64_t)tables->log_floor * KWS_GAIN_Q16 << point;
    const uint16_t *rising = tables->rising_q16;
    uint64_t whole, upper, rising_part = 0;
    for (int32_t segment = 0; segment <= tables->bands; ++segment) {
        kws_segment(magnitudes, rising, tables->segments[segment], &whole, &upper);
        if (segment > 0) {
            const uint64_t sum = rising_part + ((whole << 16) - upper) + floor_sum;
            log_mel[segment - 1] = kws_ln_q16(sum, point + 16, tables->log_q16) - KWS_LN_GAIN_Q16;
        }
        rising_part = upper;
        magnitudes += tables->segments[segment];
        rising += tables->segments[segment];
    }
}

#if KWS_WITH_DCT

/* Sum of log_mel * factor : |log_mel| < 2^22, so that it stays below 80 * 2^22 * 2^15 < 2^44. */
KWS_WIDE static int64_t kws_dct_sum(const int32_t *restrict log_mel, const int16_t *restrict factor_q15, int32_t bands)
{
    int64_t sum = 0;
    for (int32_t band = 0; band < bands; ++band) {
        sum += (int64_t)log_mel[band] * factor_q15[band];
    }
    return sum;
}

#endif

void kws_spectrum_features(const kws_frontend_tables *tables, int32_t *data)
{
    const int32_t half = tables->fft_points / 2, end = tables->first_bin + tables->bins;
    int32_t *const log_mel = data + tables->fft_points - tables->bands; /* behind the magnitudes: bands < half */
    kws_magnitudes(data, data + half, tables->first_bin > 1 ? tables->first_bin : 1, end < half ? end : half);
    data[0] = kws_magnitude(data[0], 0);
    data[half] = kws_magnitude(data[half], 0); /* the FFT leaves X[half] in im[0] */
    kws_log_mel(tables, data + tables->first_bin, log_mel);
#if KWS_WITH_DCT
    if (tables->dct_count > 0) {
        for (int32_t i = 0; i < tables->features; ++i) {
            const int16_t *const factor = tables->dct_q15 + i * tables->bands;
            data[i] = (int32_t)kws_shift_round(kws_dct_sum(log_mel, factor, tables->bands), 15);
        }
        return;
    }
#endif
    memmove(data, log_mel, (uint32_t)tables->bands * sizeof *data);
}
