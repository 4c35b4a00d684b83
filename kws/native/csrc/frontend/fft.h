/* SPDX-License-Identifier: Apache-2.0 */
/* Real FFT of 256, 512 or 1024 points in place, through a complex one of half the length. Internal. */
#ifndef KWS_FFT_H
#define KWS_FFT_H

#include <stdint.h>

/* re, im : int32 [points / 2], apart from each other. In: x[2 n] and x[2 n + 1] at re[n] and im[n], |x| <= 2^29.
 * Out: the spectrum X[k] = sum x[n] exp(-2 pi j k n / points), divided by points / 2: bin k at re[k], im[k] for
 * 0 < k < points / 2, im with either sign; re[0] = X[0] and im[0] = X[points / 2], which are real.
 * Tables as in kws_frontend_tables, with no complex factor above 1 but for rounding. */
void kws_fft_real(int32_t *re, int32_t *im, int32_t points, const int32_t *passes_q30, const int32_t *split_q31);

#endif
