/* Loops over the streaming calls, so that a caller in Python pays once per block instead of once per hop. Not needed on a device. */
#ifndef KWS_BATCH_H
#define KWS_BATCH_H

#include "decoder.h"

/* kws_decoder_push over scores : int8 [hops][labels], up to the first detection. Returns 1 when there is one; *consumed is the number
 * of rows taken, the row of the detection included. */
int kws_decoder_run(kws_decoder *state, const int8_t *scores, int32_t hops, int32_t *consumed, kws_event *event);

#endif
