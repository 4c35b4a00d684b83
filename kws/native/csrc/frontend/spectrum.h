/* SPDX-License-Identifier: Apache-2.0 */
/* From the spectrum to features: magnitudes, mel bands, logarithm, DCT. Internal. */
#ifndef KWS_SPECTRUM_H
#define KWS_SPECTRUM_H

#include "frontend.h"

/* data : int32 [fft_points]. In: the FFT's re [fft_points / 2], then im. Out: the row of features, int32 [features] in
 * Q16, at its start. */
void kws_spectrum_features(const kws_frontend_tables *tables, int32_t *data);

#endif
