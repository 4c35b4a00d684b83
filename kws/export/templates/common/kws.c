/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "kws_tables.h"

void kws_init(kws_state *state)
{
    kws_frontend_init(&state->frontend, &kws_model_frontend, &state->frontend_memory);
    kws_network_init(&state->network, &kws_model_network, &state->network_memory);
    kws_decoder_init(&state->decoder, &kws_model_decoder, state->decoder_memory);
    kws_detector_init(&state->detector, &state->frontend, &state->network, &state->decoder);
}

int32_t kws_push(kws_state *state, const int16_t *samples, int32_t count, kws_event *event)
{
    int32_t detections = 0;
    int32_t consumed = 0;
    if (state->detector.frontend == NULL) {
        return KWS_NOT_STARTED;
    }
    while (kws_detector_push(&state->detector, samples, count, &consumed, event)) {
        samples += consumed;
        count -= consumed;
        ++detections;
    }
    return detections;
}

const char *kws_label(int32_t label)
{
    return kws_model_labels[label];
}

int32_t kws_sizes_hold(const kws_state *state)
{
    return kws_frontend_memory_bytes(&kws_model_frontend) <= sizeof state->frontend_memory
           && kws_network_memory_bytes(&kws_model_network) <= sizeof state->network_memory
           && kws_decoder_memory_bytes(&kws_model_decoder) <= sizeof state->decoder_memory;
}

int32_t kws_decide(kws_state *state, const int8_t *row, int8_t *scores)
{
    return kws_network_push(&state->network, row, scores);
}
