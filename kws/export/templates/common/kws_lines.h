/* SPDX-License-Identifier: Apache-2.0 */
/* The line that carries sound to a PC, for `kws listen --serial PORT --compare` (an example compiled with KWS_SEND_SOUND
 * prints one before what it hears in it):
 *     sound <first> <sum> <base64>   first: number of the first sample, modulo 2^32; sum: of the samples, modulo 2^16;
 *                                    base64: the samples, int16, little-endian
 */
#ifndef KWS_LINES_H
#define KWS_LINES_H

#include <stdint.h>

#include "kws_model.h"

/* "sound ", two numbers and their spaces, the samples, the end: for up to KWS_HOP_SAMPLES samples. */
#define KWS_SOUND_LINE_BYTES (6 + 11 + 6 + (2 * KWS_HOP_SAMPLES + 2) / 3 * 4 + 1)

/* Writes a number in decimal and a space. Returns the place after it. */
static char *kws_line_number(char *end, uint32_t number)
{
    char digits[10];
    int32_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) {
        *end++ = digits[--count];
    }
    *end++ = ' ';
    return end;
}

/* Writes bytes in base64 and the 0 that ends the line. */
static void kws_line_base64(char *end, const int16_t *samples, int32_t count)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *const start = end;
    uint32_t bits = 0;
    int32_t held = 0;
    for (int32_t i = 0; i < 2 * count; ++i) {
        const uint16_t sample = (uint16_t)samples[i / 2];
        bits = bits << 8 | (i % 2 == 0 ? sample & 255u : (uint32_t)sample >> 8);
        for (held += 8; held >= 6; held -= 6) {
            *end++ = letters[bits >> (held - 6) & 63];
        }
    }
    if (held > 0) {
        *end++ = letters[bits << (6 - held) & 63];
    }
    while ((end - start) % 4 != 0) {
        *end++ = '=';
    }
    *end = 0;
}

/* samples : int16 [count], the next of the sound, at most KWS_HOP_SAMPLES. Returns the line, without a line feed; it is
 * overwritten by the next one. */
static const char *kws_sound_line(const int16_t *samples, int32_t count)
{
    static char line[KWS_SOUND_LINE_BYTES] = "sound ";
    static uint32_t first = 0;
    uint32_t sum = 0;
    for (int32_t i = 0; i < count; ++i) {
        sum += (uint16_t)samples[i];
    }
    kws_line_base64(kws_line_number(kws_line_number(line + 6, first), sum & 0xffffu), samples, count);
    first += (uint32_t)count;
    return line;
}

#endif
