/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the compiler does in place where sizes are constant; a freestanding one must be told. */
#ifndef XDPSPEC_STRING_H
#define XDPSPEC_STRING_H

#include <stddef.h>

#define memcpy(to, from, size) __builtin_memcpy(to, from, size)
#define memmove(to, from, size) __builtin_memmove(to, from, size)
#define memset(to, value, size) __builtin_memset(to, value, size)

#endif
