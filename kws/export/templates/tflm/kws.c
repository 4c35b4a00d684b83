/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "kws_net.h"
#include "kws_tables.h"

void kws_init(kws_state *state)
{
    kws_frontend_init(&state->frontend, &kws_model_frontend, &state->frontend_memory);
    kws_decoder_init(&state->decoder, &kws_model_decoder, state->decoder_memory);
    memset(state->window, 0, sizeof state->window);
    state->heard = 0;
    state->waiting = KWS_FRAMES;
    state->phase = (KWS_DECIDE_EVERY - KWS_FRAMES % KWS_DECIDE_EVERY) % KWS_DECIDE_EVERY;
}

int32_t kws_decide(kws_state *state, const int8_t *row, int8_t *scores)
{
    memmove(state->window, state->window + KWS_FEATURES, sizeof state->window - KWS_FEATURES);
    memcpy(state->window + sizeof state->window - KWS_FEATURES, row, KWS_FEATURES);
    state->waiting -= state->waiting > 0 ? 1 : 0;
    state->phase = state->phase + 1 < KWS_DECIDE_EVERY ? state->phase + 1 : 0;
    if (state->waiting > 0 || state->phase != 0) {
        return 0;
    }
    return kws_net_init() == 0 && kws_net_run(state->window, scores) == 0;
}

int32_t kws_push(kws_state *state, const int16_t *samples, int32_t count, kws_event *event)
{
    int32_t detections = 0;
    int32_t consumed = 0;
    int8_t row[KWS_FEATURES];
    int8_t scores[KWS_LABELS];
    if (state->frontend.tables == NULL) {
        return KWS_NOT_STARTED;
    }
    while (kws_frontend_push(&state->frontend, samples, count, &consumed, row)) {
        samples += consumed;
        count -= consumed;
        state->heard += (uint64_t)consumed;
        if (kws_decide(state, row, scores) && kws_decoder_push(&state->decoder, scores, event)) {
            event->sample = state->heard;
            ++detections;
        }
    }
    state->heard += (uint64_t)consumed;
    return detections;
}

const char *kws_label(int32_t label)
{
    return kws_model_labels[label];
}

int32_t kws_sizes_hold(const kws_state *state)
{
    return kws_frontend_memory_bytes(&kws_model_frontend) <= sizeof state->frontend_memory
           && kws_decoder_memory_bytes(&kws_model_decoder) <= sizeof state->decoder_memory && kws_net_init() == 0;
}
