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
    return KWS_DECODER_OK;
}

uint32_t kws_decoder_memory_bytes(const kws_decoder_tables *tables)
{
    return (uint32_t)(tables->smoothing_hops * tables->labels);
}

void kws_decoder_init(kws_decoder *state, const kws_decoder_tables *tables, void *memory)
{
    state->tables = tables;
    state->history = memory;
    kws_decoder_reset(state);
}

void kws_decoder_reset(kws_decoder *state)
{
    memset(state->history, 0, kws_decoder_memory_bytes(state->tables));
    memset(state->sums, 0, sizeof state->sums);
    memset(state->held, 0, sizeof state->held);
    state->position = 0;
    state->refractory = 0;
}

/* Replaces the oldest row of the history by `scores` and keeps the sums. */
static void smooth(kws_decoder *state, const int8_t *scores)
{
    const kws_decoder_tables *tables = state->tables;
    uint8_t *row = state->history + state->position * tables->labels;

    for (int32_t i = 0; i < tables->labels; ++i) {
        const uint8_t score = (uint8_t)(scores[i] + 128);
        state->sums[i] = (uint16_t)(state->sums[i] - row[i] + score);
        row[i] = score;
    }
    if (++state->position == tables->smoothing_hops) {
        state->position = 0;
    }
}

int32_t kws_decoder_push(kws_decoder *state, const int8_t *scores, kws_event *event)
{
    const kws_decoder_tables *tables = state->tables;
    const int32_t hops = tables->smoothing_hops;
    int32_t best = -1;

    smooth(state, scores);
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
    if (best < 0 || state->held[best]) {
        return 0;
    }
    state->held[best] = 1;
    state->refractory = tables->refractory_hops;
    event->label = best;
    event->score = (state->sums[best] + hops / 2) / hops;
    return 1;
}
