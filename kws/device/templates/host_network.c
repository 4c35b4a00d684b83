/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of a network alone. stdin: int32 windows, int32 rows, the windows, the rows. stdout: what kws_run gives for each
 * window, then what kws_push_row gives at each decision of the stream of rows. For kws verify --tflite. */
#include <stdio.h>

#include "kws.h"

static kws_state state;

static int take(void *to, size_t bytes)
{
    return fread(to, 1, bytes, stdin) == bytes;
}

int main(void)
{
    static int8_t window[KWS_FRAMES * KWS_FEATURES];
    int8_t scores[KWS_LABELS];
    int32_t counts[2];

    kws_init(&state);
    if (!take(counts, sizeof counts)) {
        return 1;
    }
    for (int32_t i = 0; i < counts[0] && take(window, sizeof window); ++i) {
        kws_run(&state, window, scores);
        fwrite(scores, 1, sizeof scores, stdout);
    }
    kws_init(&state);
    for (int32_t i = 0; i < counts[1] && take(window, KWS_FEATURES); ++i) {
        if (kws_push_row(&state, window, scores)) {
            fwrite(scores, 1, sizeof scores, stdout);
        }
    }
    return 0;
}
