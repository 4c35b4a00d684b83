/* SPDX-License-Identifier: Apache-2.0 */
/* One output row of each kind of layer. Internal: kws_network_push calls these with what kws_network_check has passed.
 *
 * The same for all of them:
 *   op    the op's numbers, see network.h; kernel_..., pad and the zero points as there
 *   pool  the network's constants; op->weights, op->outputs and op->table_count are offsets into it in words
 *   row   one input row : int8 [in_width][in_channels], any values, not NULL
 *   rows  taps input rows in order of time, the oldest first; NULL is padding, which counts as the input's zero point
 *   other the second input's row, read at [x * other_width_step + c * other_channel_step]
 *   out   the output row : int8 [out_width][out_channels], wholly written, in op->low..op->high; it overlaps no input
 * Nothing is kept after the call; nothing but `out` and the scratch memory named is written. Sums are exact or wrap as
 * TFLM's do; each rounding is one of requantize.h.
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

/* Convolution over time and width. Weights as kws/engine/packing.py lays them out: symmetric int8, per output
 * kws_conv_row_numbers of them, of the first op->paired outputs two in a halfword. op->outputs : int32 [out_channels][3],
 * bias, multiplier >= 0 and shift -31..30 of each.
 * scratch : int32, the caller's, for int16 numbers of one to three columns or of a part of one, with a sum for each output;
 * conv_scratch_words in network_check.c says how many. Its content does not matter. */
void kws_conv_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, int32_t *scratch, int8_t *out);

/* Depthwise convolution: output channel c sees input channel c * in_channels / out_channels. Weights : int8
 * [taps * kernel][out_channels], op->outputs as above.
 * seen : [taps * kernel] pointers and padding : int8 [in_channels], the caller's; their content does not matter. */
void kws_depthwise_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, const int8_t **seen,
                       int8_t *padding, int8_t *out);

/* Sum of two numbers on different grids. op->scale: multiplier and shift of row, of other, of the sum. */
void kws_add_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out);

/* Product of two numbers on different grids. op->scale[0..1]: multiplier and shift of the product. */
void kws_mul_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out);

/* Mean over `taps` rows and `kernel` columns, of those that are not padding; halves away from zero; 0 if all are. */
void kws_average_row(const kws_op *op, const int8_t *const *rows, int8_t *out);

/* Largest number of the same window; -128 if all of it is padding. */
void kws_max_row(const kws_op *op, const int8_t *const *rows, int8_t *out);

/* Softmax over the channels of each column, on the grid 256 p - 128. pool[op->weights]: op->table_count values of
 * exp(-distance to the largest) in Q31, 1..256 of them, the first INT32_MAX; beyond its end the exponential is 0. */
void kws_softmax_row(const kws_op *op, const int32_t *pool, const int8_t *row, int8_t *out);

/* out[i] = table[row[i] + 128]. Table : int8 [256] at op->weights. */
void kws_lookup_row(const kws_op *op, const int32_t *pool, const int8_t *row, int8_t *out);

/* The row with op->pad columns and op->pad_channels channels of zero points in front, and as many behind as the output
 * has room for. row may be NULL: then all is zero points. */
void kws_copy_row(const kws_op *op, const int8_t *row, int8_t *out);

/* The channels of row, then those of other : int8 [out_width][out_channels - in_channels], column by column. */
void kws_concat_row(const kws_op *op, const int8_t *row, const int8_t *other, int8_t *out);

/* Adds sign (1 or -1) times the numbers of `row` to sums : int32 [out_width * out_channels], over the width where the
 * mean takes it in. Sums wrap. */
void kws_mean_accumulate(const kws_op *op, const int8_t *row, int32_t sign, int32_t *sums);

/* The means of op->count numbers whose sums are given : int32 [out_width * out_channels]. op->scale[0..1]: multiplier
 * and shift of the sum less op->count zero points; at most KWS_MEAN_COUNT numbers, so that the sums do not wrap. */
void kws_mean_row(const kws_op *op, const int32_t *sums, int8_t *out);

#endif
