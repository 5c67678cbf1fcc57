/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XDPSPEC_ERRNO_H
#define XDPSPEC_ERRNO_H

#include <linux/errno.h>

#endif
