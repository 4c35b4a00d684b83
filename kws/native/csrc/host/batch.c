/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include <string.h>

int32_t kws_decoder_run(kws_decoder *state, const int8_t *scores, int32_t hops, int32_t *consumed, kws_event *event)
{
    for (int32_t hop = 0; hop < hops; ++hop, scores += state->tables->labels) {
        if (kws_decoder_push(state, scores, event)) {
            *consumed = hop + 1;
            return 1;
        }
    }
    *consumed = hops;
    return 0;
}

int32_t kws_detector_scores(kws_detector *state, const int16_t *samples, int32_t count, int8_t *scores, uint64_t *heard)
{
    const int32_t labels = state->decoder->tables->labels;
    int32_t n = 0, taken = 0;

    while (kws_detector_hop(state, samples, count, &taken)) {
        memcpy(scores, state->scores, (size_t)labels);
        scores += labels;
        heard[n++] = state->heard;
        samples += taken;
        count -= taken;
    }
    return n;
}

int32_t kws_detector_watch(kws_detector *state, const int16_t *samples, int32_t count, int32_t *consumed,
                           kws_event *event)
{
    int32_t found = 0;

    if (kws_frontend_push(state->frontend, samples, count, consumed, state->row)) {
        found = KWS_WATCH_ROW;
        if (kws_network_push(state->network, state->row, state->scores)) {
            found |= KWS_WATCH_SCORES;
            if (kws_decoder_push(state->decoder, state->scores, event)) {
                found |= KWS_WATCH_EVENT;
            }
        }
    }
    state->heard += (uint64_t)*consumed;
    event->sample = state->heard;
    return found;
}
