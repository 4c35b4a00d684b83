/* SPDX-License-Identifier: Apache-2.0 */
#include "network.h"

#include <stddef.h>
#include <string.h>

#include "kws_config.h"
#include "layers.h"

static const int8_t *row_of_age(const kws_network *network, int32_t index, int32_t age)
{
    const kws_buffer *buffer = &network->tables->buffers[index];
    const int32_t back = network->heads[index] - age; /* age < rows */
    const int32_t row = back < 0 ? back + buffer->rows : back;
    return network->arena + buffer->offset + row * buffer->row_bytes;
}

/* Makes room for one more row and returns it. */
static int8_t *append_row(kws_network *network, int32_t index)
{
    const kws_buffer *buffer = &network->tables->buffers[index];
    network->heads[index] = network->heads[index] + 1 < buffer->rows ? network->heads[index] + 1 : 0;
    return network->arena + buffer->offset + network->heads[index] * buffer->row_bytes;
}

static const int8_t *row_or_padding(const kws_network *network, const kws_op *op, int32_t age)
{
    return age < 0 || age >= op->span ? NULL : row_of_age(network, op->input, age);
}

#if !defined(KWS_WITHOUT_ADD) || !defined(KWS_WITHOUT_MUL) || !defined(KWS_WITHOUT_CONCAT)

static const int8_t *other_row(const kws_network *network, const kws_op *op, int32_t step)
{
    if (op->other < 0) {
        return (const int8_t *)(network->tables->pool + op->weights) + step * op->other_stride;
    }
    return row_of_age(network, op->other, op->other_newest + (op->steps - 1 - step) * op->other_stride);
}

#endif

#ifndef KWS_WITHOUT_MEAN

static void mean_step(kws_network *network, const kws_op *op, int32_t newest, int8_t *out)
{
    const int32_t outputs = op->out_width * op->out_channels;
    int32_t *sums = network->scratch;
    if (op->sums >= 0) { /* one row comes, one goes; interleaved sums where rows are `spacing` apart */
        const int32_t slot = network->heads[op->input] % op->spacing / (op->spacing / op->slots);
        sums = network->sums + op->sums + slot * outputs;
        kws_mean_accumulate(op, row_of_age(network, op->input, newest), 1, sums);
        kws_mean_accumulate(op, row_of_age(network, op->input, newest + op->taps * op->spacing), -1, sums);
    } else {
        memset(sums, 0, (size_t)outputs * sizeof *sums);
        for (int32_t k = 0; k < op->taps; ++k) {
            kws_mean_accumulate(op, row_of_age(network, op->input, newest + k * op->spacing), 1, sums);
        }
    }
    kws_mean_row(op, sums, out);
}

#endif

#ifndef KWS_WITHOUT_RESHAPE

/* All rows that the op reads, oldest first, cut anew into the rows that it writes. */
static void reshape_run(kws_network *network, const kws_op *op)
{
    const int32_t in_bytes = op->in_width * op->in_channels;
    const int32_t out_bytes = op->out_width * op->out_channels;
    int32_t taken = in_bytes;
    int32_t tap = 0;
    const int8_t *row = NULL;
    for (int32_t step = 0; step < op->steps; ++step) {
        int8_t *out = append_row(network, op->output);
        for (int32_t filled = 0; filled < out_bytes;) {
            if (taken == in_bytes) {
                row = row_of_age(network, op->input, op->newest + (op->taps - 1 - tap++) * op->spacing);
                taken = 0;
            }
            const int32_t room = out_bytes - filled;
            const int32_t n = in_bytes - taken < room ? in_bytes - taken : room;
            memcpy(out + filled, row + taken, (size_t)n);
            filled += n;
            taken += n;
        }
    }
}

#endif

