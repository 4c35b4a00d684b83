/* SPDX-License-Identifier: Apache-2.0 */
#include "huffman.h"

#include "kws_config.h"

#if KWS_COMPRESSED

void kws_codes_start(kws_codes *codes, const void *stream)
{
    codes->next = (const uint8_t *)stream;
    codes->window = 0;
    codes->bits = 0;
}

void kws_codes_read(kws_codes *codes, const int32_t *table, int8_t *symbols, int32_t count)
{
    const int32_t shortest = table[0];
    const int32_t *const limits = table, *const firsts = table + KWS_CODE_BITS; /* both count from length 1 */
    const int8_t *const in_order = (const int8_t *)(firsts + KWS_CODE_BITS + 1);
    const uint8_t *next = codes->next;
    uint32_t window = codes->window;
    int32_t bits = codes->bits;
    for (int8_t *const end = symbols + count; symbols != end; ++symbols) {
        int32_t length = shortest;
        for (; bits < KWS_CODE_BITS; bits += 8) {
            window |= (uint32_t)*next++ << (24 - bits);
        }
        const int32_t code = (int32_t)(window >> (32 - KWS_CODE_BITS));
        while (code >= limits[length]) {
            ++length;
        }
        *symbols = in_order[firsts[length] + (code >> (KWS_CODE_BITS - length))];
        window <<= length;
        bits -= length;
    }
    codes->next = next;
    codes->window = window;
    codes->bits = bits;
}

#endif
