/* SPDX-License-Identifier: Apache-2.0 */
/* kws_push, counted: for kws_report.h. The engine's detector, one decision after the other. */
#ifndef KWS_REPORT_PUSH_H
#define KWS_REPORT_PUSH_H

static int32_t kws_report_push(kws_field *field, kws_state *state, const int16_t *samples, int32_t count,
                               kws_event *event)
{
    kws_detector *const detector = &state->detector;
    int32_t detections = 0;
    int32_t taken = 0;
    kws_field_samples(field, samples, count);
    while (kws_detector_hop(detector, samples, count, &taken)) {
        const int32_t detected = kws_decoder_push(detector->decoder, detector->scores, event);
        if (detected) {
            event->sample = detector->heard;
            ++detections;
        }
        kws_field_decision(field, detector->decoder->tables, detector->decoder->sums, detector->row, KWS_FEATURES,
                           detected);
        samples += taken;
        count -= taken;
    }
    return detections;
}

#endif
