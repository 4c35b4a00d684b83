/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"

#include <string.h>

typedef char kws_field_is_small[sizeof(kws_field) <= 200 ? 1 : -1];

static void add(uint32_t *count, uint32_t more)
{
    *count = *count > UINT32_MAX - more ? UINT32_MAX : *count + more;
}

static void add_one(uint16_t *count)
{
    *count = (uint16_t)(*count + (*count < UINT16_MAX));
}

void kws_field_init(kws_field *field, int32_t hop_samples, int32_t second, uint32_t seed)
{
    memset(field, 0, sizeof *field);
    field->hop_samples = (uint16_t)hop_samples;
    field->second = (uint16_t)second;
    field->session = seed ^ 2166136261u;
}

/* The bin of a mean square, 0..2^30: half the number of its bits, less the two lowest. */
static int32_t level_of(uint32_t square)
{
    int32_t bits = 0;
    for (; square > 0; square >>= 1) {
        bits++;
    }
    bits = (bits + 1) / 2 - 2;
    return bits < 0 ? 0 : bits < KWS_FIELD_LEVELS ? bits : KWS_FIELD_LEVELS - 1;
}

void kws_field_samples(kws_field *field, const int16_t *samples, int32_t count)
{
    for (int32_t i = 0; i < count; ++i) {
        const int32_t sample = samples[i];
        if (field->before_s == 0 && field->rest == 0 && field->samples < KWS_FIELD_NAMED_SAMPLES) {
            field->session = (field->session ^ (uint16_t)sample) * 16777619u;
        }
        add(&field->samples, 1);
        if (sample >= INT16_MAX || sample <= INT16_MIN) {
            add(&field->clipped, 1);
        }
        field->energy += (uint32_t)(sample * sample);
        if (++field->filled == field->hop_samples) {
            add(&field->levels[level_of((uint32_t)(field->energy / field->hop_samples))], 1);
            field->energy = 0;
            field->filled = 0;
        }
    }
}

/* The bin of an average, 0..255. */
static int32_t score_of(int32_t average)
{
    if (average < 2) {
        return 0;
    }
    if (average < 8) {
        return 1;
    }
    return 2 + average / 32;
}

static int32_t is_near(const kws_decoder_tables *tables, int32_t label, int32_t sum)
{
    const int32_t threshold = tables->thresholds[label];
    return threshold != KWS_NEVER && 2 * sum >= threshold * tables->smoothing_hops
           && sum >= (threshold - KWS_FIELD_NEAR) * tables->smoothing_hops;
}

/* Follows one label's rise and fall; quiet : nothing is a near miss now. */
static void follow(kws_field *field, int32_t label, int32_t is_risen, int32_t quiet)
{
    uint32_t *risen = &field->risen[label / 32], *blocked = &field->blocked[label / 32];
    const uint32_t bit = (uint32_t)1 << label % 32;

    if (quiet && (is_risen || (*risen & bit))) {
        *blocked |= bit;
    }
    if (!is_risen && (*risen & bit) && !(*blocked & bit)) {
        add_one(&field->near_misses);
    }
    *risen = is_risen ? *risen | bit : *risen & ~bit;
    if (!is_risen) {
        *blocked &= ~bit;
    }
}

void kws_field_decision(kws_field *field, const kws_decoder_tables *tables, const uint16_t *sums, const int8_t *row,
                        int32_t features, int32_t detected)
{
    int32_t best = 0;

    if (detected) {
        add_one(&field->detections);
        field->quiet = field->second;
    }
    for (int32_t i = 0; i < tables->labels; ++i) {
        if (tables->thresholds[i] == KWS_NEVER) {
            continue;
        }
        best = sums[i] > best ? sums[i] : best;
        follow(field, i, is_near(tables, i, sums[i]), field->quiet > 0);
    }
    if (field->quiet > 0) {
        field->quiet--;
    }
    add(&field->decisions, 1);
    add(&field->scores[score_of(best / tables->smoothing_hops)], 1);
    for (int32_t i = 0; i < features; ++i) {
        add(&field->features[(row[i] + 128) * KWS_FIELD_FEATURES / 256], 1);
    }
}

void kws_field_lost(kws_field *field, uint32_t samples)
{
    add(&field->lost, samples);
}

uint32_t kws_field_uptime_s(const kws_field *field, int32_t rate_hz)
{
    return field->before_s + (field->rest + field->samples) / (uint32_t)rate_hz;
}

void kws_field_next(kws_field *field, int32_t rate_hz)
{
    const uint32_t rest = (field->rest + field->samples) % (uint32_t)rate_hz;

    field->before_s = kws_field_uptime_s(field, rate_hz);
    field->rest = (uint16_t)rest;
    field->samples = field->decisions = field->clipped = field->lost = 0;
    field->detections = field->near_misses = 0;
    memset(field->levels, 0, sizeof field->levels);
    memset(field->scores, 0, sizeof field->scores);
    memset(field->features, 0, sizeof field->features);
}
