/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the network and its self-test. Lines on the console:
 *     ready <failed>         0: the self-test passed
 *     cost <rows> <busy_us>  processor time spent on the last <rows> rows
 */
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "kws.h"

static kws_state state;

int main(void)
{
    static int8_t row[KWS_FEATURES]; /* the next row of the input goes here */
    int8_t scores[KWS_LABELS];

    printk("ready %d\n", (int)kws_self_test(&state));
    kws_init(&state);
    for (;;) {
        uint32_t busy_us = 0;
        for (int n = 0; n < KWS_FRAMES; ++n) {
            const uint32_t start = k_cycle_get_32();
            kws_push_row(&state, row, scores);
            busy_us += k_cyc_to_us_floor32(k_cycle_get_32() - start);
        }
        printk("cost %d %u\n", KWS_FRAMES, (unsigned int)busy_us);
        k_msleep(1000);
    }
}
