#include "frontend.h"

static int32_t kws_in(int32_t low, int32_t x, int32_t high)
{
    return low <= x && x <= high;
}

static int32_t kws_sizes_hold(const kws_frontend_tables *t)
{
    return (t->fft_points == 256 || t->fft_points == 512 || t->fft_points == 1024)
           && kws_in(2, t->window_samples, t->fft_points) && t->window_samples % 2 == 0
           && kws_in(1, t->hop_samples, t->window_samples) && kws_in(1, t->log_floor, 4096)
           && kws_in(0, t->first_bin, t->fft_points / 2) && kws_in(1, t->bins, t->fft_points / 2 + 1 - t->first_bin)
           && kws_in(1, t->bands, KWS_FRONTEND_MAX_BANDS) && t->bins <= t->fft_points - t->bands
           && kws_in(1, t->features, t->bands);
}

static int32_t kws_counts_hold(const kws_frontend_tables *t)
{
    return t->window_count == t->window_samples / 2 + 1 && t->sine_count == t->fft_points
           && t->sqrt_count == KWS_FRONTEND_SQRT_ENTRIES && t->log_count == KWS_FRONTEND_LOG_ENTRIES
           && kws_in(0, t->mel_count, t->bands * (t->fft_points / 2 + 1))
           && (t->dct_count == t->features * t->bands || (t->dct_count == 0 && t->features == t->bands));
}

/* sine^2 + cosine^2 <= 1 + 2^-29, so that no complex factor makes a number grow. */
static int32_t kws_sine_holds(const kws_frontend_tables *t)
{
    const int32_t one = (int32_t)1 << 30, quarter = t->sine_count / 4;
    int32_t i;
    for (i = 0; i < t->sine_count; i++) {
        const int64_t sine = t->sine_q30[i], cosine = t->sine_q30[(i + quarter) % t->sine_count];
        if (!kws_in(-one, t->sine_q30[i], one) || !kws_in(-one, (int32_t)cosine, one)
            || sine * sine + cosine * cosine > ((int64_t)1 << 60) + ((int64_t)1 << 31)) {
            return 0;
        }
    }
    return 1;
}

static int32_t kws_mel_holds(const kws_frontend_tables *t)
{
    int32_t band, weights = 0;
    for (band = 0; band < t->bands; band++) {
        if (t->band_start[band] + t->band_length[band] > t->bins) {
            return 0;
        }
        weights += t->band_length[band];
    }
    return weights == t->mel_count;
}

static int32_t kws_rises(const uint16_t *curve, int32_t count)
{
    int32_t i;
    for (i = 1; i < count; i++) {
        if (curve[i] < curve[i - 1]) {
            return 0;
        }
    }
    return 1;
}

static int32_t kws_scales_hold(const kws_frontend_tables *t)
{
    const int32_t limit = (int32_t)1 << 30;
    int32_t i;
    for (i = 0; i < t->features; i++) {
        if (!kws_in(-limit, t->offset_q16[i], limit) || t->multiplier[i] < 0 || !kws_in(1, t->shift[i], 62)) {
            return 0;
        }
    }
    return 1;
}

int32_t kws_frontend_check(const kws_frontend_tables *tables)
{
    if (!kws_sizes_hold(tables)) {
        return KWS_FRONTEND_BAD_SIZES;
    }
    if (!kws_counts_hold(tables)) {
        return KWS_FRONTEND_BAD_COUNTS;
    }
    if (!kws_sine_holds(tables)) {
        return KWS_FRONTEND_BAD_SINE;
    }
    if (!kws_mel_holds(tables)) {
        return KWS_FRONTEND_BAD_MEL;
    }
    if (!kws_rises(tables->sqrt_q15, tables->sqrt_count) || !kws_rises(tables->log_q16, tables->log_count)) {
        return KWS_FRONTEND_BAD_CURVES;
    }
    return kws_scales_hold(tables) ? KWS_FRONTEND_OK : KWS_FRONTEND_BAD_SCALES;
}
