/* Real FFT of 256, 512 or 1024 points in place, through a complex one of half the length. Internal. */
#ifndef KWS_FFT_H
#define KWS_FFT_H

#include <stdint.h>

/* Where the complex number n of 0..points / 2 - 1 belongs before the FFT: its 7, 8 or 9 bits read backwards. */
static inline int32_t kws_fft_place(int32_t n, int32_t points)
{
    static const uint8_t backwards[32] = {0, 16, 8,  24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30,
                                          1, 17, 9,  25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31};
    const int32_t high_bits = points == 1024 ? 5 : points == 512 ? 4 : 3;
    return backwards[n & 15] >> 1 << high_bits | backwards[n >> 4] >> (5 - high_bits);
}

/* re, im : int32 [points / 2], apart from each other. In: x[2 n] and x[2 n + 1] at the place of n, |x| <= 2^29.
 * Out: the spectrum X[k] = sum x[n] exp(-2 pi j k n / points), divided by points / 2: bin k at re[k], im[k] for
 * 0 < k < points / 2, im with either sign; re[0] = X[0] and im[0] = X[points / 2], which are real.
 * Tables as in kws_frontend_tables, with no complex factor above 1 but for rounding. */
void kws_fft_real(int32_t *re, int32_t *im, int32_t points, const int32_t *passes_q30, const int32_t *split_q31);

#endif
