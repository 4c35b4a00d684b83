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

/* First pass, radix 2, where points / 2 is no power of four: pairs to spectra of length 2, over 2. */
static void kws_pass_two(int32_t *re, int32_t *im, int32_t count)
{
    int32_t k;
    for (k = 0; k < count; k += 2) {
        const int32_t a_re = (re[k] + 1) >> 1, a_im = (im[k] + 1) >> 1;
        const int32_t b_re = (re[k + 1] + 1) >> 1, b_im = (im[k + 1] + 1) >> 1;
        re[k] = a_re + b_re;
        im[k] = a_im + b_im;
        re[k + 1] = a_re - b_re;
        im[k + 1] = a_im - b_im;
    }
}

/* First pass, radix 4: numbers a, c, b, d (the order of bit reversal) to spectra of length 4, over 4. */
KWS_WIDE static void kws_pass_first(int32_t *restrict re, int32_t *restrict im, int32_t count)
{
    int32_t k;
    for (k = 0; k < count; k += 4) {
        const int32_t a_re = kws_quarter(re[k]), a_im = kws_quarter(im[k]);
        const int32_t c_re = kws_quarter(re[k + 1]), c_im = kws_quarter(im[k + 1]);
        const int32_t b_re = kws_quarter(re[k + 2]), b_im = kws_quarter(im[k + 2]);
        const int32_t d_re = kws_quarter(re[k + 3]), d_im = kws_quarter(im[k + 3]);
        re[k] = a_re + c_re + (b_re + d_re);
        im[k] = a_im + c_im + (b_im + d_im);
        re[k + 1] = a_re - c_re + (b_im - d_im);
        im[k + 1] = a_im - c_im - (b_re - d_re);
        re[k + 2] = a_re + c_re - (b_re + d_re);
        im[k + 2] = a_im + c_im - (b_im + d_im);
        re[k + 3] = a_re - c_re - (b_im - d_im);
        im[k + 3] = a_im - c_im + (b_re - d_re);
    }
}

/* Four spectra of length n, in the order a, c, b, d, to one of length 4 n: with w from `factors`,
 * X[k + i n] = (a + (-j)^i w b + (-1)^i w^2 c + j^i w^3 d) / 4. */
KWS_WIDE static void kws_merge(int32_t *restrict re, int32_t *restrict im, ptrdiff_t n, const int32_t *restrict factors)
{
    const int32_t *restrict const more = factors + 4 * n;
    ptrdiff_t k;
    KWS_INDEPENDENT
    for (k = 0; k < n; k++) {
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
KWS_WIDE static void kws_split(int32_t *restrict re, int32_t *restrict im, int32_t count, const int32_t *restrict cosine,
                               const int32_t *restrict sine)
{
    const int32_t dc = re[0] + im[0], nyquist = re[0] - im[0];
    int32_t k;
    KWS_INDEPENDENT
    for (k = 1; k < count / 2; k++) {
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
    int32_t length, at;
    if (points == 512) {
        kws_pass_first(re, im, count);
        length = 4;
    } else {
        kws_pass_two(re, im, count);
        length = 2;
    }
    for (; length < count; length *= 4) {
        for (at = 0; at < count; at += 4 * length) {
            kws_merge(re + at, im + at, length, passes_q30);
        }
        passes_q30 += 6 * length;
    }
    kws_split(re, im, count, split_q31, split_q31 + points / 4);
}
