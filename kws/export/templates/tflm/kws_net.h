/* SPDX-License-Identifier: Apache-2.0 */
/* The network behind two functions, so that the rest does not know TensorFlow Lite for Microcontrollers. */
#ifndef KWS_NET_H
#define KWS_NET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sets the interpreter up, once per program; later calls cost nothing. 0, or -1 where the arena is too small or an operator
 * is missing. */
int32_t kws_net_init(void);

/* One inference. window : int8 [KWS_FRAMES][KWS_FEATURES], oldest row first; scores : int8 [KWS_LABELS]. 0, or -1. */
int32_t kws_net_run(const int8_t *window, int8_t *scores);

#ifdef __cplusplus
}
#endif

#endif
