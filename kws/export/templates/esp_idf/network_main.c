/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the network and its self-test. Lines on the console:
 *     ready <failed>         0: the self-test passed
 *     cost <rows> <busy_us>  processor time spent on the last <rows> rows
 */
#include <inttypes.h>
#include <stdio.h>

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include "kws.h"

static kws_state state;

void app_main(void)
{
    static int8_t row[KWS_FEATURES]; /* the next row of the input goes here */
    int8_t scores[KWS_LABELS];

    printf("ready %" PRId32 "\n", kws_self_test(&state));
    kws_init(&state);
    for (;;) {
        const int64_t start = esp_timer_get_time();
        for (int32_t n = 0; n < KWS_FRAMES; ++n) {
            kws_push_row(&state, row, scores);
        }
        printf("cost %d %" PRId64 "\n", KWS_FRAMES, esp_timer_get_time() - start);
        vTaskDelay(pdMS_TO_TICKS(1000));
    }
}
