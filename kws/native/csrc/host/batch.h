/* SPDX-License-Identifier: Apache-2.0 */
/* Loops over the streaming calls, so that a caller in Python pays once per block instead of once per hop. Not needed on
 * a device. */
#ifndef KWS_BATCH_H
#define KWS_BATCH_H

#include "decoder.h"
#include "detector.h"

/* kws_decoder_push over scores : int8 [hops][labels], up to the first detection. Returns 1 when there is one; *consumed
 * is the number of rows taken, the row of the detection included. */
int32_t kws_decoder_run(kws_decoder *state, const int8_t *scores, int32_t hops, int32_t *consumed, kws_event *event);

/* kws_detector_hop over all samples : int16 [count]; the decoder rests. Writes each decision's scores : int8 [n][labels]
 * and heard : [n], the samples since the reset, with room for n = count / hop_samples + 1. Returns n. */
int32_t kws_detector_scores(kws_detector *state, const int16_t *samples, int32_t count, int8_t *scores,
                            uint64_t *heard);

/* What kws_detector_watch has brought: a row of features; with it, maybe, new scores; with them, maybe, a detection. */
#define KWS_WATCH_ROW 1
#define KWS_WATCH_SCORES 2
#define KWS_WATCH_EVENT 4

/* kws_detector_push that stops at every row, so that a display sees what the detector sees. samples : int16 [count].
 * Returns the sum of the above, or 0 when all samples are taken without another row; *consumed as for the push.
 * The row and the scores are in the state, the decoder's averages in state->decoder->sums; *event as for the push. */
int32_t kws_detector_watch(kws_detector *state, const int16_t *samples, int32_t count, int32_t *consumed,
                           kws_event *event);

#endif
