/* SPDX-License-Identifier: Apache-2.0 */
/* The three functions of the C library that the engine and its compiler use, for a toolchain without one. */
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word; /* any bytes, four at a time */

static int both_aligned(const void *a, const void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) & 3u) == 0;
}

/* Safe where the two overlap and `to` lies in front. */
static void copy_forward(unsigned char *to, const unsigned char *from, size_t count)
{
    if (both_aligned(to, from)) {
        for (; count >= sizeof(word); count -= sizeof(word), to += sizeof(word), from += sizeof(word)) {
            *(word *)(void *)to = *(const word *)(const void *)from;
        }
    }
    for (; count > 0; --count) {
        *to++ = *from++;
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    copy_forward(to, from, count);
    return to;
}

void *memset(void *to, int value, size_t count)
{
    unsigned char *out = to;
    const word filled = (word)(unsigned char)value * 0x01010101u;
    for (; count > 0 && ((uintptr_t)out & 3u) != 0; --count) {
        *out++ = (unsigned char)value;
    }
    for (; count >= sizeof(word); count -= sizeof(word), out += sizeof(word)) {
        *(word *)(void *)out = filled;
    }
    for (; count > 0; --count) {
        *out++ = (unsigned char)value;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    if (out <= in || out >= in + count) {
        copy_forward(out, in, count);
        return to;
    }
    while (count-- > 0) {
        out[count] = in[count];
    }
    return to;
}
