/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the network and its self-test. Lines on the serial port, 115200 baud:
 *     ready <failed>         0: the self-test passed
 *     cost <rows> <busy_us>  processor time spent on the last <rows> rows
 */
#include <kws.h>

static kws_state state;

void setup()
{
    Serial.begin(115200);
    while (!Serial) {
    }
    Serial.print("ready ");
    Serial.println((uint32_t)kws_self_test(&state));
    kws_init(&state);
}

void loop()
{
    static int8_t row[KWS_FEATURES]; /* the next row of the input goes here */
    int8_t scores[KWS_LABELS];
    uint32_t busy_us = 0;
    for (int32_t n = 0; n < KWS_FRAMES; ++n) {
        const uint32_t start = micros();
        kws_push_row(&state, row, scores);
        busy_us += micros() - start;
    }
    Serial.print("cost ");
    Serial.print((uint32_t)KWS_FRAMES);
    Serial.print(' ');
    Serial.println(busy_us);
    delay(1000);
}
