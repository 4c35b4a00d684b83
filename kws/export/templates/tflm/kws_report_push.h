/* SPDX-License-Identifier: Apache-2.0 */
/* kws_push, counted: for kws_report.h. The engine's front end and decoder around TFLM. */
#ifndef KWS_REPORT_PUSH_H
#define KWS_REPORT_PUSH_H

#include "kws_tables.h"

static int32_t kws_report_push(kws_field *field, kws_state *state, const int16_t *samples, int32_t count,
                               kws_event *event)
{
    int32_t detections = 0;
    int32_t taken = 0;
    int8_t row[KWS_FEATURES];
    int8_t scores[KWS_LABELS];
    kws_field_samples(field, samples, count);
    while (kws_frontend_push(&state->frontend, samples, count, &taken, row)) {
        samples += taken;
        count -= taken;
        state->heard += (uint64_t)taken;
        if (kws_decide(state, row, scores)) {
            const int32_t detected = kws_decoder_push(&state->decoder, scores, event);
            if (detected) {
                event->sample = state->heard;
                ++detections;
            }
            kws_field_decision(field, state->decoder.tables, state->decoder.sums, row, KWS_FEATURES, detected);
        }
    }
    state->heard += (uint64_t)taken;
    return detections;
}

#endif
