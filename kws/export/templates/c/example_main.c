/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords in a stream: int16 samples, little-endian, KWS_SAMPLE_RATE_HZ, one channel on stdin; lines on stdout:
 *     ready <failed>                        0: the self-test passed
 *     detected <keyword> <time_ms> <score>  time_ms from the start of the sound to the decision; score 1..255 (of 256)
 *     cost <hops> <busy_us>                 processor time spent on the last <hops> hops of the sound
 *     session, report                       what it counts of itself, unless KWS_REPORT is 0 (kws_report.h)
 *     sound <first> <sum> <base64>          only where compiled with KWS_SEND_SOUND: what is heard next (kws_lines.h)
 * Example: sox speech.wav -t raw -r 16000 -e signed -b 16 -c 1 - | ./kws_example
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "kws.h"
#ifdef KWS_SEND_SOUND
#include "kws_lines.h"
#endif
#include "kws_report.h"

#define HOPS_PER_COST 500

static kws_state state;
#if KWS_REPORT
static kws_field field;

static void put(const char *text)
{
    fputs(text, stdout);
}
#endif

/* Reads up to one hop of samples; 0 at the end. */
static int32_t read_samples(int16_t *samples)
{
    static unsigned char bytes[2 * KWS_HOP_SAMPLES];
    const int32_t count = (int32_t)(fread(bytes, 1, sizeof bytes, stdin) / 2);
    for (int32_t i = 0; i < count; ++i) {
        samples[i] = (int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
    }
    return count;
}

static int32_t hear(const int16_t *samples, int32_t count, kws_event *event)
{
#if KWS_REPORT
    return kws_report_push(&field, &state, samples, count, event);
#else
    return kws_push(&state, samples, count, event);
#endif
}

static void report(int32_t count)
{
#if KWS_REPORT
    kws_report(&field, count, put);
#else
    (void)count;
#endif
}

static void print_cost(long hops, clock_t busy)
{
    printf("cost %ld %.0f\n", hops, 1e6 * (double)busy / CLOCKS_PER_SEC);
}

int main(void)
{
    int16_t samples[KWS_HOP_SAMPLES];
    kws_event event;
    clock_t busy = 0;
    long hops = 0;
    const int32_t failed = kws_self_test(&state);

    printf("ready %d\n", (int)failed);
#if KWS_REPORT
    kws_report_init(&field, 0); /* the same sound has the same session */
#endif
    for (int32_t count = read_samples(samples); count > 0 && failed == 0; count = read_samples(samples)) {
#ifdef KWS_SEND_SOUND
        printf("%s\n", kws_sound_line(samples, count));
#endif
        const clock_t start = clock();
        const int32_t detections = hear(samples, count, &event);
        busy += clock() - start;
        if (detections > 0) {
            const uint64_t time_ms = event.sample * 1000 / KWS_SAMPLE_RATE_HZ;
            printf("detected %s %" PRIu64 " %d\n", kws_label(event.label), time_ms, (int)event.score);
            fflush(stdout);
        }
        report(count);
        if (++hops == HOPS_PER_COST) {
            print_cost(hops, busy);
            hops = 0;
            busy = 0;
        }
    }
    if (hops > 0) {
        print_cost(hops, busy);
    }
#if KWS_REPORT
    if (field.samples > 0) {
        kws_report_print(&field, put);
    }
#endif
    return failed != 0;
}
