#include "string.h"

void *memmove(void *to, const void *from, size_t count)
{
    unsigned char *target = to;
    const unsigned char *source = from;
    for (size_t i = 0; i < count; ++i) {
        const size_t at = target <= source ? i : count - 1 - i;
        target[at] = source[at];
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t count)
{
    return memmove(to, from, count);
}

void *memset(void *to, int byte, size_t count)
{
    unsigned char *target = to;
    for (size_t i = 0; i < count; ++i) {
        target[i] = (unsigned char)byte;
    }
    return to;
}
