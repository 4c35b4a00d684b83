/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed-point MFCC front end: int16 samples in, one int8 row of features per hop out.
 *
 *     samples -> Hann window -> FFT -> magnitude -> mel bands -> logarithm -> DCT -> int8
 *
 * Integers only. No heap, no globals, no libc beyond memmove and memcpy. Tables are made by kws.features.tables and are
 * never trusted: kws_frontend_check proves that no access leaves its array and that no sum overflows, whatever they hold.
 * The Python oracle (kws.engine.oracle.frontend) states the same arithmetic; the two are equal bit for bit.
 */
#ifndef KWS_FRONTEND_H
#define KWS_FRONTEND_H

#include <stdint.h>

#define KWS_FRONTEND_LOG_ENTRIES 33
#define KWS_FRONTEND_MAX_BANDS 80

/* What kws_frontend_check finds: 0, or the first rule that is broken. */
enum kws_frontend_error {
    KWS_FRONTEND_OK = 0,
    KWS_FRONTEND_BAD_SIZES = -1,   /* window, hop, FFT length, floor, bins, bands or features out of range */
    KWS_FRONTEND_BAD_COUNTS = -2,  /* a table does not have the length that the sizes ask for */
    KWS_FRONTEND_BAD_FACTORS = -3, /* a complex factor of the FFT exceeds 1 */
    KWS_FRONTEND_BAD_MEL = -4,     /* the mel segments do not add up to the bins */
    KWS_FRONTEND_BAD_LOG = -5,     /* the table of the logarithm does not rise */
    KWS_FRONTEND_BAD_SCALES = -6   /* offset, multiplier or shift out of range */
};

/* Constant tables. The caller owns everything they point to, for as long as a state uses them. */
typedef struct kws_frontend_tables {
    int32_t window_samples;     /* even, 2..fft_points */
    int32_t hop_samples;        /* 1..window_samples */
    int32_t fft_points;         /* 256, 512 or 1024 */
    int32_t log_floor;          /* 1..4096, added to each band in units of the FFT of the int16 samples */
    int32_t first_bin;          /* lowest bin of the spectrum that is used */
    int32_t bins;               /* how many are, from there on; first_bin + bins <= fft_points / 2 + 1 */
    int32_t bands;              /* 1..80 */
    int32_t features;           /* numbers per row: 1..bands; = bands where there is no DCT */
    int32_t window_count;       /* window_samples / 2 + 1 */
    int32_t passes_count;       /* six factors per k and pass: 252, 504 or 1020 for 256, 512 or 1024 points */
    int32_t split_count;        /* fft_points / 2 */
    int32_t segments_count;     /* bands + 1 */
    int32_t log_count;          /* KWS_FRONTEND_LOG_ENTRIES */
    int32_t dct_count;          /* features * bands, or 0: no DCT */
    const int32_t *window_q31;  /* rising half of the periodic Hann window, centre included */
    const int32_t *passes_q30;  /* for each radix-4 pass from spectra of length L > 1, w = exp(-j pi k / (2 L)):
                                          re w, -im w, re w^2, -im w^2, re w^3, -im w^3, each for k = 0..L - 1 */
    const int32_t *split_q31;   /* cosine, then sine, of 2 pi k / fft_points for k = 0..fft_points / 4 - 1 */
    const uint16_t *rising_q16; /* [bins] weight of the bin in the band whose centre is the next above it; in
                                          the band below it weighs 1 minus that */
    const uint16_t *segments;   /* [segments_count] bins between one band's centre (or the edges) and the next */
    const uint16_t *log_q16;    /* ln(1 + i / 32) */
    const int16_t *dct_q15;     /* [features][bands] */
    const int32_t *offset_q16;  /* [features] |offset| <= 2^30 */
    const int32_t *multiplier;  /* [features] >= 0: q = (x - offset) * multiplier / 2^shift */
    const uint8_t *shift;       /* [features] 1..62 */
} kws_frontend_tables;

/* One stream. The caller owns the struct, the tables and the memory. */
typedef struct kws_frontend {
    const kws_frontend_tables *tables;
    int32_t *scratch; /* [fft_points] */
    int16_t *samples; /* [window_samples] the next window, as far as it has arrived */
    int32_t filled;   /* samples in it, 0..window_samples */
} kws_frontend;

/* 0 when the tables are safe to use, else one of the codes above. Reads no further than the counts say. */
int32_t kws_frontend_check(const kws_frontend_tables *tables);

/* Bytes of memory that one stream needs. The tables must have passed the check. */
uint32_t kws_frontend_memory_bytes(const kws_frontend_tables *tables);

/* Starts a stream. memory: kws_frontend_memory_bytes, aligned for int32_t; its content does not matter. */
void kws_frontend_init(kws_frontend *state, const kws_frontend_tables *tables, void *memory);

/* Forgets all samples. */
void kws_frontend_reset(kws_frontend *state);

/* Takes samples until a row is complete. samples : int16 [count], count >= 0; row : int8 [features].
 * Returns 1 with a row, else 0; *consumed says how many samples were taken: all of them when the result is 0.
 * Row i covers the samples i * hop_samples to i * hop_samples + window_samples - 1 of the stream. */
int32_t kws_frontend_push(kws_frontend *state, const int16_t *samples, int32_t count, int32_t *consumed, int8_t *row);

/* The features of the row that push has just returned, before quantization: int32 [features], Q16 natural logarithm.
 * Valid until the next call on this state. */
const int32_t *kws_frontend_raw(const kws_frontend *state);

/* Many clips, each one a fresh stream. samples : int16 [clips][samples_per_clip], memory as for kws_frontend_init.
 * features : int8 [clips][rows][features] and raw : int32 of the same shape, or a null pointer,
 * with rows = samples_per_clip < window_samples ? 0 : 1 + (samples_per_clip - window_samples) / hop_samples. */
void kws_frontend_clips(const kws_frontend_tables *tables, void *memory, const int16_t *samples, int32_t clips,
                        int32_t samples_per_clip, int8_t *features, int32_t *raw);

/* Two steps on their own, for tests that sweep them. */

/* 1.16293 * sqrt(re^2 + im^2) without a root: error at most 3 + 0.0014 * result, |re + j im| <= sqrt(2) * 2^30. */
int32_t kws_frontend_magnitude(int32_t re, int32_t im);

/* ln(x / 2^point) in Q16 for x > 0, 0 <= point <= 62: error between -0.00023 and 0.00005. */
int32_t kws_frontend_ln_q16(uint64_t x, int32_t point, const uint16_t *log_q16);

#endif
