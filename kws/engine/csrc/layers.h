/* One output row of each kind of layer. patch : int8 [taps * kernel * in_channels] and sums : int32 [out_channels] are
 * scratch. rows[k] is tap k in order of time, NULL where it is padding. */
#ifndef KWS_LAYERS_H
#define KWS_LAYERS_H

#include "network.h"

void kws_conv_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, int8_t *patch, int8_t *out);
void kws_depthwise_row(const kws_op *op, const int32_t *pool, const int8_t *const *rows, int32_t *sums, int8_t *out);
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
