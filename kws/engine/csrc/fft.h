/* Real FFT of 256, 512 or 1024 points in place, through a complex one of half the length. Internal. */
#ifndef KWS_FFT_H
#define KWS_FFT_H

#include <stdint.h>

/* data : int32 [points]. In: complex pairs (x[2 n], x[2 n + 1]) at the bit-reversed place of n, |x| <= 2^29.
 * Out: the spectrum X[k] = sum x[n] exp(-2 pi j k n / points), divided by points / 2: (re, im) of bin k at
 * data[2 k], data[2 k + 1] for 0 < k < points / 2, im with either sign; data[0] = X[0], data[1] = X[points / 2], both real.
 * sine_q30 : int32 [points], sin(2 pi i / points), with sine^2 + cosine^2 <= 1 but for rounding. */
void kws_fft_real(int32_t *data, int32_t points, const int32_t *sine_q30);

#endif
