/* SPDX-License-Identifier: Apache-2.0 */
#include "kws_golden.h"
#include "kws_tables.h"

/* Sample n of the signal: noise from faint to full scale, a full-scale square wave, silence, the corner -32768. */
static int16_t golden_sample(int32_t n, uint32_t random)
{
    const int32_t noise = (int32_t)(random >> 16) - 32768;
    switch (n >> 10 & 3) {
        case 0: return (int16_t)(noise >> (n >> 12 & 7));
        case 1: return (int16_t)((n >> 5 & 1) != 0 ? 32767 : -32768);
        case 2: return (int16_t)((n >> 9 & 1) != 0 ? 0 : -32768);
        default: return (int16_t)noise;
    }
}

/* Front end and network: every row of features and every decision's scores go into a checksum. */
static int32_t run_signal(kws_state *state)
{
    uint32_t features = 0, scores = 0, random = 1;
    int32_t consumed = 0;
    int8_t row[KWS_FEATURES];
    int8_t decision[KWS_LABELS];
    for (int32_t n = 0; n < KWS_GOLDEN_SAMPLES; ++n) {
        random = kws_golden_random(random);
        const int16_t sample = golden_sample(n, random);
        if (kws_frontend_push(&state->frontend, &sample, 1, &consumed, row)) {
            features = kws_golden_crc(features, row, KWS_FEATURES);
            if (kws_decide(state, row, decision)) {
                scores = kws_golden_crc(scores, decision, KWS_LABELS);
            }
        }
    }
    return (features != KWS_GOLDEN_FEATURES ? KWS_FAILED_FEATURES : 0)
           | (scores != KWS_GOLDEN_SCORES ? KWS_FAILED_SCORES : 0);
}

/* Decoder: each label in turn has all of the probability for as long as a detection and its refractory time take. */
static int32_t run_decoder(kws_state *state)
{
    const int32_t turn = kws_model_decoder.smoothing_hops + kws_model_decoder.refractory_hops + 1;
    uint32_t detections = 0;
    int8_t scores[KWS_LABELS];
    kws_event event = {0, 0, 0};
    for (int32_t hop = 0; hop < turn * KWS_LABELS; ++hop) {
        for (int32_t i = 0; i < KWS_LABELS; ++i) {
            scores[i] = (int8_t)(hop / turn == i ? 127 : -128);
        }
        if (kws_decoder_push(&state->decoder, scores, &event)) {
            const uint8_t found[3] = {(uint8_t)hop, (uint8_t)event.label, (uint8_t)event.score};
            detections = kws_golden_crc(detections, found, 3);
        }
    }
    return detections != KWS_GOLDEN_DETECTIONS ? KWS_FAILED_DETECTIONS : 0;
}

int32_t kws_self_test(kws_state *state)
{
    if (!kws_sizes_hold(state)) {
        return KWS_FAILED_SIZES;
    }
    kws_init(state);
    const int32_t failed = run_signal(state) | run_decoder(state);
    kws_init(state);
    return failed;
}
