/* SPDX-License-Identifier: Apache-2.0 */
#include "fft.h"

#include "kws_math.h"

#include <stddef.h>

/* Magnitudes: the inputs are at most sqrt(2) 2^29 as complex numbers. Each pass adds four of them and divides by four
 * (two and two), so that no complex number exceeds sqrt(2) 2^29 by more than 3 per pass: |component| < 2^30. */

/* x / 4, rounded half up. */
static inline int32_t kws_quarter(int32_t x)
{
    return (x + 2) >> 2;
}

/* a * cosine + b * sine over 2^32. The two roundings down cancel on average; 0 stays 0. */
static inline int32_t kws_turn(int32_t a, int32_t cosine, int32_t b, int32_t sine)
{
    return kws_high(a, cosine) - kws_high(-b, sine);
}

/* First pass where count is no power of four: numbers n and n + count / 2 to spectra of length 2, over 2. */
KWS_WIDE static void kws_first_pass_two(int32_t *restrict re, int32_t *restrict im, ptrdiff_t count)
{
    const ptrdiff_t half = count / 2;
    KWS_INDEPENDENT
    for (ptrdiff_t n = 0; n < half; ++n) {
        const int32_t a_re = (re[n] + 1) >> 1, a_im = (im[n] + 1) >> 1;
        const int32_t b_re = (re[n + half] + 1) >> 1, b_im = (im[n + half] + 1) >> 1;
        re[n] = a_re + b_re;
        im[n] = a_im + b_im;
        re[n + half] = a_re - b_re;
        im[n + half] = a_im - b_im;
    }
}

/* First pass otherwise: numbers n + i count / 4 to spectra of length 4, over 4. Elements 1 and 2 change places, as the
 * reversal of bits that follows expects. */
KWS_WIDE static void kws_first_pass_four(int32_t *restrict re, int32_t *restrict im, ptrdiff_t count)
{
    const ptrdiff_t quarter = count / 4;
    KWS_INDEPENDENT
    for (ptrdiff_t n = 0; n < quarter; ++n) {
        const int32_t a_re = kws_quarter(re[n]), a_im = kws_quarter(im[n]);
        const int32_t b_re = kws_quarter(re[n + quarter]), b_im = kws_quarter(im[n + quarter]);
        const int32_t c_re = kws_quarter(re[n + 2 * quarter]), c_im = kws_quarter(im[n + 2 * quarter]);
        const int32_t d_re = kws_quarter(re[n + 3 * quarter]), d_im = kws_quarter(im[n + 3 * quarter]);
        re[n] = a_re + c_re + (b_re + d_re);
        im[n] = a_im + c_im + (b_im + d_im);
        re[n + 2 * quarter] = a_re - c_re + (b_im - d_im);
        im[n + 2 * quarter] = a_im - c_im - (b_re - d_re);
        re[n + quarter] = a_re + c_re - (b_re + d_re);
        im[n + quarter] = a_im + c_im - (b_im + d_im);
        re[n + 3 * quarter] = a_re - c_re - (b_im - d_im);
        im[n + 3 * quarter] = a_im - c_im + (b_re - d_re);
    }
}

/* Each number goes where its index reads backwards, in 7, 8 or 9 bits for a count of 128, 256 or 512. */
static void kws_reverse_bits(int32_t *restrict re, int32_t *restrict im, int32_t count)
{
    static const uint8_t backwards[32] = {0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30,
                                          1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31};
    const int32_t high_bits = count == 512 ? 5 : count == 256 ? 4 : 3;
    for (int32_t n = 0; n < count; ++n) {
        const int32_t place = backwards[n & 15] >> 1 << high_bits | backwards[n >> 4] >> (5 - high_bits);
        if (n < place) {
            const int32_t other_re = re[place], other_im = im[place];
            re[place] = re[n];
            im[place] = im[n];
            re[n] = other_re;
            im[n] = other_im;
        }
    }
}

/* Four spectra of length n, in the order a, c, b, d that the reversal of bits makes, to one of length 4 n: with w from `factors`,
 * X[k + i n] = (a + (-j)^i w b + (-1)^i w^2 c + j^i w^3 d) / 4. */
