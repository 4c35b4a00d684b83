#include "batch.h"

int kws_decoder_run(kws_decoder *state, const int8_t *scores, int32_t hops, int32_t *consumed, kws_event *event)
{
    for (int32_t hop = 0; hop < hops; hop++, scores += state->tables->labels) {
        if (kws_decoder_push(state, scores, event)) {
            *consumed = hop + 1;
            return 1;
        }
    }
    *consumed = hops;
    return 0;
}