static void run_step(kws_network *network, const kws_op *op, int32_t step)
{
    const int32_t *pool = network->tables->pool;
    const int8_t **rows = network->rows;
    const int32_t newest = op->newest + (op->steps - 1 - step) * op->stride;
    int8_t *out = append_row(network, op->output);
#ifndef KWS_WITHOUT_MEAN
    if (op->kind == KWS_OP_MEAN) {
        mean_step(network, op, newest, out);
        return;
    }
#endif
    for (int32_t k = 0; k < op->taps; ++k) {
        rows[k] = row_or_padding(network, op, newest + (op->taps - 1 - k) * op->spacing);
    }
    switch (op->kind) {
#ifndef KWS_WITHOUT_CONV
        case KWS_OP_CONV: kws_conv_row(op, pool, rows, network->scratch, out); break;
#endif
#ifndef KWS_WITHOUT_DEPTHWISE
        case KWS_OP_DEPTHWISE:
            kws_depthwise_row(op, pool, rows, rows + op->taps, (int8_t *)network->scratch, out);
            break;
#endif
#ifndef KWS_WITHOUT_ADD
        case KWS_OP_ADD: kws_add_row(op, rows[0], other_row(network, op, step), out); break;
#endif
#ifndef KWS_WITHOUT_MUL
        case KWS_OP_MUL: kws_mul_row(op, rows[0], other_row(network, op, step), out); break;
#endif
#ifndef KWS_WITHOUT_AVERAGE
        case KWS_OP_AVERAGE: kws_average_row(op, rows, out); break;
#endif
#ifndef KWS_WITHOUT_MAX
        case KWS_OP_MAX: kws_max_row(op, rows, out); break;
#endif
#ifndef KWS_WITHOUT_SOFTMAX
        case KWS_OP_SOFTMAX: kws_softmax_row(op, pool, rows[0], out); break;
#endif
#ifndef KWS_WITHOUT_LOOKUP
        case KWS_OP_LOOKUP: kws_lookup_row(op, pool, rows[0], out); break;
#endif
#ifndef KWS_WITHOUT_COPY
        case KWS_OP_COPY: kws_copy_row(op, rows[0], out); break;
#endif
#ifndef KWS_WITHOUT_CONCAT
        case KWS_OP_CONCAT: kws_concat_row(op, rows[0], other_row(network, op, step), out); break;
#endif
        default: break;
    }
}

static size_t aligned(size_t bytes)
{
    return (bytes + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
}

uint32_t kws_network_memory_bytes(const kws_network_tables *tables)
{
    const size_t words = (size_t)tables->buffer_count + (size_t)tables->sum_words + (size_t)tables->scratch_words;
    const size_t pointers = (size_t)tables->row_pointers * sizeof(const int8_t *);
    return (uint32_t)aligned(pointers + words * sizeof(int32_t) + (size_t)tables->arena_bytes);
}

void kws_network_init(kws_network *network, const kws_network_tables *tables, void *memory)
{
    network->tables = tables;
    network->rows = (const int8_t **)memory;
    network->heads = (int32_t *)(network->rows + tables->row_pointers);
    network->sums = network->heads + tables->buffer_count;
    network->scratch = network->sums + tables->sum_words;
    network->arena = (int8_t *)(network->scratch + tables->scratch_words);
    kws_network_reset(network);
}

void kws_network_reset(kws_network *network)
{
    const kws_network_tables *tables = network->tables;
    for (int32_t i = 0; i < tables->buffer_count; ++i) {
        network->heads[i] = tables->buffers[i].rows - 1;
    }
    memset(network->sums, 0, (size_t)tables->sum_words * sizeof *network->sums);
    memset(network->arena, 0, (size_t)tables->arena_bytes);
    network->waiting = tables->frames;
    network->phase = (tables->decide_every - tables->frames % tables->decide_every) % tables->decide_every;
}

int32_t kws_network_push(kws_network *network, const int8_t *row, int8_t *scores)
{
    const kws_network_tables *tables = network->tables;
    memcpy(append_row(network, tables->input), row, (size_t)tables->features);
    network->waiting -= network->waiting > 0 ? 1 : 0;
    network->phase = network->phase + 1 < tables->decide_every ? network->phase + 1 : 0;
    for (int32_t i = 0; i < tables->op_count; ++i) {
        const kws_op *op = &tables->ops[i];
        const int due = op->every == 1 || network->phase % op->every == 0;
        if (!due || (tables->windowed && network->waiting > 0)) {
            continue;
        }
#ifndef KWS_WITHOUT_RESHAPE
        if (op->kind == KWS_OP_RESHAPE) {
            reshape_run(network, op);
            continue;
        }
#endif
        for (int32_t step = 0; step < op->steps; ++step) {
            run_step(network, op, step);
        }
    }
    if (network->waiting > 0 || network->phase != 0) {
        return 0;
    }
    memcpy(scores, row_of_age(network, tables->output, 0), (size_t)tables->labels);
    return 1;
}
