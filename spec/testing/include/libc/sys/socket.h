/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* linux/if.h wants struct sockaddr from the C library; programs want the address families. */
#ifndef XDPSPEC_SYS_SOCKET_H
#define XDPSPEC_SYS_SOCKET_H

#include <sys/types.h>

typedef unsigned short sa_family_t;
typedef unsigned int socklen_t;

struct sockaddr {
	sa_family_t sa_family;
	char sa_data[14];
};

#define AF_UNSPEC 0
#define AF_INET 2
#define AF_INET6 10

#endif
