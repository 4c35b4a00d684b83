/* The constants of kws_model.c. Internal. */
#ifndef KWS_TABLES_H
#define KWS_TABLES_H

#include "engine/detector.h"

extern const kws_frontend_tables kws_model_frontend;
extern const kws_network_tables kws_model_network;
extern const kws_decoder_tables kws_model_decoder;
extern const char *const kws_model_labels[];

#endif
