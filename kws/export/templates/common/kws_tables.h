/* SPDX-License-Identifier: Apache-2.0 */
/* The constants of kws_model.c. Internal. */
#ifndef KWS_TABLES_H
#define KWS_TABLES_H

#include "kws.h"

extern const kws_frontend_tables kws_model_frontend;
extern const kws_network_tables kws_model_network;
extern const kws_decoder_tables kws_model_decoder;
extern const char *const kws_model_labels[];

/* 1 when the engine needs no more memory than the state has. */
int32_t kws_sizes_hold(const kws_state *state);

/* Gives the network one row : int8 [KWS_FEATURES]. Returns 1 with scores : int8 [KWS_LABELS] at a decision, else 0. */
int32_t kws_decide(kws_state *state, const int8_t *row, int8_t *scores);

#endif
