/* SPDX-License-Identifier: Apache-2.0 */
/* The int8 network as a streaming program: one row of features in, one row of scores out.
 *
 * A buffer is a ring of the newest rows of one tensor; an op reads rows by their age and appends rows to its output.
 * A streaming program appends one row per hop and never computes a row twice; a windowed program (for a network that
 * pads along time) keeps only the input in a ring and computes every row of the window anew. Both are the same code.
 *
 * The tables are constant and may come from an untrusted file: kws_network_check refuses whatever could read or write
 * outside its memory or overflow. All memory belongs to the caller; nothing is allocated.
 */
#ifndef KWS_NETWORK_H
#define KWS_NETWORK_H

#include <stdint.h>

/* What an op does: kws_op.kind. layers.h says how. */
enum kws_op_kind {
    KWS_OP_CONV = 1,
    KWS_OP_DEPTHWISE = 2,
    KWS_OP_ADD = 3,
    KWS_OP_MUL = 4,
    KWS_OP_MEAN = 5,
    KWS_OP_AVERAGE = 6,
    KWS_OP_MAX = 7,
    KWS_OP_SOFTMAX = 8,
    KWS_OP_LOOKUP = 9,
    KWS_OP_COPY = 10,
    KWS_OP_CONCAT = 11,
    KWS_OP_RESHAPE = 12
};

/* What kws_network_check finds: 0, or the first rule that is broken. */
enum kws_network_error {
    KWS_NETWORK_OK = 0,
    KWS_NETWORK_BAD_SIZE = -1,   /* a count or a size is out of range */
    KWS_NETWORK_BAD_BUFFER = -2, /* a buffer does not fit the arena */
    KWS_NETWORK_BAD_OP = -3,     /* an op is unknown or has impossible settings */
    KWS_NETWORK_BAD_SHAPE = -4,  /* rows of an op do not fit its buffers, or absurdly many */
    KWS_NETWORK_BAD_TABLE = -5,  /* weights, bias or tables lie outside the pool */
    KWS_NETWORK_BAD_TIME = -6,   /* an op reads rows older than its buffer keeps */
    KWS_NETWORK_BAD_WORK = -7    /* up to this op there are more than KWS_NETWORK_WORK products per hop */
};

#define KWS_NETWORK_WORK 1073741824 /* products, or numbers moved, of all ops together: a bound on time */
#define KWS_MEAN_COUNT 8388608      /* numbers of one mean: their sum fits 32 bits whatever the zero point */

typedef struct {
    int32_t rows;      /* rows kept, the newest included */
    int32_t row_bytes; /* int8 numbers per row: width * channels */
    int32_t offset;    /* of the first row in the arena */
} kws_buffer;

/* Offsets into the pool count 32-bit words; -1 where an op has no such table. `quick` promises that low and high are -128
 * and 127, and for every output channel: at most KWS_QUICK_PRODUCTS products, |bias| < KWS_QUICK_BIAS, a shift below 0. */
#define KWS_QUICK_PRODUCTS 32768
#define KWS_QUICK_BIAS 536870912

typedef struct {
    int32_t kind;
    int32_t input, other, output; /* buffers; other = -1: none, or a constant in `weights` */
    int32_t every;                /* hops between two runs */
    int32_t steps;                /* rows appended per run */
    int32_t taps, spacing;        /* rows read per row written, and the distance between them */
    int32_t stride, newest; /* per step; age of the newest row that the last step reads, may be negative: padding */
    int32_t span;           /* rows of this age and older are padding */
    int32_t other_stride, other_newest;
    int32_t in_width, in_channels, out_width, out_channels;
    int32_t kernel, kernel_stride, kernel_dilation, pad; /* along the width; pad: columns in front */
    int32_t pad_channels;                                /* COPY: channels in front */
    int32_t other_width_step, other_channel_step;        /* ADD, MUL, CONCAT: layout of the other row */
    int32_t in_zero, other_zero, out_zero, low, high;    /* zero points and the range of the activation */
    int32_t weights, outputs;                            /* in the pool; outputs: bias, multiplier, shift of each */
    int32_t paired;                                      /* CONV: so many of the first outputs lie in pairs */
    int32_t quick;                                       /* 1: nothing overflows on the way to int8, see above */
    int32_t table_count;                                 /* entries of a SOFTMAX or LOOKUP table (in `weights`) */
    int32_t scale[6];                                    /* ADD: three (multiplier, shift); MUL, MEAN: one */
    int32_t count;                                       /* MEAN: numbers per mean, at most KWS_MEAN_COUNT */
    int32_t sums, slots;                                 /* MEAN: first running sum, -1: none; interleaved sums */
} kws_op;

/* What is the same for every stream; may lie in flash. The caller owns everything that it points to. The ranges of all
 * numbers are those that kws_network_check demands. */
typedef struct {
    int32_t frames;       /* hops until the window has filled */
    int32_t features;     /* int8 numbers per input row */
    int32_t labels;       /* int8 scores per decision */
    int32_t decide_every; /* hops between decisions; a multiple of every op's `every` */
    int32_t windowed;     /* 1: ops run only when the window has filled */
    int32_t input, output;
    int32_t arena_bytes, scratch_words, row_pointers, sum_words;
    const kws_buffer *buffers;
    int32_t buffer_count;
    const kws_op *ops;
    int32_t op_count;
    const int32_t *pool;
    int32_t pool_words;
} kws_network_tables;

/* One stream. The caller owns the struct, the tables and the memory that the pointers lead into; all three live as long
 * as the state is used. The struct points into that memory: a copy of it shares the stream with the original. */
typedef struct {
    const kws_network_tables *tables;
    const int8_t **rows; /* [row_pointers] */
    int32_t *heads;      /* [buffer_count] index of the newest row */
    int32_t *sums;       /* [sum_words] */
    int32_t *scratch;    /* [scratch_words] */
    int8_t *arena;       /* [arena_bytes] */
    int32_t waiting;     /* hops until the window has filled */
    int32_t phase;       /* hops since a decision was due */
} kws_network;

/* 0 if the other functions are safe with these tables, else one of the codes above with the op (or buffer) at fault in
 * *where. Reads the struct and, of what it points to, no more than its counts say. */
int32_t kws_network_check(const kws_network_tables *tables, int32_t *where);

/* Bytes of memory that one stream needs. The tables must have passed the check. */
uint32_t kws_network_memory_bytes(const kws_network_tables *tables);

/* Starts a stream. memory : kws_network_memory_bytes, aligned as a pointer; its content does not matter. */
void kws_network_init(kws_network *network, const kws_network_tables *tables, void *memory);

/* Forgets all rows. */
void kws_network_reset(kws_network *network);

/* Takes one row : int8 [features], any values, on the grid of the network's input. Returns 1 if it wrote scores : int8 [labels]
 * (softmax p as 256 p - 128): at every decide_every-th row once `frames` rows have been taken. Else 0 and scores are left
 * alone. Neither pointer is kept. */
int32_t kws_network_push(kws_network *network, const int8_t *row, int8_t *scores);

#endif
