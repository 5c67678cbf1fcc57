# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The generic netlink family ``netdev`` (Linux 6.3): what a device's driver can do with XDP."""

from __future__ import annotations

from pyroute2.netlink import genlmsg
from pyroute2.netlink.generic import ctrlmsg

from kernel_impl.netlink.socket import NetlinkSocket

NETLINK_GENERIC = 16
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
NETDEV_CMD_DEV_GET = 1
XDP_FEATURES = (
    "basic",
    "redirect",
    "ndo-xmit",
    "xsk-zerocopy",
    "hw-offload",
    "rx-sg",
    "ndo-xmit-sg",
)
"""Bit n of the feature mask is the n-th name (``Documentation/netlink/specs/netdev.yaml``)."""


class _netdevmsg(genlmsg):  # type: ignore[misc]  # noqa: N801 - pyroute2's spelling
    prefix = "NETDEV_A_DEV_"
    nla_map = (
        ("NETDEV_A_DEV_UNSPEC", "none"),
        ("NETDEV_A_DEV_IFINDEX", "uint32"),
        ("NETDEV_A_DEV_PAD", "hex"),
        ("NETDEV_A_DEV_XDP_FEATURES", "uint64"),
    )


class Netdev:
    """The family in the namespace in which the object was made; ``ENOENT`` before Linux 6.3."""

    def __init__(self) -> None:
        self._netlink = NetlinkSocket(NETLINK_GENERIC)
        try:
            question = ctrlmsg()
            question["cmd"], question["version"] = CTRL_CMD_GETFAMILY, 1
            question["attrs"] = [("CTRL_ATTR_FAMILY_NAME", "netdev")]
            answer = self._netlink.request(GENL_ID_CTRL, question)[0]
            self._family: int = answer.get_attr("CTRL_ATTR_FAMILY_ID")
        except BaseException:
            self.close()
            raise

    def xdp_features(self, ifindex: int) -> frozenset[str]:
        """The features of the device; ``ENODEV`` if it is not in this namespace."""
        question = _netdevmsg()
        question["cmd"], question["version"] = NETDEV_CMD_DEV_GET, 1
        question["attrs"] = [("NETDEV_A_DEV_IFINDEX", ifindex)]
        answer = self._netlink.request(self._family, question)[0]
        mask: int = answer.get_attr("NETDEV_A_DEV_XDP_FEATURES")
        return frozenset(name for bit, name in enumerate(XDP_FEATURES) if mask & 1 << bit)

    def close(self) -> None:
        self._netlink.close()
