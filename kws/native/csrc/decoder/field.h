/* SPDX-License-Identifier: Apache-2.0 */
/* What a detector counts of itself between two reports: levels, scores, features, near misses, clipping, gaps.
 *
 * Beside the detector, which it does not touch: the caller gives it every sample and tells it of every decision. Counts
 * stay at their largest value rather than begin anew. A near miss is a rise of a label's average to its threshold less
 * KWS_FIELD_NEAR (but at least to half of the threshold) that falls again without a detection; in the second after a
 * detection nothing is one.
 */
#ifndef KWS_FIELD_H
#define KWS_FIELD_H

#include "decoder.h"

#define KWS_FIELD_LEVELS 14          /* steps of 6 dB of a hop's root mean square; the last one up to full scale */
#define KWS_FIELD_SCORES 10          /* 0..1, 2..7, 8..31, then steps of 32 of 256 */
#define KWS_FIELD_FEATURES 10        /* steps over int8 */
#define KWS_FIELD_NEAR 38            /* of 256, below the threshold */
#define KWS_FIELD_NAMED_SAMPLES 3200 /* from this many samples on the session has its number */
#define KWS_FIELD_MASKS 2            /* words of 32 labels */

/* 200 bytes. The caller owns it. */
typedef struct kws_field {
    uint64_t energy;  /* of the samples of a hop that is not full yet */
    uint32_t samples; /* heard in this report */
    uint32_t decisions;
    uint32_t clipped;                      /* samples at full scale */
    uint32_t lost;                         /* samples that were not heard */
    uint32_t before_s;                     /* sound of the reports before */
    uint32_t session;                      /* drawn from the first samples */
    uint32_t levels[KWS_FIELD_LEVELS];     /* hops */
    uint32_t scores[KWS_FIELD_SCORES];     /* decisions, by the best keyword's average */
    uint32_t features[KWS_FIELD_FEATURES]; /* values of the rows at the decisions */
    uint32_t risen[KWS_FIELD_MASKS];       /* labels whose average is near their threshold or above it */
    uint32_t blocked[KWS_FIELD_MASKS];     /* of them, those that are no near miss any more */
    uint16_t detections;
    uint16_t near_misses;
    uint16_t hop_samples;
    uint16_t filled; /* samples in the hop that is not full yet */
    uint16_t second; /* decisions in a second */
    uint16_t quiet;  /* decisions until near misses count again */
    uint16_t rest;   /* samples of the reports before, beyond before_s */
} kws_field;

/* Starts a session. hop_samples : 1..65535, over which a level is taken; second : decisions in a second, 1..65535;
 * seed : anything that differs from start to start, or 0. */
void kws_field_init(kws_field *field, int32_t hop_samples, int32_t second, uint32_t seed);

/* The next samples of the sound : int16 [count]. */
void kws_field_samples(kws_field *field, const int16_t *samples, int32_t count);

/* A decision. sums : uint16 [labels], the decoder's; row : int8 [features], the front end's last; detected : 1 or 0. */
void kws_field_decision(kws_field *field, const kws_decoder_tables *tables, const uint16_t *sums, const int8_t *row,
                        int32_t features, int32_t detected);

/* Samples that the microphone brought and nobody heard. */
void kws_field_lost(kws_field *field, uint32_t samples);

/* Seconds of sound since the start of the session. */
uint32_t kws_field_uptime_s(const kws_field *field, int32_t rate_hz);

/* Begins the next report. */
void kws_field_next(kws_field *field, int32_t rate_hz);

#endif
