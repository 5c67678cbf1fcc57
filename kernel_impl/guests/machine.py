# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The virtual machine: which QEMU, and the command line that makes a guest of a kernel."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CPUS = 2
"""A CPUMAP page needs two; more than that only share the cores that emulate them."""
MEMORY_MIB = 1024
PANIC_AND_STOP = "panic=-1"
"""A kernel that panics restarts at once, and ``-no-reboot`` makes an end of that."""

EMULATOR = "tcg,thread=single"
"""With a thread for each of its CPUs the emulator may run what another has just patched half old
and half new; newer kernels patch the call of each XDP program, and panic of it (an ``int3`` in
``bpf_dispatcher_xdp_func``)."""

EXPEDITED = "rcupdate.rcu_expedited=1"
"""Making and removing devices waits for all CPUs, which need not wait for their next tick."""


@dataclass(frozen=True)
class Hardware:
    """What QEMU and Debian call this kind of machine, and where its first console is.

    ``emulated`` is its processor where there is no KVM: with all that the emulator knows, save what
    only makes every access to memory and every system call dearer.
    """

    qemu: str
    package: str
    debian: str
    machine: str
    console: str
    emulated: str = "max"
    options: tuple[str, ...] = ()
    """More of the kernel's command line."""


HARDWARE = {
    "x86_64": Hardware(
        "qemu-system-x86_64",
        "qemu-system-x86",
        "amd64",
        "q35",
        "ttyS0",
        "max,la57=off,smap=off,smep=off",
        ("tsc=reliable",),
    ),
    "aarch64": Hardware("qemu-system-aarch64", "qemu-system-arm", "arm64", "virt", "ttyAMA0"),
}


def hardware() -> Hardware | None:
    """What it is here; ``None`` for a machine that guests are not made for."""
    return HARDWARE.get(platform.machine())


@dataclass(frozen=True)
class Machine:
    """The size of a guest, and whether it may use KVM."""

    memory: int = MEMORY_MIB
    """MiB."""

    cpus: int = CPUS
    kvm: bool = False
    """Off, because a KVM that is there and does not work hangs without a word."""


def command(
    qemu: str, machine: Machine, kernel: Path, initramfs: Path, disk: Path, arguments: Sequence[str]
) -> list[str]:
    """QEMU's command line. The guest's console is its standard output; it has no network.

    *arguments* are those of the guest's first process.
    """
    found = HARDWARE[platform.machine()]
    accelerator = "kvm" if machine.kvm else EMULATOR
    options = (
        f"console={found.console}", PANIC_AND_STOP, "quiet", "loglevel=5", "mitigations=off",
        "random.trust_cpu=on", EXPEDITED, *found.options, "nokaslr", "rdinit=/init", "--",
        *arguments,
    )  # fmt: skip
    return [
        qemu, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
        "-machine", found.machine, "-accel", accelerator,
        "-cpu", "host" if machine.kvm else found.emulated,
        "-smp", str(machine.cpus), "-m", f"{machine.memory}M",
        "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
        "-drive", f"if=none,id=results,format=raw,file={_quoted(disk)}",
        "-device", "virtio-blk-pci,drive=results",
        "-kernel", str(kernel), "-initrd", str(initramfs), "-append", " ".join(options),
    ]  # fmt: skip


def _quoted(path: Path) -> str:
    """QEMU's options are separated by commas."""
    return str(path).replace(",", ",,")
