# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""XDP for socket buffers: the same programs, but every frame is sent at once.

Mirrors ``net/core/dev.c: do_xdp_generic, generic_xdp_tx``, ``net/core/filter.c:
xdp_do_generic_redirect`` and ``kernel/bpf/devmap.c: dev_map_generic_redirect,
dev_map_redirect_multi``.
"""

from __future__ import annotations

from errno import EBADRQC, EINVAL, ENOENT, EOPNOTSUPP
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.frame import HEADROOM, Frame
from spec.machine.host import Context
from spec.redirect import cpu_queue, entry_program
from spec.redirect.broadcast import excluded_ifindexes
from spec.redirect.bulk import forwarding_error
from spec.redirect.helpers import BY_IFINDEX
from spec.redirect.native import trace_redirect
from spec.socket_buffers import expanded
from spec.trace import ExceptionRaised
from spec.uapi import (
    BPF_F_BROADCAST,
    BPF_F_EXCLUDE_INGRESS,
    MapType,
    Verdict,
)

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.maps.devmap import Devmap
    from spec.maps.entry import DeviceEntry
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor

_DEVICE_MAPS = (MapType.BPF_MAP_TYPE_DEVMAP, MapType.BPF_MAP_TYPE_DEVMAP_HASH)
_PASS, _TX, _REDIRECT = int(Verdict.XDP_PASS), int(Verdict.XDP_TX), int(Verdict.XDP_REDIRECT)


def run_generic(cpu: Processor, device: ModelDevice, frame: Frame, program: ModelProgram) -> bool:
    """Run *program* on *frame* arriving at *device*; whether the stack gets it.

    Generic programs, those of entries too, find no metadata that an earlier program has left
    (``net/core/dev.c: bpf_prog_run_generic_xdp``).
    """
    cpu.enter()
    if not cpu.release.has("buffers_return_pages"):
        frame.keep_page()
    try:
        joined = frame.frags and not _keeps_frags(cpu, program)
        if frame.start < HEADROOM or frame.cloned or joined:
            frame.replace(private_copy(cpu, frame, program))
        frame.meta = frame.start
        act = program.executable.run(Context(frame, device.ifindex), cpu)
        if act == _PASS:
            return True
        if act == _REDIRECT:
            if do_generic_redirect(cpu, device, frame, program):
                frame.drop()
        elif act == _TX:
            transmit(cpu, device, frame, program)
        else:
            if act != Verdict.XDP_DROP:
                cpu.trace.append((ExceptionRaised, program.id, act, device.ifindex))
            frame.drop()
        return False
    finally:
        cpu.leave()


def _keeps_frags(cpu: Processor, program: ModelProgram) -> bool:
    return program.has_frags and cpu.release.has("generic_frags")


def private_copy(cpu: Processor, frame: Frame, program: ModelProgram) -> Frame:
    """A buffer that *program* may write to, with the headroom that XDP promises."""
    if _keeps_frags(cpu, program):
        return Frame.of(frame.data())
    return expanded(frame, cpu.lab.small_head)


def do_generic_redirect(
    cpu: Processor, ingress: ModelDevice, frame: Frame, program: ModelProgram
) -> int:
    """Send *frame* to the target that the redirect state names: 0, or a negative errno."""
    map, index, target = cpu.map, cpu.tgt_index, cpu.tgt_value
    map_type = map.type
    cpu.consume()
    if map is BY_IFINDEX:
        return _redirect_to_device(cpu, ingress, frame, program, index)
    if map_type in _DEVICE_MAPS:
        if cpu.flags & BPF_F_BROADCAST:
            exclude_ingress = bool(cpu.flags & BPF_F_EXCLUDE_INGRESS)
            err = send_to_all(cpu, map, frame, ingress, program, exclude_ingress)
        else:
            err = send_to_entry(cpu, target, frame, ingress, program)
    elif map_type is MapType.BPF_MAP_TYPE_XSKMAP:
        err = target.redirect_generic(ingress, frame)
    elif map_type is MapType.BPF_MAP_TYPE_CPUMAP and cpu.release.has("generic_cpumap"):
        err = cpu_queue.enqueue_generic(cpu, target, frame, ingress)
    else:
        err = -EBADRQC
    trace_redirect(cpu, ingress, program, err, map, index, target)
    return err


def _redirect_to_device(
    cpu: Processor, ingress: ModelDevice, frame: Frame, program: ModelProgram, index: int
) -> int:
    """After ``bpf_redirect()``. Success is traced before the driver has its say."""
    device = ingress.namespace.find(index)
    err = -EINVAL if device is None else forwarding_error(device, len(frame))
    trace_redirect(cpu, ingress, program, err, BY_IFINDEX, index, None)
    if device is not None and not err:
        transmit(cpu, device, frame, program)
    return err


def send_to_entry(
    cpu: Processor,
    entry: DeviceEntry,
    frame: Frame,
    ingress: ModelDevice,
    program: ModelProgram,
) -> int:
    """Run the program of *entry* and send *frame* (``dev_map_generic_redirect``).

    What the entry's program or the driver drops still counts as redirected. Before
    ``generic_entry_program`` a packet that a tap could not hand to its native program came here,
    too, and was sent without a look at the entry's program.
    """
    err = forwarding_error(entry.device, len(frame))
    if err:
        return err
    own = entry.program if cpu.release.has("generic_entry_program") else None
    if own is not None and frame.cloned and cpu.release.has("generic_copies_private"):
        frame.replace(private_copy(cpu, frame, own))
    frame.meta = frame.start
    if own is None or entry_program.passes(cpu, own, frame, entry.device, ingress):
        transmit(cpu, entry.device, frame, program)
    else:
        frame.drop()
    return 0


def send_to_all(
    cpu: Processor,
    map: Devmap | None,
    frame: Frame,
    ingress: ModelDevice,
    program: ModelProgram,
    exclude_ingress: bool,
) -> int:
    """Send *frame* to every entry, stopping at the first that fails (``dev_map_redirect_multi``).

    Copies share the packet's data. Before ``generic_copies_private`` the program of an entry wrote
    to what the others send, too.
    """
    if map is None:
        return -ENOENT
    try:
        excluded = excluded_ifindexes(cpu, ingress) if exclude_ingress else frozenset()
    except KernelError as error:
        return -(error.errno or 0)
    last: DeviceEntry | None = None
    for entry in map.entries():
        if entry.device.ifindex in excluded:
            continue
        if last is not None:
            if frame.frags and cpu.release.has("clone_refuses_frags"):
                return -EOPNOTSUPP
            view = frame.sharing()
            err = send_to_entry(cpu, last, view, ingress, program)
            if err:
                view.drop()
                return err
        last = entry
    if last is None:
        frame.drop()
        return 0
    return send_to_entry(cpu, last, frame, ingress, program)


def transmit(cpu: Processor, device: ModelDevice, frame: Frame, program: ModelProgram) -> None:
    """Hand *frame* to the driver past queueing discipline and taps (``generic_xdp_tx``)."""
    if not device.start_xmit(cpu, frame):
        cpu.trace.append((ExceptionRaised, program.id, _TX, device.ifindex))
        device.tx_dropped += cpu.release.has("generic_counts_losses")
        frame.drop()
