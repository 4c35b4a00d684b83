/* SPDX-License-Identifier: Apache-2.0 */
#include "detector.h"

#include <string.h>

void kws_detector_init(kws_detector *state, kws_frontend *frontend, kws_network *network, kws_decoder *decoder)
{
    state->frontend = frontend;
    state->network = network;
    state->decoder = decoder;
    kws_detector_reset(state);
}

void kws_detector_reset(kws_detector *state)
{
    kws_frontend_reset(state->frontend);
    kws_network_reset(state->network);
    kws_decoder_reset(state->decoder);
    state->heard = 0;
    memset(state->row, 0, sizeof state->row);
    memset(state->scores, 0, sizeof state->scores);
}

int32_t kws_detector_hop(kws_detector *state, const int16_t *samples, int32_t count, int32_t *consumed)
{
    int32_t taken = 0, used = 0, scored = 0;

    while (!scored && kws_frontend_push(state->frontend, samples + taken, count - taken, &used, state->row)) {
        taken += used;
        scored = kws_network_push(state->network, state->row, state->scores);
    }
    *consumed = scored ? taken : count;
    state->heard += (uint64_t)*consumed;
    return scored;
}

int32_t kws_detector_push(kws_detector *state, const int16_t *samples, int32_t count, int32_t *consumed,
                          kws_event *event)
{
    int32_t taken = 0, used = 0;

    *consumed = count;
    while (kws_detector_hop(state, samples + taken, count - taken, &used)) {
        taken += used;
        if (kws_decoder_push(state->decoder, state->scores, event)) {
            event->sample = state->heard;
            *consumed = taken;
            return 1;
        }
    }
    return 0;
}
