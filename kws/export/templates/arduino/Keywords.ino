/* SPDX-License-Identifier: Apache-2.0 */
/* Hears keywords with the PDM microphone of the board (Arduino Nano 33 BLE Sense, Nano RP2040 Connect, Portenta and others
 * whose core has PDM.h). Lines on the serial port, 115200 baud:
 *     ready <failed>                        0: the self-test passed
 *     detected <keyword> <time_ms> <score>  time_ms from the start of the sound to the decision; score 1..255 (of 256)
 *     cost <hops> <busy_us>                 processor time spent on the last <hops> hops of the sound
 *     session, report                       what it counts of itself, unless KWS_REPORT is 0 (kws_report.h)
 *     sound <first> <sum> <base64>          only where KWS_SEND_SOUND is 1: what is heard next (kws_lines.h)
 *     lost <samples>                        sound that came while both blocks were full
 * The microphone fills one block while the other is heard; nothing waits for it.
 */
#include <PDM.h>

#include <kws.h>

#ifndef KWS_SEND_SOUND
#define KWS_SEND_SOUND 0 /* 1: about 44 kB per second, so a native USB port or 921600 baud */
#endif
#if KWS_SEND_SOUND
#include <kws_lines.h>
#endif
#include <kws_report.h>

static const int BLOCK_SAMPLES = 512;
static const uint32_t HOPS_PER_COST = 500;

static kws_state state;
#if KWS_REPORT
static kws_field field;
#endif
static int16_t blocks[2][BLOCK_SAMPLES];
static volatile int filled[2] = {0, 0}; /* samples in each block; 0: free */
static volatile uint32_t lost = 0;
static uint32_t hops = 0, busy_us = 0, told_lost = 0;

/* Called by the microphone, in an interrupt. */
static void soundArrived()
{
    static int writing = 0;
    static int16_t overflow[BLOCK_SAMPLES];
    const int available = PDM.available();
    const int bytes = available < (int)sizeof blocks[0] ? available : (int)sizeof blocks[0];
    if (filled[writing] != 0) {
        lost = lost + (uint32_t)PDM.read(overflow, (size_t)bytes) / 2;
        return;
    }
    filled[writing] = PDM.read(blocks[writing], (size_t)bytes) / 2;
    writing = filled[writing] != 0 ? 1 - writing : writing;
}

static void printLine(const char *what, const char *name, unsigned long long first, int32_t second)
{
    if (!Serial) { /* nobody listens */
        return;
    }
    Serial.print(what);
    Serial.print(name);
    Serial.print(' ');
    Serial.print(first);
    if (second >= 0) {
        Serial.print(' ');
        Serial.print(second);
    }
    Serial.println();
}

#if KWS_REPORT
static void put(const char *text)
{
    if (Serial) {
        Serial.print(text);
    }
}
#endif

/* At most one hop of samples, so at most one detection. */
static void hear(const int16_t *samples, int32_t count)
{
    kws_event event;
#if KWS_SEND_SOUND
    if (Serial) {
        Serial.print(kws_sound_line(samples, count));
        Serial.println();
    }
#endif
    const uint32_t start = micros();
#if KWS_REPORT
    const int32_t detections = kws_report_push(&field, &state, samples, count, &event);
#else
    const int32_t detections = kws_push(&state, samples, count, &event);
#endif
    busy_us += micros() - start;
    if (detections > 0) {
        printLine("detected ", kws_label(event.label), event.sample * 1000 / KWS_SAMPLE_RATE_HZ, event.score);
    }
#if KWS_REPORT
    kws_report(&field, count, put);
#endif
}

static void report(int32_t samples)
{
    static int32_t heard = 0;
    heard += samples;
    hops += (uint32_t)(heard / KWS_HOP_SAMPLES);
    heard %= KWS_HOP_SAMPLES;
    if (hops >= HOPS_PER_COST) {
        printLine("cost", "", hops, (int32_t)busy_us);
        hops = 0;
        busy_us = 0;
    }
    if (lost != told_lost) {
        const uint32_t now_lost = lost;
        printLine("lost", "", now_lost - told_lost, -1);
#if KWS_REPORT
        kws_field_lost(&field, now_lost - told_lost);
#endif
        told_lost = now_lost;
    }
}

void setup()
{
    Serial.begin(115200);
    printLine("ready", "", (uint32_t)kws_self_test(&state), -1);
    kws_init(&state);
#if KWS_REPORT
    kws_report_init(&field, micros());
#endif
    PDM.onReceive(soundArrived);
    PDM.setBufferSize((int)sizeof blocks[0]);
    if (!PDM.begin(1, KWS_SAMPLE_RATE_HZ)) {
        for (;;) {
            Serial.print("error no microphone");
            Serial.println();
            delay(1000);
        }
    }
}

void loop()
{
    static int reading = 0;
    const int count = filled[reading];
    if (count == 0) {
        return;
    }
    for (int first = 0; first < count; first += KWS_HOP_SAMPLES) {
        const int left = count - first;
        hear(blocks[reading] + first, left < KWS_HOP_SAMPLES ? left : KWS_HOP_SAMPLES);
    }
    filled[reading] = 0;
    reading = 1 - reading;
    report(count);
}
