/* SPDX-License-Identifier: Apache-2.0 */
/* A keyword spotter around TensorFlow Lite for Microcontrollers: sound in, keywords out.
 *
 *     static kws_state state;
 *     kws_event event;
 *
 *     if (kws_self_test(&state) != 0) ...
 *     kws_init(&state);
 *     for every block of samples:
 *         if (kws_push(&state, samples, count, &event) > 0)
 *             heard(kws_label(event.label));
 *
 * Samples are int16 at KWS_SAMPLE_RATE_HZ, one channel. Front end and decoder are the engine's; the network is called
 * through kws_net.h, on the whole window at every decision. Its memory, the tensor arena, is one per program.
 */
#ifndef KWS_H
#define KWS_H

#include <stdint.h>

#include "kws_model.h"

#ifdef __cplusplus
extern "C" {
#endif

#include "engine/decoder.h"
#include "engine/frontend.h"

typedef struct kws_state {
    kws_frontend frontend;
    kws_decoder decoder;
    uint64_t heard;  /* samples since kws_init */
    int32_t waiting; /* rows until the window has filled */
    int32_t phase;   /* rows since a decision was due */
    struct {
        int32_t scratch[KWS_FFT_POINTS];
        int16_t samples[KWS_WINDOW_SAMPLES];
    } frontend_memory;
    uint8_t decoder_memory[KWS_DECODER_BYTES];
    int8_t window[KWS_FRAMES * KWS_FEATURES]; /* oldest row first */
} kws_state;

/* Starts a stream, or forgets everything that it has heard. A state points into itself: it must not be moved. */
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
 * sum of KWS_FAILED_... for each stage that differs. KWS_FAILED_SIZES: the network's memory could not be set up. */
#define KWS_FAILED_SIZES 1
#define KWS_FAILED_FEATURES 2
#define KWS_FAILED_SCORES 4
#define KWS_FAILED_DETECTIONS 8
int32_t kws_self_test(kws_state *state);

#ifdef __cplusplus
}
#endif

#endif
