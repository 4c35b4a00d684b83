/* SPDX-License-Identifier: Apache-2.0 */
/* What the self-test needs: a signal made in code and a checksum. Internal. */
#ifndef KWS_GOLDEN_H
#define KWS_GOLDEN_H

#include <stdint.h>

/* The next number of the generator (Numerical Recipes' linear congruence, modulo 2^32). */
static inline uint32_t kws_golden_random(uint32_t state)
{
    return state * 1664525u + 1013904223u;
}

/* CRC-32 (IEEE 802.3, as zlib's) of what came before and `count` more bytes; the first call has crc = 0. */
static inline uint32_t kws_golden_crc(uint32_t crc, const void *bytes, int32_t count)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    const uint8_t *byte = (const uint8_t *)bytes;
    crc = ~crc;
    for (int32_t i = 0; i < count; ++i) {
        crc ^= byte[i];
        crc = table[crc & 15u] ^ (crc >> 4);
        crc = table[crc & 15u] ^ (crc >> 4);
    }
    return ~crc;
}

#endif
