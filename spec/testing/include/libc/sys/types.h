/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Types that POSIX names. */
#ifndef XDPSPEC_SYS_TYPES_H
#define XDPSPEC_SYS_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef long ssize_t;
typedef uint8_t u_int8_t;
typedef uint16_t u_int16_t;
typedef uint32_t u_int32_t;
typedef uint64_t u_int64_t;

#endif
