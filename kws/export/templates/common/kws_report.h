/* SPDX-License-Identifier: Apache-2.0 */
/* What an example says of itself, for `kws monitor`: a line at its start and one for every KWS_REPORT_SECONDS of sound.
 *     session <version> <model> <session>
 *     report <version> <model> <session> <uptime_s> <samples> <decisions> <detections> <near_misses> <clipped> <lost>
 *            <levels> <scores> <features>     (one line of at most 480 bytes, mostly about 250)
 * model: KWS_MODEL in hexadecimal; session: drawn from the first sound; the last three are counts with commas between.
 * It takes the 200 bytes of kws_field; with KWS_REPORT 0 nothing of it is compiled.
 */
#ifndef KWS_REPORT_H
#define KWS_REPORT_H

#ifndef KWS_REPORT
#define KWS_REPORT 1
#endif
#ifndef KWS_REPORT_SECONDS
#define KWS_REPORT_SECONDS 3600
#endif

#if KWS_REPORT
#include "kws.h"
#ifdef __cplusplus
extern "C" {
#endif
#include "engine/field.h"
#ifdef __cplusplus
}
#endif
#include "kws_report_push.h"

#define KWS_REPORT_VERSION "1"

/* Prints text as it is. */
typedef void (*kws_report_put)(const char *text);

/* Starts a session. seed : anything that differs from start to start, such as a clock. */
static void kws_report_init(kws_field *field, uint32_t seed)
{
    const int32_t hops = KWS_SAMPLE_RATE_HZ / (KWS_HOP_SAMPLES * KWS_DECIDE_EVERY);
    kws_field_init(field, KWS_HOP_SAMPLES, hops > 0 ? hops : 1, seed);
}

static void kws_report_number(kws_report_put put, uint32_t number, char before)
{
    char text[12];
    int32_t place = 11;
    text[place] = 0;
    do {
        text[--place] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text[--place] = before;
    put(text + place);
}

static void kws_report_hex(kws_report_put put, uint32_t number)
{
    char text[10] = " ";
    for (int32_t i = 0; i < 8; ++i) {
        text[1 + i] = "0123456789abcdef"[number >> (28 - 4 * i) & 15];
    }
    text[9] = 0;
    put(text);
}

static void kws_report_counts(kws_report_put put, const uint32_t *counts, int32_t bins)
{
    for (int32_t i = 0; i < bins; ++i) {
        kws_report_number(put, counts[i], i == 0 ? ' ' : ',');
    }
}

static void kws_report_head(const kws_field *field, const char *word, kws_report_put put)
{
    put(word);
    put(" " KWS_REPORT_VERSION);
    kws_report_hex(put, KWS_MODEL);
    kws_report_hex(put, field->session);
}

/* The report, and the next one begins. */
static void kws_report_print(kws_field *field, kws_report_put put)
{
    const uint32_t counts[7] = {kws_field_uptime_s(field, KWS_SAMPLE_RATE_HZ),
                                field->samples,
                                field->decisions,
                                field->detections,
                                field->near_misses,
                                field->clipped,
                                field->lost};
    kws_report_head(field, "report", put);
    for (int32_t i = 0; i < 7; ++i) {
        kws_report_number(put, counts[i], ' ');
    }
    kws_report_counts(put, field->levels, KWS_FIELD_LEVELS);
    kws_report_counts(put, field->scores, KWS_FIELD_SCORES);
    kws_report_counts(put, field->features, KWS_FIELD_FEATURES);
    put("\n");
    kws_field_next(field, KWS_SAMPLE_RATE_HZ);
}

/* To be called after every kws_report_push, with the number of samples that it took: prints what is due. */
static void kws_report(kws_field *field, int32_t count, kws_report_put put)
{
    const uint32_t before = field->samples - (uint32_t)count;
    if (field->before_s == 0 && before < KWS_FIELD_NAMED_SAMPLES && field->samples >= KWS_FIELD_NAMED_SAMPLES) {
        kws_report_head(field, "session", put);
        put("\n");
    }
    if (field->samples >= (uint32_t)KWS_REPORT_SECONDS * KWS_SAMPLE_RATE_HZ) {
        kws_report_print(field, put);
    }
}
#endif

#endif
