#include "spectrum.h"

#include "kws_math.h"

#include <string.h>

#define KWS_LN2_Q16 45426

uint32_t kws_frontend_magnitude(int32_t re, int32_t im, const uint16_t *sqrt_q15)
{
    const uint64_t power = (uint64_t)((int64_t)re * re) + (uint64_t)((int64_t)im * im);
    int32_t zeros;
    uint32_t mantissa;
    if (power == 0) {
        return 0;
    }
    zeros = kws_leading_zeros(power) & ~1;                   /* even, 2..62 */
    mantissa = (uint32_t)((power << zeros) >> 32);           /* 2^30..2^32 - 1 */
    return kws_interpolate_q16(sqrt_q15 + (mantissa >> 26) - 16, (mantissa >> 10) & 0xFFFF) >> (zeros / 2 - 1);
}

int32_t kws_frontend_ln_q16(uint64_t x, int32_t point, const uint16_t *log_q16)
{
    const int32_t zeros = kws_leading_zeros(x);
    const uint32_t mantissa = (uint32_t)((x << zeros) >> 32);   /* 2^31..2^32 - 1 */
    const uint32_t fraction = kws_interpolate_q16(log_q16 + ((mantissa >> 26) & 31), (mantissa >> 10) & 0xFFFF);
    return (63 - zeros - point) * KWS_LN2_Q16 + (int32_t)((fraction + 0x8000) >> 16);
}

/* Magnitudes of the bins that any band uses, closed up at the start of data: uint32 [bins]. */
static void kws_magnitudes(const kws_frontend_tables *tables, int32_t *data)
{
    const int32_t nyquist = data[1], half = tables->fft_points / 2;
    int32_t i;
    for (i = 0; i < tables->bins; i++) {                     /* writes data[i], reads data[2 k] and beyond, k >= i */
        const int32_t k = tables->first_bin + i;
        const int32_t re = k == half ? nyquist : data[2 * k];
        const int32_t im = k == 0 || k == half ? 0 : data[2 * k + 1];
        data[i] = (int32_t)kws_frontend_magnitude(re, im, tables->sqrt_q15);
    }
}

/* Logarithm of each band's weighted sum plus the floor: int32 [bands] in Q16. Magnitudes are in units of the FFT of
 * the int16 samples / 2^point with point 5 to 7, weights in Q16: the sum stays below 2^31 * 2^16 * 513 < 2^57. */
static void kws_log_mel(const kws_frontend_tables *tables, const int32_t *magnitudes, int32_t *log_mel)
{
    const int32_t point = tables->fft_points == 256 ? 7 : tables->fft_points == 512 ? 6 : 5;
    const uint64_t floor_sum = (uint64_t)tables->log_floor << (point + 16);
    const uint16_t *weight = tables->mel_q16;
    int32_t band, i;
    for (band = 0; band < tables->bands; band++) {
        const int32_t *const from = magnitudes + tables->band_start[band];
        uint64_t sum = floor_sum;
        for (i = 0; i < tables->band_length[band]; i++) {
            sum += (uint64_t)(uint32_t)from[i] * *weight++;
        }
        log_mel[band] = kws_frontend_ln_q16(sum, point + 16, tables->log_q16);
    }
}

/* features <= bands rows of the DCT: |log_mel| < 2^22, so that the sum stays below 80 * 2^22 * 2^15 < 2^44. */
static void kws_dct(const kws_frontend_tables *tables, const int32_t *log_mel, int32_t *row)
{
    const int16_t *factor = tables->dct_q15;
    int32_t feature, band;
    for (feature = 0; feature < tables->features; feature++) {
        int64_t sum = 0;
        for (band = 0; band < tables->bands; band++) {
            sum += (int64_t)log_mel[band] * *factor++;
        }
        row[feature] = (int32_t)kws_shift_round(sum, 15);
    }
}

void kws_spectrum_features(const kws_frontend_tables *tables, int32_t *data)
{
    int32_t *const log_mel = data + tables->fft_points - tables->bands;   /* behind the magnitudes: see the check */
    kws_magnitudes(tables, data);
    kws_log_mel(tables, data, log_mel);
    if (tables->dct_count > 0) {
        kws_dct(tables, log_mel, data);
    } else {
        memmove(data, log_mel, (uint32_t)tables->bands * sizeof *data);
    }
}
