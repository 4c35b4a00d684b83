/* SPDX-License-Identifier: Apache-2.0 */
/* What each stage gives for int16 samples from stdin, hop by hop on stdout: the row of features, the newest scores, the
 * network's rows, and int32 detected, label, score. For kws verify. */
#include <stdio.h>

#include "kws.h"

#define LONGEST (KWS_WINDOW_SAMPLES > KWS_HOP_SAMPLES ? KWS_WINDOW_SAMPLES : KWS_HOP_SAMPLES)

static kws_state state;

static size_t read_samples(int16_t *samples, size_t count)
{
    return fread(samples, sizeof *samples, count, stdin);
}

int main(void)
{
    int16_t samples[LONGEST];
    kws_event event = {0, 0, 0};
    size_t count = KWS_WINDOW_SAMPLES - KWS_HOP_SAMPLES;

    kws_init(&state);
    count = read_samples(samples, count);
    kws_push(&state, samples, (int32_t)count, &event);
    while (read_samples(samples, KWS_HOP_SAMPLES) == KWS_HOP_SAMPLES) {
        const int32_t detected = kws_push(&state, samples, KWS_HOP_SAMPLES, &event);
        const int32_t found[3] = {detected, event.label, event.score};
        fwrite(state.detector.row, 1, KWS_FEATURES, stdout);
        fwrite(state.detector.scores, 1, KWS_LABELS, stdout);
        fwrite(state.network.arena, 1, KWS_NETWORK_ARENA, stdout);
        fwrite(found, sizeof found[0], 3, stdout);
    }
    return 0;
}
