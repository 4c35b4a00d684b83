/* SPDX-License-Identifier: Apache-2.0 */
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
           && kws_in(1, t->bands, KWS_FRONTEND_MAX_BANDS) && kws_in(1, t->features, t->bands);
}

/* Factors of the radix-4 passes that follow the first pass. */
static int32_t kws_pass_factors(int32_t points)
{
    int32_t factors = 0;
    for (int32_t length = points == 512 ? 4 : 2; length < points / 2; length *= 4) {
        factors += 6 * length;
    }
    return factors;
}

static int32_t kws_counts_hold(const kws_frontend_tables *t)
{
    return t->window_count == t->window_samples / 2 + 1 && t->passes_count == kws_pass_factors(t->fft_points)
           && t->split_count == t->fft_points / 2 && t->segments_count == t->bands + 1
           && t->log_count == KWS_FRONTEND_LOG_ENTRIES
           && (t->dct_count == t->features * t->bands || (t->dct_count == 0 && t->features == t->bands));
}

/* cosine^2 + sine^2 <= one^2 but for rounding, so that no complex factor makes a number grow. */
static int32_t kws_factors_hold(const int32_t *cosine, const int32_t *sine, int32_t count, int64_t one)
{
    for (int32_t i = 0; i < count; ++i) {
        const uint64_t squares = (uint64_t)((int64_t)cosine[i] * cosine[i]) + (uint64_t)((int64_t)sine[i] * sine[i]);
        if (squares > (uint64_t)(one * one + 2 * one)) {
            return 0;
        }
    }
    return 1;
}

static int32_t kws_passes_hold(const kws_frontend_tables *t)
{
    const int32_t quarter = t->split_count / 2, *factors = t->passes_q30;
    for (int32_t length = t->fft_points == 512 ? 4 : 2; length < t->fft_points / 2; length *= 4) {
        for (int32_t i = 0; i < 3; ++i) {
            if (!kws_factors_hold(factors, factors + length, length, (int64_t)1 << 30)) {
                return 0;
            }
            factors += 2 * length;
        }
    }
    return kws_factors_hold(t->split_q31, t->split_q31 + quarter, quarter, (int64_t)1 << 31);
}

static int32_t kws_mel_holds(const kws_frontend_tables *t)
{
    int32_t bins = 0;
    for (int32_t segment = 0; segment <= t->bands; ++segment) {
        bins += t->segments[segment];
    }
    return bins == t->bins;
}

static int32_t kws_rises(const uint16_t *curve, int32_t count)
{
    for (int32_t i = 1; i < count; ++i) {
        if (curve[i] < curve[i - 1]) {
            return 0;
        }
    }
    return 1;
}

static int32_t kws_scales_hold(const kws_frontend_tables *t)
{
    const int32_t limit = (int32_t)1 << 30;
    for (int32_t i = 0; i < t->features; ++i) {
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
    if (!kws_passes_hold(tables)) {
        return KWS_FRONTEND_BAD_FACTORS;
    }
    if (!kws_mel_holds(tables)) {
        return KWS_FRONTEND_BAD_MEL;
    }
    if (!kws_rises(tables->log_q16, tables->log_count)) {
        return KWS_FRONTEND_BAD_LOG;
    }
    return kws_scales_hold(tables) ? KWS_FRONTEND_OK : KWS_FRONTEND_BAD_SCALES;
}
