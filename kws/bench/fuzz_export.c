/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes an exported program's input: sound cut into calls of any length. For libFuzzer (scripts/check export_fuzz).
 *
 * The data is a sequence of calls: two bytes with the number of samples, then the samples as far as there are any; what is
 * missing is repeated from the call before. Each call's samples lie in a block of exactly their size, so that the
 * sanitizers see each step outside. A second state hears the same sound in whole hops: the detections, features and scores
 * must be the same.
 */
#include <stdlib.h>
#include <string.h>

#include "kws.h"

#define MOST_SAMPLES 65536
#define MOST_CALL 4096
#define MOST_EVENTS 512

typedef struct {
    kws_event events[MOST_EVENTS];
    int32_t count;
} heard;

static kws_state state;
static int16_t sound[MOST_SAMPLES];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void push_exactly(heard *found, const int16_t *samples, int32_t count)
{
    kws_event event = {0, -1, 0};
    int16_t *copy = malloc((size_t)count * sizeof *copy);
    if (count > 0) {
        memcpy(copy, samples, (size_t)count * sizeof *copy);
    }
    const int32_t detections = kws_push(&state, copy, count, &event);
    if (detections < 0 || (detections == 0) != (event.label == -1)) {
        abort();
    }
    if (detections > 0) { /* the last one of this call */
        if (event.label < 0 || event.label >= KWS_LABELS || event.score < 1 || event.score > 255
            || kws_label(event.label)[0] == '\0') {
            abort();
        }
        found->events[found->count] = event;
        found->count += found->count + 1 < MOST_EVENTS ? 1 : 0;
    }
    free(copy);
}

/* The sound of all calls, cut as the data says. Returns its samples. */
static int32_t hear_calls(heard *found, const uint8_t *data, size_t size)
{
    int32_t total = 0;
    size_t at = 0;
    while (at + 2 <= size) {
        const int32_t wanted = (data[at] | data[at + 1] << 8) % (MOST_CALL + 1);
        at += 2;
        if (wanted > MOST_SAMPLES - total) {
            break;
        }
        for (int32_t i = 0; i < wanted; ++i) {
            const int there = at + 2 <= size;
            const int32_t before = total + i >= 320 ? sound[total + i - 320] : 0;
            sound[total + i] = (int16_t)(there ? data[at] | data[at + 1] << 8 : before);
            at += there ? 2 : 0;
        }
        push_exactly(found, sound + total, wanted);
        total += wanted;
    }
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static heard calls, hops;
    int8_t row[KWS_FEATURES], scores[KWS_LABELS];
    calls.count = hops.count = 0;
    kws_init(&state);
    const int32_t total = hear_calls(&calls, data, size);
    memcpy(row, state.detector.row, sizeof row);
    memcpy(scores, state.detector.scores, sizeof scores);
    kws_init(&state);
    for (int32_t at = 0; at < total; at += KWS_HOP_SAMPLES) {
        push_exactly(&hops, sound + at, total - at < KWS_HOP_SAMPLES ? total - at : KWS_HOP_SAMPLES);
    }
    /* A call of many hops tells its last detection only: what it tells, the hops tell too. */
    int32_t next = 0;
    for (int32_t i = 0; i < calls.count; ++i) {
        while (next < hops.count && hops.events[next].sample < calls.events[i].sample) {
            ++next;
        }
        if (next == hops.count || hops.events[next].sample != calls.events[i].sample
            || hops.events[next].label != calls.events[i].label || hops.events[next].score != calls.events[i].score) {
            abort();
        }
    }
    if (memcmp(row, state.detector.row, sizeof row) != 0 || memcmp(scores, state.detector.scores, sizeof scores) != 0) {
        abort();
    }
    return 0;
}
