/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that an export has compressed: canonical Huffman codes, decoded row by row. Used where KWS_COMPRESSED is not 0.
 *
 * The numbers of a row follow each other; where the weights of two outputs lie in pairs, the two of a pair do.
 * A table in the pool is the length of the shortest code, KWS_CODE_BITS limits, KWS_CODE_BITS first places, then the
 * symbols : int8, in the order of their codes. Codes of `length` bits, moved to the left of KWS_CODE_BITS bits, lie below
 * limits[length - 1], shorter ones lie below the limit before; the symbol of code c is at place firsts[length - 1] + c.
 * Made by kws.export.compress, checked before an export is written and never read from an untrusted file.
 */
#ifndef KWS_HUFFMAN_H
#define KWS_HUFFMAN_H

#include <stdint.h>

#define KWS_CODE_BITS 15

/* A place in a stream of codes. The stream is followed by three bytes that may be read. */
typedef struct {
    const uint8_t *next;
    uint32_t window; /* the next bits, from the left */
    int32_t bits;    /* how many of them are there */
} kws_codes;

/* Begins at the first code. stream : bytes, owned by the caller as long as `codes` is used. */
void kws_codes_start(kws_codes *codes, const void *stream);

/* Decodes the next `count` symbols into symbols : int8 [count], the caller's. table : as above, in words. */
void kws_codes_read(kws_codes *codes, const int32_t *table, int8_t *symbols, int32_t count);

#endif
