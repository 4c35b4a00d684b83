/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in where the toolchain has no C library. */
#ifndef KWS_DEVICE_STRING_H
#define KWS_DEVICE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);

#endif
