/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend.h"

#include "fft.h"
#include "kws_math.h"
#include "spectrum.h"

#include <stddef.h>
#include <string.h>

uint32_t kws_frontend_memory_bytes(const kws_frontend_tables *tables)
{
    return (uint32_t)tables->fft_points * (uint32_t)sizeof(int32_t)
           + (uint32_t)tables->window_samples * (uint32_t)sizeof(int16_t);
}

void kws_frontend_init(kws_frontend *state, const kws_frontend_tables *tables, void *memory)
{
    state->tables = tables;
    state->scratch = memory;
    state->samples = (int16_t *)(void *)(state->scratch + tables->fft_points);
    kws_frontend_reset(state);
}

void kws_frontend_reset(kws_frontend *state)
{
    state->filled = 0;
}

const int32_t *kws_frontend_raw(const kws_frontend *state)
{
    return state->scratch;
}

/* sample * factor in Q14: |result| <= 2^29 for any factor. */
static inline int32_t kws_windowed(int16_t sample, int32_t factor_q31)
{
    return kws_high(sample * 32768, factor_q31);
}

/* The window's even samples to re, the odd ones to im. rising : the window's factors up to its centre. */
KWS_WIDE static void kws_load_window(const int16_t *restrict samples, const int32_t *restrict rising, ptrdiff_t window,
                                     int32_t *restrict re, int32_t *restrict im)
{
    ptrdiff_t n = 0;
    for (; 2 * n < window / 2; ++n) {
        re[n] = kws_windowed(samples[2 * n], rising[2 * n]);
        im[n] = kws_windowed(samples[2 * n + 1], rising[2 * n + 1]);
    }
    for (; 2 * n < window; ++n) {
        re[n] = kws_windowed(samples[2 * n], rising[window - 2 * n]);
        im[n] = kws_windowed(samples[2 * n + 1], rising[window - 2 * n - 1]);
    }
}

/* The spectrum of the window, zeros behind its end: see kws_fft_real. */
static void kws_transform(const kws_frontend *state)
{
    const kws_frontend_tables *const tables = state->tables;
    const int32_t half = tables->fft_points / 2, filled = tables->window_samples / 2;
    int32_t *const re = state->scratch, *const im = re + half;
    kws_load_window(state->samples, tables->window_q31, tables->window_samples, re, im);
    memset(re + filled, 0, (uint32_t)(half - filled) * sizeof *re);
    memset(im + filled, 0, (uint32_t)(half - filled) * sizeof *im);
    kws_fft_real(re, im, tables->fft_points, tables->passes_q30, tables->split_q31);
}

/* Row of int8 from the raw features: (x - offset) * multiplier / 2^shift, rounded half up, saturated. */
static void kws_quantize_row(const kws_frontend_tables *tables, const int32_t *raw, int8_t *row)
{
    for (int32_t i = 0; i < tables->features; ++i) {
        const int64_t scaled = (int64_t)(raw[i] - tables->offset_q16[i]) * tables->multiplier[i];
        row[i] = kws_saturate_int8(kws_shift_round(scaled, tables->shift[i]));
    }
}

int32_t kws_frontend_push(kws_frontend *state, const int16_t *samples, int32_t count, int32_t *consumed, int8_t *row)
{
    const kws_frontend_tables *const tables = state->tables;
    const int32_t wanted = tables->window_samples - state->filled;
    const int32_t taken = count < wanted ? count : wanted;
    *consumed = taken;
    if (taken > 0) {
        memcpy(state->samples + state->filled, samples, (uint32_t)taken * sizeof *samples);
        state->filled += taken;
    }
    if (state->filled < tables->window_samples) {
        return 0;
    }
    kws_transform(state);
    kws_spectrum_features(tables, state->scratch);
    kws_quantize_row(tables, state->scratch, row);
    state->filled -= tables->hop_samples;
    memmove(state->samples, state->samples + tables->hop_samples, (uint32_t)state->filled * sizeof *samples);
    return 1;
}

void kws_frontend_clips(const kws_frontend_tables *tables, void *memory, const int16_t *samples, int32_t clips,
                        int32_t samples_per_clip, int8_t *features, int32_t *raw)
{
    kws_frontend state;
    kws_frontend_init(&state, tables, memory);
    for (int32_t clip = 0; clip < clips; ++clip) {
        int32_t left = samples_per_clip, consumed;
        kws_frontend_reset(&state);
        while (kws_frontend_push(&state, samples, left, &consumed, features)) {
            if (raw) {
                memcpy(raw, kws_frontend_raw(&state), (uint32_t)tables->features * sizeof *raw);
                raw += tables->features;
            }
            features += tables->features;
            samples += consumed;
            left -= consumed;
        }
        samples += consumed;
    }
}
