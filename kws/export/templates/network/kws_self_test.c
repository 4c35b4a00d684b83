/* SPDX-License-Identifier: Apache-2.0 */
#include "kws.h"
#include "kws_golden.h"
#include "kws_tables.h"

int32_t kws_self_test(kws_state *state)
{
    uint32_t crc = 0, random = 1;
    int8_t row[KWS_FEATURES];
    int8_t scores[KWS_LABELS];
    if (kws_network_memory_bytes(&kws_model_network) > sizeof state->network_memory) {
        return KWS_FAILED_SIZES;
    }
    kws_init(state);
    for (int32_t n = 0; n < KWS_GOLDEN_ROWS; ++n) {
        for (int32_t i = 0; i < KWS_FEATURES; ++i) {
            random = kws_golden_random(random);
            row[i] = (int8_t)((int32_t)(random >> 24) - ((random >> 24) < 128 ? 0 : 256));
        }
        if (kws_push_row(state, row, scores)) {
            crc = kws_golden_crc(crc, scores, KWS_LABELS);
        }
    }
    kws_init(state);
    return crc != KWS_GOLDEN_SCORES ? KWS_FAILED_SCORES : 0;
}
