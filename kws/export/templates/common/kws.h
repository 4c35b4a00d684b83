/* SPDX-License-Identifier: Apache-2.0 */
/* A keyword spotter: sound in, keywords out.
 *
 *     static kws_state state;
 *     kws_event event;
 *
 *     kws_init(&state);
 *     for every block of samples:
 *         if (kws_push(&state, samples, count, &event) > 0)
 *             heard(kws_label(event.label), event.score);
 *
 * Samples are int16 at KWS_SAMPLE_RATE_HZ, one channel. All memory lies in kws_state (sizeof says how much); nothing is
 * allocated, no file is read, no floating-point number is used. Several streams are several states. A state points into
 * itself: it must not be copied or moved after kws_init.
 */
#ifndef KWS_H
#define KWS_H

#include <stdint.h>

#include "kws_model.h"

#ifdef __cplusplus
extern "C" {
#endif

#include "engine/detector.h"

typedef struct kws_state {
    kws_detector detector;
    kws_frontend frontend;
    kws_network network;
    kws_decoder decoder;
    struct {
        int32_t scratch[KWS_FFT_POINTS];
        int16_t samples[KWS_WINDOW_SAMPLES];
    } frontend_memory;
    struct {
        const int8_t *rows[KWS_NETWORK_ROWS];
        int32_t words[KWS_NETWORK_WORDS];
        int8_t arena[KWS_NETWORK_ARENA];
    } network_memory;
    uint8_t decoder_memory[KWS_DECODER_BYTES];
} kws_state;

/* Starts a stream, or forgets everything that it has heard. The content of *state does not matter. */
void kws_init(kws_state *state);

/* What kws_push answers where kws_init has not been called, without looking at the samples. A state with static storage
 * knows that, and any other one that was filled with zeros. */
#define KWS_NOT_STARTED (-1)

/* Takes all samples : int16 [count], count >= 0. Returns the number of keywords detected and leaves the last of them in
 * *event, which is untouched when there is none: event->label for kws_label, event->score 1..255 (of 256), event->sample
 * the number of samples heard from kws_init to the decision. With at most KWS_HOP_SAMPLES samples per call there is at
 * most one detection per call. How the sound is cut into calls changes nothing else. Before kws_init: KWS_NOT_STARTED. */
int32_t kws_push(kws_state *state, const int16_t *samples, int32_t count, kws_event *event);

/* The name of a label, 0..KWS_LABELS - 1. */
const char *kws_label(int32_t label);

/* Runs the program on a signal made in code and compares with what the PC computed when the model was exported: 0, or the
 * sum of KWS_FAILED_... for each stage that differs. Takes about KWS_GOLDEN_SAMPLES samples of work. The state is as
 * after kws_init afterwards. */
#define KWS_FAILED_SIZES 1
#define KWS_FAILED_FEATURES 2
#define KWS_FAILED_SCORES 4
#define KWS_FAILED_DETECTIONS 8
int32_t kws_self_test(kws_state *state);

#ifdef __cplusplus
}
#endif

#endif
