# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The links of one namespace over rtnetlink: make, change, remove, ask."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ifstatsmsg import ifstatsmsg

from kernel_impl.ifindex import LOOPBACK
from kernel_impl.netlink.socket import NLM_F_CREATE, NLM_F_EXCL, NetlinkSocket
from spec.errors import KernelError

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_GETSTATS = 16, 17, 18, 94
IFF_UP = 1
IFLA_STATS_FILTER_LINK_64 = 1
IN6_ADDR_GEN_MODE_NONE = 1
OUR_GROUP = 0x78647073
"""Group number of every device we make: all of them can be removed with one request."""

Attributes = Iterable[tuple[str, Any]]


class Links:
    """rtnetlink in the namespace in which the object was made."""

    def __init__(self, quiet: bool) -> None:
        self._netlink = NetlinkSocket(socket.NETLINK_ROUTE)
        # Where /proc/sys can't be written, no device may give itself an IPv6 address.
        self._hush: Attributes = (
            () if quiet else [("IFLA_AF_SPEC", {"attrs": [("AF_INET6", _no_ipv6_address())]})]
        )

    def create(
        self, kind: str, name: str, ifindex: int, attributes: Attributes = (), data: Attributes = ()
    ) -> None:
        """``ip link add``: a device of *kind*, down; *data* is what only this kind knows."""
        about: dict[str, Any] = {"attrs": [("IFLA_INFO_KIND", kind)]}
        if data:
            about["attrs"].append(("IFLA_INFO_DATA", {"attrs": list(data)}))
        message = _link(ifindex, ("IFLA_IFNAME", name), ("IFLA_GROUP", OUR_GROUP), *attributes)
        message["attrs"].append(("IFLA_LINKINFO", about))
        self._netlink.request(RTM_NEWLINK, message, NLM_F_CREATE | NLM_F_EXCL)

    def create_veth(
        self,
        name: str,
        ifindex: int,
        peer: str,
        peer_ifindex: int,
        queues: tuple[int, int] = (1, 1),
    ) -> None:
        """Both ends of a veth pair, down."""
        own, theirs = queues
        other = {"index": peer_ifindex, "attrs": [*_ours(peer), *_queues(theirs)]}
        self.create("veth", name, ifindex, _queues(own), data=[("VETH_INFO_PEER", other)])

    def change(self, ifindex: int, *attributes: tuple[str, Any]) -> None:
        """``ip link set``."""
        self._netlink.request(RTM_NEWLINK, _link(ifindex, *attributes))

    def set_up(self, ifindex: int, up: bool) -> None:
        """``ip link set up`` or ``down``."""
        if up and self._hush:  # one request would bring the device up first
            self.change(ifindex, *self._hush)
        message = _link(ifindex)
        if ifindex != LOOPBACK:  # which nobody can remove, so the group could not be removed
            message["attrs"].append(("IFLA_GROUP", OUR_GROUP))
        message["flags"], message["change"] = IFF_UP if up else 0, IFF_UP
        self._netlink.request(RTM_NEWLINK, message)

    def attach_xdp(self, ifindex: int, fd: int, flags: int) -> None:
        """``ip link set xdp``; *fd* -1 detaches."""
        program = [("IFLA_XDP_FD", fd), ("IFLA_XDP_FLAGS", flags)]
        self.change(ifindex, ("IFLA_XDP", {"attrs": program}))

    def remove(self, ifindex: int) -> None:
        """``ip link del``."""
        self._netlink.request(RTM_DELLINK, _link(ifindex))

    def remove_ours(self) -> None:
        """Every device that we made, in one go: each alone would wait for RCU by itself."""
        try:
            self._netlink.request(RTM_DELLINK, _link(0, ("IFLA_GROUP", OUR_GROUP)))
        except KernelError as error:
            if error.errno != errno.ENODEV:  # there is none
                raise

    def get(self, ifindex: int) -> Any:
        """The link as an ``ifinfmsg``; ``ENODEV`` if it is not in this namespace."""
        return self._netlink.request(RTM_GETLINK, _link(ifindex))[0]

    def statistics(self, ifindex: int) -> Mapping[str, int]:
        """``struct rtnl_link_stats64``."""
        message = ifstatsmsg()
        message["ifindex"], message["filter_mask"] = ifindex, IFLA_STATS_FILTER_LINK_64
        answer = self._netlink.request(RTM_GETSTATS, message)[0]
        counters: Mapping[str, int] = answer.get_attr("IFLA_STATS_LINK_64")
        return counters

    def close(self) -> None:
        self._netlink.close()


def _link(ifindex: int, *attributes: tuple[str, Any]) -> Any:
    message = ifinfmsg()
    message["index"], message["attrs"] = ifindex, list(attributes)
    return message


def _ours(name: str) -> list[tuple[str, Any]]:
    return [("IFLA_IFNAME", name), ("IFLA_GROUP", OUR_GROUP)]


def _queues(count: int) -> list[tuple[str, Any]]:
    return [("IFLA_NUM_RX_QUEUES", count), ("IFLA_NUM_TX_QUEUES", count)]


def _no_ipv6_address() -> dict[str, Any]:
    return {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", IN6_ADDR_GEN_MODE_NONE)]}
