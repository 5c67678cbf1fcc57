/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XDPSPEC_NETINET_IN_H
#define XDPSPEC_NETINET_IN_H

#include <linux/in.h>
#include <linux/in6.h>
#include <sys/socket.h>

typedef uint16_t in_port_t;
typedef uint32_t in_addr_t;

#endif
