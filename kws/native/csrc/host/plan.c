/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <stddef.h>

enum { SECTION_FRONTEND = 1, SECTION_NETWORK = 2, SECTION_DECODER = 3 };

/* A cursor over the fields of one section; once something lies outside, `broken` stays 1 and all values are 0. */
typedef struct {
    const uint8_t *bytes; /* of the section */
    uint32_t size;
    uint32_t at; /* next field */
    int broken;
} fields;

static uint32_t word_at(const uint8_t *bytes, uint32_t offset)
{
    return ((const uint32_t *)(const void *)bytes)[offset / 4];
}

static int32_t take(fields *f)
{
    if (f->broken || f->size - f->at < 4) {
        f->broken = 1;
        return 0;
    }
    f->at += 4;
    return (int32_t)word_at(f->bytes, f->at - 4);
}

/* An array of exactly `count` elements, or NULL. */
static const void *take_array(fields *f, int32_t count, uint32_t element_bytes)
{
    const uint32_t offset = (uint32_t)take(f);
    const uint32_t bytes = (uint32_t)take(f);
    if (f->broken || count < 0 || offset % 4 != 0 || offset > f->size || bytes > f->size - offset
        || (uint64_t)(uint32_t)count * element_bytes != bytes) {
        f->broken = 1;
        return NULL;
    }
    return f->bytes + offset;
}

static void read_frontend(fields *f, kws_frontend_tables *t)
{
    int32_t *const numbers[] = {&t->window_samples, &t->hop_samples,  &t->fft_points,  &t->log_floor,
                                &t->first_bin,      &t->bins,         &t->bands,       &t->features,
                                &t->window_count,   &t->passes_count, &t->split_count, &t->segments_count,
                                &t->log_count,      &t->dct_count};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) {
        *numbers[i] = take(f);
    }
    t->window_q31 = take_array(f, t->window_count, 4);
    t->passes_q30 = take_array(f, t->passes_count, 4);
    t->split_q31 = take_array(f, t->split_count, 4);
    t->rising_q16 = take_array(f, t->bins, 2);
    t->segments = take_array(f, t->segments_count, 2);
    t->log_q16 = take_array(f, t->log_count, 2);
    t->dct_q15 = take_array(f, t->dct_count, 2);
    t->offset_q16 = take_array(f, t->features, 4);
    t->multiplier = take_array(f, t->features, 4);
    t->shift = take_array(f, t->features, 1);
}

static void read_network(fields *f, kws_network_tables *t)
{
    int32_t *const numbers[] = {&t->frames,    &t->features,     &t->labels,      &t->decide_every,  &t->windowed,
                                &t->input,     &t->output,       &t->arena_bytes, &t->scratch_words, &t->row_pointers,
                                &t->sum_words, &t->buffer_count, &t->op_count,    &t->pool_words};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) {
        *numbers[i] = take(f);
    }
    t->buffers = take_array(f, t->buffer_count, sizeof(kws_buffer));
    t->ops = take_array(f, t->op_count, sizeof(kws_op));
    t->pool = take_array(f, t->pool_words, 4);
}

static void read_decoder(fields *f, kws_decoder_tables *t, uint32_t version)
{
    const int talk = version >= KWS_PLAN_TALK_VERSION;

    t->labels = take(f);
    t->smoothing_hops = take(f);
    t->refractory_hops = take(f);
    const int32_t *thresholds = take_array(f, t->labels, 4);
    const int32_t *releases = take_array(f, t->labels, 4);
    t->talk_hops = talk ? take(f) : 0;
    t->talk_lag_hops = talk ? take(f) : 0;
    t->talk_limit = talk ? take(f) : 0;
    t->unknown_weight = version >= KWS_PLAN_UNKNOWN_VERSION ? take(f) : 1;
    if (t->labels < 1 || t->labels > KWS_MAX_LABELS) {
        f->broken = 1;
    }
    for (int32_t i = 0; !f->broken && i < t->labels; ++i) {
        if (thresholds[i] < 0 || thresholds[i] > KWS_NEVER || releases[i] < 0 || releases[i] > KWS_NEVER) {
            f->broken = 1;
        } else {
            t->thresholds[i] = (uint16_t)thresholds[i];
            t->releases[i] = (uint16_t)releases[i];
        }
    }
}

/* Four bits at a time: 16 words of table instead of 256. */
uint32_t kws_crc32(const uint8_t *bytes, uint32_t count)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffffu;
    for (uint32_t i = 0; i < count; ++i) {
        crc ^= bytes[i];
        crc = table[crc & 15u] ^ (crc >> 4);
        crc = table[crc & 15u] ^ (crc >> 4);
    }
    return ~crc;
}

static int32_t check_header(const uint8_t *bytes, uint32_t size)
{
    if (size < KWS_PLAN_HEADER_BYTES || word_at(bytes, 0) != KWS_PLAN_MAGIC) {
        return KWS_PLAN_BAD_MAGIC;
    }
    if (word_at(bytes, 4) < KWS_PLAN_VERSION || word_at(bytes, 4) > KWS_PLAN_UNKNOWN_VERSION) {
        return KWS_PLAN_BAD_VERSION;
    }
    if (word_at(bytes, 8) != size) {
        return KWS_PLAN_BAD_SIZE;
    }
    const uint32_t crc = kws_crc32(bytes + KWS_PLAN_HEADER_BYTES, size - KWS_PLAN_HEADER_BYTES);
    return word_at(bytes, 12) == crc ? KWS_PLAN_OK : KWS_PLAN_BAD_CHECKSUM;
}

static fields section(const uint8_t *bytes, uint32_t size, uint32_t number)
{
    const uint32_t offset = word_at(bytes, 16 + 8 * number);
    const uint32_t length = word_at(bytes, 20 + 8 * number);
    fields f = {bytes, 0, 0, 1};
    if (offset % 4 == 0 && offset <= size && length <= size - offset) {
        f.bytes = bytes + offset;
        f.size = length;
        f.broken = 0;
    }
    return f;
}

static int32_t check_parts(const kws_plan *plan, int32_t *detail)
{
    *detail = kws_frontend_check(&plan->frontend);
    if (*detail != 0) {
        return KWS_PLAN_BAD_FRONTEND;
    }
    int32_t where = 0;
    *detail = kws_network_check(&plan->network, &where);
    if (*detail != 0) {
        return KWS_PLAN_BAD_NETWORK;
    }
    *detail = kws_decoder_check(&plan->decoder);
    if (*detail != 0) {
        return KWS_PLAN_BAD_DECODER;
    }
    const int fit = plan->frontend.features == plan->network.features && plan->network.labels == plan->decoder.labels;
    return fit ? KWS_PLAN_OK : KWS_PLAN_BAD_FIT;
}

int32_t kws_plan_read(kws_plan *plan, const void *bytes, uint32_t size, int32_t *detail)
{
    *detail = 0;
    const int32_t header = check_header(bytes, size);
    if (header != KWS_PLAN_OK) {
        return header;
    }
    fields frontend = section(bytes, size, SECTION_FRONTEND);
    fields network = section(bytes, size, SECTION_NETWORK);
    fields decoder = section(bytes, size, SECTION_DECODER);
    read_frontend(&frontend, &plan->frontend);
    read_network(&network, &plan->network);
    read_decoder(&decoder, &plan->decoder, word_at(bytes, 4));
    if (frontend.broken || network.broken || decoder.broken) {
        return KWS_PLAN_BAD_SECTION;
    }
    return check_parts(plan, detail);
}