KWS_WIDE static void kws_merge(int32_t *restrict re, int32_t *restrict im, ptrdiff_t n, const int32_t *restrict factors)
{
    const int32_t *restrict const more = factors + 4 * n;
    KWS_INDEPENDENT
    for (ptrdiff_t k = 0; k < n; ++k) {
        const int32_t cos1 = factors[k], sin1 = factors[k + n], cos2 = factors[k + 2 * n], sin2 = factors[k + 3 * n];
        const int32_t cos3 = more[k], sin3 = more[k + n];
        const int32_t a_re = kws_quarter(re[k]), a_im = kws_quarter(im[k]);
        const int32_t c_re = kws_turn(re[k + n], cos2, im[k + n], sin2);
        const int32_t c_im = kws_turn(im[k + n], cos2, -re[k + n], sin2);
        const int32_t b_re = kws_turn(re[k + 2 * n], cos1, im[k + 2 * n], sin1);
        const int32_t b_im = kws_turn(im[k + 2 * n], cos1, -re[k + 2 * n], sin1);
        const int32_t d_re = kws_turn(re[k + 3 * n], cos3, im[k + 3 * n], sin3);
        const int32_t d_im = kws_turn(im[k + 3 * n], cos3, -re[k + 3 * n], sin3);
        re[k] = a_re + c_re + (b_re + d_re);
        im[k] = a_im + c_im + (b_im + d_im);
        re[k + n] = a_re - c_re + (b_im - d_im);
        im[k + n] = a_im - c_im - (b_re - d_re);
        re[k + 2 * n] = a_re + c_re - (b_re + d_re);
        im[k + 2 * n] = a_im + c_im - (b_im + d_im);
        re[k + 3 * n] = a_re - c_re - (b_im - d_im);
        im[k + 3 * n] = a_im - c_im + (b_re - d_re);
    }
}

/* From the spectrum Z of (even samples) + j (odd samples) to X, with m = points / 2, E = Z[k] + conj Z[m - k],
 * D = Z[k] - conj Z[m - k] and w = exp(-2 pi j k / points): X[k] = (E - j w D) / 2 and X[m - k] = conj(E + j w D) / 2,
 * whose im is left negated. |E|, |D| < 2 sqrt(2) 2^29 < 2^31. The middle, X[m / 2] = conj Z[m / 2], stays as it is. */
KWS_WIDE static void kws_split(int32_t *restrict re, int32_t *restrict im, int32_t count,
                               const int32_t *restrict cosine, const int32_t *restrict sine)
{
    const int32_t dc = re[0] + im[0], nyquist = re[0] - im[0];
    KWS_INDEPENDENT
    for (int32_t k = 1; k < count / 2; ++k) {
        const int32_t d_re = re[k] - re[count - k], d_im = im[k] + im[count - k];
        const int32_t e_re = (re[k] + re[count - k] + 1) >> 1, e_im = (im[k] - im[count - k] + 1) >> 1;
        const int32_t t_re = kws_turn(d_im, cosine[k], -d_re, sine[k]), t_im = kws_turn(d_re, cosine[k], d_im, sine[k]);
        re[k] = e_re + t_re;
        im[k] = e_im - t_im;
        re[count - k] = e_re - t_re;
        im[count - k] = e_im + t_im;
    }
    re[0] = dc;
    im[0] = nyquist;
}

void kws_fft_real(int32_t *re, int32_t *im, int32_t points, const int32_t *passes_q30, const int32_t *split_q31)
{
    const int32_t count = points / 2;
    int32_t length;
    if (count == 256) {
        kws_first_pass_four(re, im, count);
        length = 4;
    } else {
        kws_first_pass_two(re, im, count);
        length = 2;
    }
    kws_reverse_bits(re, im, count);
    for (; length < count; length *= 4) {
        for (int32_t at = 0; at < count; at += 4 * length) {
            kws_merge(re + at, im + at, length, passes_q30);
        }
        passes_q30 += 6 * length;
    }
    kws_split(re, im, count, split_q31, split_q31 + points / 4);
}
