#include "fft.h"

#include "kws_math.h"

/* Magnitudes: the inputs are below sqrt(2) 2^29 as complex numbers. Each pass adds four of them and divides by four (two
 * and two), so that no complex number ever exceeds sqrt(2) 2^29 but for rounding (3 per pass): |component| < 2^30. */

/* x / 4, rounded half up. */
static inline int32_t kws_quarter(int32_t x)
{
    return (x + 2) >> 2;
}

/* (a * cosine + b * sine) / 4 with factors in Q30, rounded half up; for cosine 1 and sine 0 equal to kws_quarter(a). */
static inline int32_t kws_turn_quarter(int32_t a, int32_t cosine_q30, int32_t b, int32_t sine_q30)
{
    return (int32_t)(((int64_t)a * cosine_q30 + (int64_t)b * sine_q30 + ((int64_t)1 << 31)) >> 32);
}

/* Four-point butterfly of quarters, in the order a, c, b, d in which bit reversal lays them; stride in int32. */
static inline void kws_butterfly(int32_t *at, int32_t stride, const int32_t *a, const int32_t *b, const int32_t *c,
                                 const int32_t *d)
{
    const int32_t sum_re = a[0] + c[0], sum_im = a[1] + c[1], gap_re = a[0] - c[0], gap_im = a[1] - c[1];
    const int32_t odd_re = b[0] + d[0], odd_im = b[1] + d[1], cross_re = b[0] - d[0], cross_im = b[1] - d[1];
    at[0] = sum_re + odd_re;
    at[1] = sum_im + odd_im;
    at[stride] = gap_re + cross_im;
    at[stride + 1] = gap_im - cross_re;
    at[2 * stride] = sum_re - odd_re;
    at[2 * stride + 1] = sum_im - odd_im;
    at[3 * stride] = gap_re - cross_im;
    at[3 * stride + 1] = gap_im + cross_re;
}

/* First butterflies of all blocks of a pass, whose factors are 1. */
static void kws_pass_first(int32_t *data, int32_t points, int32_t stride)
{
    int32_t *at;
    for (at = data; at < data + points; at += 4 * stride) {
        const int32_t a[2] = {kws_quarter(at[0]), kws_quarter(at[1])};
        const int32_t c[2] = {kws_quarter(at[stride]), kws_quarter(at[stride + 1])};
        const int32_t b[2] = {kws_quarter(at[2 * stride]), kws_quarter(at[2 * stride + 1])};
        const int32_t d[2] = {kws_quarter(at[3 * stride]), kws_quarter(at[3 * stride + 1])};
        kws_butterfly(at, stride, a, b, c, d);
    }
}

/* One radix-4 pass: blocks of 4 * stride int32 (2 * stride complex numbers) from four spectra of stride / 2. */
static void kws_pass(int32_t *data, int32_t points, int32_t stride, const int32_t *sine)
{
    const int32_t *const cosine = sine + points / 4;
    const int32_t step = points / (2 * stride);
    int32_t k, i;
    kws_pass_first(data, points, stride);
    for (k = 2, i = step; k < stride; k += 2, i += step) {
        const int32_t c1 = cosine[i], c2 = cosine[2 * i], c3 = cosine[3 * i];
        const int32_t s1 = sine[i], s2 = sine[2 * i], s3 = sine[3 * i];
        int32_t *at;
        for (at = data + k; at < data + points; at += 4 * stride) {
            const int32_t *const pc = at + stride, *const pb = at + 2 * stride, *const pd = at + 3 * stride;
            const int32_t a[2] = {kws_quarter(at[0]), kws_quarter(at[1])};
            const int32_t c[2] = {kws_turn_quarter(pc[0], c2, pc[1], s2), kws_turn_quarter(pc[1], c2, pc[0], -s2)};
            const int32_t b[2] = {kws_turn_quarter(pb[0], c1, pb[1], s1), kws_turn_quarter(pb[1], c1, pb[0], -s1)};
            const int32_t d[2] = {kws_turn_quarter(pd[0], c3, pd[1], s3), kws_turn_quarter(pd[1], c3, pd[0], -s3)};
            kws_butterfly(at, stride, a, b, c, d);
        }
    }
}

/* Two-point first pass, for lengths that are no power of four: halves, rounded half up. */
static void kws_pass_two(int32_t *data, int32_t points)
{
    int32_t *at;
    for (at = data; at < data + points; at += 4) {
        const int32_t a_re = (at[0] + 1) >> 1, a_im = (at[1] + 1) >> 1;
        const int32_t b_re = (at[2] + 1) >> 1, b_im = (at[3] + 1) >> 1;
        at[0] = a_re + b_re;
        at[1] = a_im + b_im;
        at[2] = a_re - b_re;
        at[3] = a_im - b_im;
    }
}

/* From the spectrum Z of (even samples) + j (odd samples) to X: with E = Z[k] + conj Z[m - k], D = Z[k] - conj Z[m - k]
 * and w = exp(-2 pi j k / points): X[k] = (E - j w D) / 2, X[m - k] = conj(E + j w D) / 2 (its im is left negated).
 * |E|, |D| < 2 sqrt(2) 2^29 < 2^31. */
static void kws_split(int32_t *data, int32_t points, const int32_t *sine)
{
    const int32_t *const cosine = sine + points / 4;
    const int32_t dc = data[0], odd = data[1];
    int32_t k;
    data[0] = dc + odd;
    data[1] = dc - odd;
    for (k = 1; k < points / 4; k++) {
        int32_t *const low = data + 2 * k, *const high = data + points - 2 * k;
        const int32_t d_re = low[0] - high[0], d_im = low[1] + high[1];
        const int32_t e_re = (low[0] + high[0] + 1) >> 1, e_im = (low[1] - high[1] + 1) >> 1;
        const int64_t half = (int64_t)1 << 30, c = cosine[k], s = sine[k];
        const int32_t t_re = (int32_t)((c * d_im - s * d_re + half) >> 31);
        const int32_t t_im = (int32_t)((-c * d_re - s * d_im + half) >> 31);
        low[0] = e_re + t_re;
        low[1] = e_im + t_im;
        high[0] = e_re - t_re;
        high[1] = e_im - t_im;
    }
}

void kws_fft_real(int32_t *data, int32_t points, const int32_t *sine_q30)
{
    int32_t stride = 2;
    if (points != 512) {
        kws_pass_two(data, points);
        stride = 4;
    }
    for (; stride < points; stride *= 4) {
        kws_pass(data, points, stride, sine_q30);
    }
    kws_split(data, points, sine_q30);
}
