/* SPDX-License-Identifier: Apache-2.0 */
#include "kws.h"

#include <stddef.h>

#include "kws_tables.h"

void kws_init(kws_state *state)
{
    kws_network_init(&state->network, &kws_model_network, &state->network_memory);
}

int32_t kws_push_row(kws_state *state, const int8_t *row, int8_t *scores)
{
    return state->network.tables == NULL ? KWS_NOT_STARTED : kws_network_push(&state->network, row, scores);
}

void kws_run(kws_state *state, const int8_t *window, int8_t *scores)
{
    kws_init(state);
    for (int32_t frame = 0; frame < KWS_FRAMES; ++frame) {
        kws_network_push(&state->network, window + frame * KWS_FEATURES, scores);
    }
}
