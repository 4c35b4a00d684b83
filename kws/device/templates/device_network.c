/* SPDX-License-Identifier: Apache-2.0 */
/* Storage for a network alone on the emulated processor. The emulator writes a window, or a row to its
 * start, and calls kws_init, kws_run and kws_push_row. */
#include "kws.h"

kws_state kws_device_state;
int8_t kws_device_window[KWS_FRAMES * KWS_FEATURES];
int8_t kws_device_scores[KWS_LABELS];
