/* SPDX-License-Identifier: Apache-2.0 */
/* The whole path of a sound: front end, streaming network, decoder, behind one push.
 *
 * Everything happens in the samples' own order, so the result does not depend on how they are cut into calls.
 */
#ifndef KWS_DETECTOR_H
#define KWS_DETECTOR_H

#include "decoder.h"
#include "frontend.h"
#include "network.h"

/* One stream. The caller owns the struct and the three states, which are initialised and fit each other: the front end's
 * features are the network's input, the network's outputs are the decoder's labels. */
typedef struct kws_detector {
    kws_frontend *frontend;
    kws_network *network;
    kws_decoder *decoder;
    uint64_t heard;                     /* samples since the reset */
    int8_t row[KWS_FRONTEND_MAX_BANDS]; /* the last row of features */
    int8_t scores[KWS_MAX_LABELS];      /* the network's last output */
} kws_detector;

/* Starts a stream and resets the three states. */
void kws_detector_init(kws_detector *state, kws_frontend *frontend, kws_network *network, kws_decoder *decoder);

/* Forgets everything heard. */
void kws_detector_reset(kws_detector *state);

/* Takes samples until the network has scored one hop or all are taken. samples : int16 [count].
 * Returns 1 with new state->scores, else 0; *consumed is the number of samples taken: count when the result is 0. */
int32_t kws_detector_hop(kws_detector *state, const int16_t *samples, int32_t count, int32_t *consumed);

/* Takes samples until a keyword is detected or all are taken. samples : int16 [count].
 * Returns 1 with *event, whose sample number says when the decision fell, else 0; *consumed as above. After a detection
 * the caller pushes the rest of its samples. */
int32_t kws_detector_push(kws_detector *state, const int16_t *samples, int32_t count, int32_t *consumed,
                          kws_event *event);

#endif
