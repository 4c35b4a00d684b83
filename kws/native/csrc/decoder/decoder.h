/* SPDX-License-Identifier: Apache-2.0 */
/* Decoder: from the network's scores to detections. Integers only. A hop here is one decision of the network.
 *
 * A score is 0..255 (the softmax in steps of 1/256): the network's int8 output plus 128. A label behind KWS_UNKNOWN, with
 * the score s where unknown words have u, counts as s * 256 / (256 + (unknown_weight - 1) * u), rounded down: what it
 * would be if unknown words were unknown_weight times as likely. Each label's score is averaged over the last
 * smoothing_hops hops; hops before the first count as 0. The best keyword at or above its threshold is detected,
 *   - unless it was detected before and its average has not fallen below its release since (hysteresis),
 *   - unless a detection lies at most refractory_hops hops back,
 *   - unless talk came before it: the score of unknown words, label KWS_UNKNOWN, averaged over talk_hops hops of which
 *     the last lies talk_lag_hops hops back, is at talk_limit or above. Hops before the first count as 0.
 * Averages are kept as sums and compared exactly: at the threshold means sum >= threshold * smoothing_hops.
 */
#ifndef KWS_DECODER_H
#define KWS_DECODER_H

#include "kws_config.h"

#include <stdint.h>

#define KWS_MAX_LABELS 42
#define KWS_MAX_SMOOTHING_HOPS 200
#define KWS_MAX_REFRACTORY_HOPS 1000
#define KWS_MAX_TALK_HOPS 200
#define KWS_MAX_UNKNOWN_WEIGHT 255
#define KWS_UNKNOWN 1 /* label of what is no keyword */
#define KWS_NEVER 256 /* a threshold that no average reaches: silence and unknown words */

/* What is the same for every stream; may lie in flash. */
typedef struct kws_decoder_tables {
    int32_t labels;                      /* 1..KWS_MAX_LABELS */
    int32_t smoothing_hops;              /* 1..KWS_MAX_SMOOTHING_HOPS */
    int32_t refractory_hops;             /* 0..KWS_MAX_REFRACTORY_HOPS */
    uint16_t thresholds[KWS_MAX_LABELS]; /* per label: 1..255, or KWS_NEVER */
    uint16_t releases[KWS_MAX_LABELS];   /* per label: 1..its threshold */
#if KWS_WITH_TALK
    int32_t talk_hops;      /* 0..KWS_MAX_TALK_HOPS; 0: talk before a word does not matter */
    int32_t talk_lag_hops;  /* 0..KWS_MAX_TALK_HOPS */
    int32_t talk_limit;     /* 1..255; without talk_hops anything */
    int32_t unknown_weight; /* 1..KWS_MAX_UNKNOWN_WEIGHT; 1: scores count as they are */
#endif
} kws_decoder_tables;

/* One detection. */
typedef struct kws_event {
    uint64_t sample; /* samples heard from the reset to the decision; written by the detector, not by the decoder */
    int32_t label;   /* index of the keyword among the labels */
    int32_t score;   /* 1..255: its average at the decision, rounded */
} kws_event;

/* What one stream remembers. The caller owns the struct, the tables and the memory. */
typedef struct kws_decoder {
    const kws_decoder_tables *tables;
    uint8_t *history; /* scores [smoothing_hops][labels], a ring */
#if KWS_WITH_TALK
    uint8_t *talk; /* scores of KWS_UNKNOWN [talk_hops + talk_lag_hops], a ring */
#endif
    uint16_t sums[KWS_MAX_LABELS]; /* over the history: 0..255 * smoothing_hops */
    uint8_t held[KWS_MAX_LABELS];  /* 1: detected, and not below the release since */
    int32_t position;              /* the oldest row of the history */
    int32_t refractory;            /* hops during which nothing triggers any more */
#if KWS_WITH_TALK
    int32_t talk_position; /* the oldest score of talk */
    int32_t talk_sum;      /* over the oldest talk_hops of them */
#endif
} kws_decoder;

/* What kws_decoder_check finds: 0, or the first rule that is broken. */
enum kws_decoder_error {
    KWS_DECODER_OK = 0,
    KWS_DECODER_BAD_LABELS = -1,     /* labels out of range */
    KWS_DECODER_BAD_SMOOTHING = -2,  /* smoothing_hops out of range */
    KWS_DECODER_BAD_REFRACTORY = -3, /* refractory_hops out of range */
    KWS_DECODER_BAD_THRESHOLDS = -4, /* a threshold out of range, or a release outside 1..its threshold */
    KWS_DECODER_BAD_TALK = -5,       /* talk_hops, talk_lag_hops or talk_limit out of range, or nothing is unknown */
    KWS_DECODER_BAD_WEIGHT = -6      /* unknown_weight out of range, or nothing is unknown */
};

/* 0 when push is safe with these tables, else one of the codes above. Reads nothing but the struct. */
int32_t kws_decoder_check(const kws_decoder_tables *tables);

/* Bytes of memory that one stream needs: at most KWS_MAX_LABELS * KWS_MAX_SMOOTHING_HOPS + 2 * KWS_MAX_TALK_HOPS. The
 * tables must have passed the check. */
uint32_t kws_decoder_memory_bytes(const kws_decoder_tables *tables);

/* Starts a stream. memory: kws_decoder_memory_bytes; its content and alignment do not matter. */
void kws_decoder_init(kws_decoder *state, const kws_decoder_tables *tables, void *memory);

/* Forgets all scores and detections. */
void kws_decoder_reset(kws_decoder *state);

/* scores : int8 [labels], the network's output for one hop. Returns 1 and fills event's label and score when a keyword
 * is detected; otherwise returns 0 and leaves the event alone. */
int32_t kws_decoder_push(kws_decoder *state, const int8_t *scores, kws_event *event);

#endif
