/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Byte order of the network. */
#ifndef XDPSPEC_ARPA_INET_H
#define XDPSPEC_ARPA_INET_H

#include <netinet/in.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define htons(value) ((uint16_t)__builtin_bswap16(value))
#define htonl(value) ((uint32_t)__builtin_bswap32(value))
#else
#define htons(value) ((uint16_t)(value))
#define htonl(value) ((uint32_t)(value))
#endif
#define ntohs(value) htons(value)
#define ntohl(value) htonl(value)

#endif
