/* SPDX-License-Identifier: Apache-2.0 */
/* Damages plan files and reads them as the engine would: fuzz_plan COUNT SEED FILE…
 *
 * Built with AddressSanitizer and UndefinedBehaviorSanitizer, so any access outside of a block of exactly the right size, and
 * any overflow, ends the program. Damage is written with a correct checksum nearly always: the checks behind it are the
 * ones to test. An accepted plan is run: its memory is allocated exactly, samples go in, scores and events come out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static uint64_t state;

static uint32_t next_random(void)
{ /* xorshift64* */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717ULL) >> 32);
}

static uint32_t below(uint32_t n)
{
    return n == 0 ? 0 : next_random() % n;
}

static uint32_t interesting(uint32_t old)
{
    static const uint32_t values[] = {0,           1,   2,   3,     0xffffffffu, 0x7fffffffu, 0x80000000u,
                                      0x80000001u, 255, 256, 65535, 65536,       1u << 20};
    switch (below(4)) {
        case 0: return values[below(sizeof values / sizeof values[0])];
        case 1: return old + below(9) - 4u;
        case 2: return old ^ (1u << below(32));
        default: return next_random();
    }
}

/* One to four words or bytes; now and then the end is cut off or grown. Most damage goes to the fields, not to weights. */
static uint32_t damage(uint8_t *bytes, uint32_t size, uint32_t room)
{
    const uint32_t hits = 1 + below(4);
    for (uint32_t i = 0; i < hits; ++i) {
        uint32_t start = 16, length = size - 16;
        if (below(4) != 0) { /* the fields, buffers and ops of one section */
            const uint32_t section = 16 + 8 * (1 + below(3));
            memcpy(&start, bytes + section, 4);
            start = start < size ? start : 16;
            length = size - start < 1200 ? size - start : 1200;
        }
        const uint32_t at = start + below(length) / 4 * 4;
        uint32_t word;
        if (at + 4 <= size) {
            memcpy(&word, bytes + at, 4);
            word = interesting(word);
            memcpy(bytes + at, &word, 4);
        }
    }
    if (below(40) == 0) {
        size = below(2) ? below(size) : size + below(room - size);
    }
    if (size >= KWS_PLAN_HEADER_BYTES && below(50) != 0) {
        const uint32_t crc = kws_crc32(bytes + KWS_PLAN_HEADER_BYTES, size - KWS_PLAN_HEADER_BYTES);
        memcpy(bytes + 8, &size, 4);
        memcpy(bytes + 12, &crc, 4);
    }
    return size;
}

static void *block(size_t bytes)
{
    void *memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL) {
        exit(3);
    }
    memset(memory, 0xA5, bytes);
    return memory;
}

/* Work of one hop, so that a plan that is legal but enormous does not stop the campaign. */
static double work(const kws_network_tables *t)
{
    double sum = 0;
    for (int32_t i = 0; i < t->op_count; ++i) {
        const kws_op *op = &t->ops[i];
        sum += (double)op->steps * op->taps * op->kernel * op->in_channels * op->out_width * op->out_channels;
    }
    return sum;
}

static void run(const kws_plan *plan)
{
    kws_frontend frontend;
    kws_network network;
    kws_decoder decoder;
    void *frontend_memory = block(kws_frontend_memory_bytes(&plan->frontend));
    void *network_memory = block(kws_network_memory_bytes(&plan->network));
    void *decoder_memory = block(kws_decoder_memory_bytes(&plan->decoder));
    int8_t *row = block((size_t)plan->frontend.features);
    int8_t *scores = block((size_t)plan->network.labels);
    kws_frontend_init(&frontend, &plan->frontend, frontend_memory);
    kws_network_init(&network, &plan->network, network_memory);
    kws_decoder_init(&decoder, &plan->decoder, decoder_memory);
    const int32_t hops = plan->network.frames < 60 ? plan->network.frames + 4 : 8;
    int16_t samples[256];
    kws_event event;
    for (int32_t hop = 0; hop < hops; ++hop) {
        int32_t consumed = 0;
        for (int32_t i = 0; i < 256; ++i) {
            samples[i] = (int16_t)(below(5) == 0 ? -32768 : (int32_t)below(65536) - 32768);
        }
        if (!kws_frontend_push(&frontend, samples, 256, &consumed, row)) {
            for (int32_t i = 0; i < plan->frontend.features; ++i) {
                row[i] = (int8_t)((int32_t)below(256) - 128);
            }
        }
        if (kws_network_push(&network, row, scores)) {
            kws_decoder_push(&decoder, scores, &event);
        }
    }
    free(frontend_memory);
    free(network_memory);
    free(decoder_memory);
    free(row);
    free(scores);
}

#define MOST_PLANS 16

static uint8_t *originals[MOST_PLANS];
static uint32_t sizes[MOST_PLANS];

static void read_file(const char *path, int number)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || number >= MOST_PLANS) {
        exit(3);
    }
    originals[number] = block(1 << 20);
    sizes[number] = (uint32_t)fread(originals[number], 1, 1 << 20, file);
    fclose(file);
}

int main(int argc, char **argv)
{
    const long count = strtol(argv[1], NULL, 10);
    state = strtoull(argv[2], NULL, 10) * 0x9E3779B97F4A7C15ULL + 1;
    const int plans = argc - 3;
    for (int i = 0; i < plans; ++i) {
        read_file(argv[3 + i], i);
    }
    long accepted = 0, ran = 0, by_code[10] = {0};
    for (long i = 0; i < count; ++i) {
        const uint32_t size = sizes[i % plans];
        const uint32_t room = size + 64;
        uint8_t *scratch = block(room);
        memcpy(scratch, originals[i % plans], size);
        const uint32_t damaged_size = i < plans ? size : damage(scratch, size, room);
        uint8_t *damaged = block(damaged_size); /* exactly as long as the file says */
        memcpy(damaged, scratch, damaged_size);
        kws_plan plan;
        int32_t detail = 0;
        const int32_t code = kws_plan_read(&plan, damaged, damaged_size, &detail);
        ++by_code[-code];
        if (i < plans && code != KWS_PLAN_OK) {
            printf("%s is refused: %d, detail %d\n", argv[3 + i], (int)code, (int)detail);
            return 2;
        }
        if (code == KWS_PLAN_OK) {
            ++accepted;
            if (work(&plan.network) < 4e5 && plan.network.arena_bytes < 1 << 20 && plan.network.sum_words < 1 << 18) {
                run(&plan);
                ++ran;
            }
        }
        free(damaged);
        free(scratch);
    }
    printf("%ld plans, %ld accepted, %ld run, refused by code:", count, accepted, ran);
    for (int i = 1; i < 10; ++i) {
        printf(" %ld", by_code[i]);
    }
    printf("\n");
    for (int i = 0; i < plans; ++i) {
        free(originals[i]);
    }
    return 0;
}
