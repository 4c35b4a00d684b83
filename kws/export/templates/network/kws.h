/* SPDX-License-Identifier: Apache-2.0 */
/* A network alone: rows of int8 numbers in, int8 scores out.
 *
 *     static kws_state state;
 *     int8_t scores[KWS_LABELS];
 *
 *     kws_init(&state);
 *     for every new row:
 *         if (kws_push_row(&state, row, scores) > 0) { ... }  a decision on the last KWS_FRAMES rows
 *     or, for a window that stands alone:
 *     kws_run(&state, window, scores);
 *
 * All memory lies in kws_state (sizeof says how much); nothing is allocated, no floating-point number is used. A state
 * points into itself: it must not be copied or moved after kws_init.
 */
#ifndef KWS_H
#define KWS_H

#include <stdint.h>

#include "kws_model.h"

#ifdef __cplusplus
extern "C" {
#endif

#include "engine/network.h"

typedef struct kws_state {
    kws_network network;
    struct {
        const int8_t *rows[KWS_NETWORK_ROWS];
        int32_t words[KWS_NETWORK_WORDS];
        int8_t arena[KWS_NETWORK_ARENA];
    } network_memory;
} kws_state;

/* Starts a stream of rows, or forgets all of them. The content of *state does not matter. */
void kws_init(kws_state *state);

/* What kws_push_row answers where kws_init has not been called, without looking at the row. A state with static storage
 * knows that, and any other one that was filled with zeros. */
#define KWS_NOT_STARTED (-1)

/* Takes one row : int8 [KWS_FEATURES], the next frame of the input. Returns 1 and writes scores : int8 [KWS_LABELS] once
 * KWS_FRAMES rows have been taken, at every KWS_DECIDE_EVERY-th row; else 0. Before
 * kws_init: KWS_NOT_STARTED. */
int32_t kws_push_row(kws_state *state, const int8_t *row, int8_t *scores);

/* A window that stands alone : int8 [KWS_FRAMES][KWS_FEATURES] to scores : int8 [KWS_LABELS]. Begins with
 * kws_init, so the content of *state does not matter and a stream is forgotten. */
void kws_run(kws_state *state, const int8_t *window, int8_t *scores);

/* Runs the network on rows made in code and compares with what the PC computed when it was exported: 0, or one of these.
 * The state is as after kws_init afterwards. */
#define KWS_FAILED_SIZES 1
#define KWS_FAILED_SCORES 4
int32_t kws_self_test(kws_state *state);

#ifdef __cplusplus
}
#endif

#endif
