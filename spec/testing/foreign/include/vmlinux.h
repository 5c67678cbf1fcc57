/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stands in for the header that bpftool writes from one kernel's type information: what of it is
 * also in the UAPI, under the kernel's own short names. Structures of the kernel itself are not.
 */
#ifndef XDPSPEC_VMLINUX_H
#define XDPSPEC_VMLINUX_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/ptrace.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stdint.h>

/* Macros do not survive in type information. */
#undef ETH_P_IP
#undef ETH_P_IPV6
#undef ETH_P_ARP

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#endif
