/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder.h"

#include <string.h>

int32_t kws_decoder_check(const kws_decoder_tables *tables)
{
    if (tables->labels < 1 || tables->labels > KWS_MAX_LABELS) {
        return KWS_DECODER_BAD_LABELS;
    }
    if (tables->smoothing_hops < 1 || tables->smoothing_hops > KWS_MAX_SMOOTHING_HOPS) {
        return KWS_DECODER_BAD_SMOOTHING;
    }
    if (tables->refractory_hops < 0 || tables->refractory_hops > KWS_MAX_REFRACTORY_HOPS) {
        return KWS_DECODER_BAD_REFRACTORY;
    }
    for (int32_t i = 0; i < tables->labels; ++i) {
        if (tables->thresholds[i] > KWS_NEVER || tables->releases[i] < 1
            || tables->releases[i] > tables->thresholds[i]) {
            return KWS_DECODER_BAD_THRESHOLDS;
        }
    }
#if KWS_WITH_TALK
    if (tables->talk_hops < 0 || tables->talk_hops > KWS_MAX_TALK_HOPS) {
        return KWS_DECODER_BAD_TALK;
    }
    if (tables->talk_hops > 0
        && (tables->labels <= KWS_UNKNOWN || tables->talk_lag_hops < 0 || tables->talk_lag_hops > KWS_MAX_TALK_HOPS
            || tables->talk_limit < 1 || tables->talk_limit > 255)) {
        return KWS_DECODER_BAD_TALK;
    }
    if (tables->unknown_weight < 1 || tables->unknown_weight > KWS_MAX_UNKNOWN_WEIGHT
        || (tables->unknown_weight > 1 && tables->labels <= KWS_UNKNOWN)) {
        return KWS_DECODER_BAD_WEIGHT;
    }
#endif
    return KWS_DECODER_OK;
}

static int32_t talk_size(const kws_decoder_tables *tables)
{
#if KWS_WITH_TALK
    return tables->talk_hops > 0 ? tables->talk_hops + tables->talk_lag_hops : 0;
#else
    (void)tables;
    return 0;
#endif
}

uint32_t kws_decoder_memory_bytes(const kws_decoder_tables *tables)
{
    return (uint32_t)(tables->smoothing_hops * tables->labels + talk_size(tables));
}

void kws_decoder_init(kws_decoder *state, const kws_decoder_tables *tables, void *memory)
{
    state->tables = tables;
    state->history = memory;
#if KWS_WITH_TALK
    state->talk = state->history + tables->smoothing_hops * tables->labels;
#endif
    kws_decoder_reset(state);
}

void kws_decoder_reset(kws_decoder *state)
{
    memset(state->history, 0, kws_decoder_memory_bytes(state->tables));
    memset(state->sums, 0, sizeof state->sums);
    memset(state->held, 0, sizeof state->held);
    state->position = 0;
    state->refractory = 0;
#if KWS_WITH_TALK
    state->talk_position = 0;
    state->talk_sum = 0;
#endif
}

/* What the scores behind KWS_UNKNOWN are divided by, in steps of 1/256: 256 leaves them. */
static uint32_t divisor(const kws_decoder_tables *tables, const int8_t *scores)
{
#if KWS_WITH_TALK
    if (tables->unknown_weight > 1) {
        return 256u + (uint32_t)(tables->unknown_weight - 1) * (uint32_t)(scores[KWS_UNKNOWN] + 128);
    }
#else
    (void)tables;
    (void)scores;
#endif
    return 256u;
}

/* Replaces the oldest row of the history by `scores` and keeps the sums. */
static void smooth(kws_decoder *state, const int8_t *scores)
{
    const kws_decoder_tables *tables = state->tables;
    uint8_t *row = state->history + state->position * tables->labels;
    const uint32_t by = divisor(tables, scores);

    for (int32_t i = 0; i < tables->labels; ++i) {
        uint32_t score = (uint32_t)(scores[i] + 128);
        if (i > KWS_UNKNOWN && by > 256u) {
            score = score * 256u / by;
        }
        state->sums[i] = (uint16_t)(state->sums[i] - row[i] + score);
        row[i] = (uint8_t)score;
    }
    if (++state->position == tables->smoothing_hops) {
        state->position = 0;
    }
}

#if KWS_WITH_TALK
/* Takes one hop's scores. Returns 1 while talk lies before it, so that nothing may trigger. */
static int after_talk(kws_decoder *state, const int8_t *scores)
{
    const kws_decoder_tables *tables = state->tables;
    const int32_t size = talk_size(tables);

    if (size == 0) {
        return 0;
    }
    const uint8_t left = state->talk[state->talk_position];
    state->talk[state->talk_position] = (uint8_t)(scores[KWS_UNKNOWN] + 128);
    if (++state->talk_position == size) {
        state->talk_position = 0;
    }
    /* The newest score of the average is the last one of the oldest talk_hops: talk_lag_hops older than this hop's. */
    int32_t newest = state->talk_position + tables->talk_hops - 1;
    if (newest >= size) {
        newest -= size;
    }
    state->talk_sum += state->talk[newest] - left;
    return state->talk_sum >= tables->talk_limit * tables->talk_hops;
}
#endif

int32_t kws_decoder_push(kws_decoder *state, const int8_t *scores, kws_event *event)
{
    const kws_decoder_tables *tables = state->tables;
    const int32_t hops = tables->smoothing_hops;
    int32_t best = -1;

    smooth(state, scores);
#if KWS_WITH_TALK
    const int talked = after_talk(state, scores);
#else
    const int talked = 0;
#endif
    for (int32_t i = 0; i < tables->labels; ++i) {
        const int32_t sum = state->sums[i];
        if (sum < tables->releases[i] * hops) {
            state->held[i] = 0;
        }
        if (sum >= tables->thresholds[i] * hops && (best < 0 || sum > state->sums[best])) {
            best = i;
        }
    }
    if (state->refractory > 0) {
        --state->refractory;
        return 0;
    }
    if (best < 0 || state->held[best] || talked) {
        return 0;
    }
    state->held[best] = 1;
    state->refractory = tables->refractory_hops;
    event->label = best;
    event->score = (state->sums[best] + hops / 2) / hops;
    return 1;
}
