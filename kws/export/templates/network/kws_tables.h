/* SPDX-License-Identifier: Apache-2.0 */
/* The constants of kws_model.c. Internal. */
#ifndef KWS_TABLES_H
#define KWS_TABLES_H

#include "engine/network.h"

extern const kws_network_tables kws_model_network;

#endif
