/* One output row of each kind of layer. rows[k] is tap k in order of time, NULL where it is padding.
 *
 * Scratch memory: for a convolution, int16 numbers of one to three columns or of a part of one (network_check.c and
 * kws.engine.packing know how many); for a depthwise one, a pointer per tap and column in `seen` and in_channels bytes of
 * padding.
 */
#ifndef KWS_LAYERS_H
#define KWS_LAYERS_H

#include "network.h"

/* A patch of more numbers is convolved in parts. */
#define KWS_PATCH 256

/* Patches and rows of weights are as long as the next multiple of 4. */
static inline int32_t kws_fours(int32_t numbers)
{
    return (numbers + 3) & ~3;
}

/* Weights of one output of a convolution, each part filled up to a multiple of 4. */
static inline int32_t kws_conv_row_numbers(const kws_op *op)
{
    const int32_t run = op->kernel * op->in_channels;
    const int32_t most = op->taps * run <= KWS_PATCH ? op->taps : run <= KWS_PATCH ? KWS_PATCH / run : 1;
    return op->taps / most * kws_fours(most * run) + kws_fours(op->taps % most * run);
}

void kws_conv_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, int32_t *scratch, int8_t *out);
void kws_depthwise_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, const int8_t **seen,
                       int8_t *padding, int8_t *out);
void kws_add_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out);
void kws_mul_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out);
void kws_average_row(const kws_op *op, const int8_t *const *rows, int8_t *out);
void kws_max_row(const kws_op *op, const int8_t *const *rows, int8_t *out);
void kws_softmax_row(const kws_op *op, const int32_t *pool, const int8_t *row, int8_t *out);
void kws_lookup_row(const kws_op *op, const int32_t *pool, const int8_t *row, int8_t *out);
void kws_copy_row(const kws_op *op, const int8_t *row, int8_t *out);
void kws_concat_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out);

/* Adds sign times the numbers of `row` to sums [out_width * out_channels], over the width where the mean takes it in. */
void kws_mean_accumulate(const kws_op *op, const int8_t *row, int32_t sign, int32_t *sums);
void kws_mean_row(const kws_op *op, const int32_t *sums, int8_t *out);

#endif
