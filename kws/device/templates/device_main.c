/* SPDX-License-Identifier: Apache-2.0 */
/* Storage for one stream on the emulated processor. The emulator writes the samples and calls kws_init and kws_push. */
#include "kws.h"

#define LONGEST (KWS_WINDOW_SAMPLES > KWS_HOP_SAMPLES ? KWS_WINDOW_SAMPLES : KWS_HOP_SAMPLES)

kws_state kws_device_state;
int16_t kws_device_samples[LONGEST];
kws_event kws_device_event;

/* Where the results of the stages lie. */
const void *const kws_device_row = kws_device_state.detector.row;
const void *const kws_device_scores = kws_device_state.detector.scores;
const void *const kws_device_arena = &kws_device_state.network.arena; /* set by kws_init */
