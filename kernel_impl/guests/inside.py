# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The first process of a guest: makes a machine of it, runs one command, hands over the results.

Its arguments are the job's (``Job``), which lie beside it as JSON.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
import traceback
from pathlib import Path

JOB = Path("/job.json")
MODULES = Path("/job-modules")
FOLDER = Path("/job-folder")
"""Where the command runs."""
STATE = Path("/job-state")
"""What comes home: ``stdout``, ``stderr``, ``status`` and whatever the command was to leave."""
DISK = Path("/dev/vda")
PROGRESS = Path("/job-progress")
"""A pipe; what the command writes there goes to the host line by line."""
CONSOLE = Path("/dev/console")
BUDGET = Path("/proc/sys/net/core/netdev_budget_usecs")
MARK = "xdpspec-guest:"
"""Begins each line of ours on the console; what follows is for the host."""
RB_AUTOBOOT = 0x01234567
FILE_SYSTEMS = {
    "/proc": "proc",
    "/sys": "sysfs",
    "/dev": "devtmpfs",
    "/sys/kernel/tracing": "tracefs",
}
"""None over a folder that the host's Python or project may be in; memory is all there is anyway."""
SCRATCH = Path("/tmp")

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Never returns: the machine is restarted, which ends QEMU."""
    try:
        _prepare()
        _hand_over(_run())
    except BaseException:
        traceback.print_exc()
    finally:
        say("end")
        os.sync()
        _libc.reboot(RB_AUTOBOOT)


def say(what: str) -> None:
    """Tell the host, on a line of its own."""
    with CONSOLE.open("w") as console:
        console.write(f"\n{MARK} {what}\n")


def _prepare() -> None:
    SCRATCH.mkdir(exist_ok=True)
    for place, kind in FILE_SYSTEMS.items():
        Path(place).mkdir(parents=True, exist_ok=True)
        _libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None)
    for path in sorted(MODULES.iterdir()):
        module = path.read_bytes()
        if _libc.init_module(module, ctypes.c_ulong(len(module)), b"") < 0:
            say(f"note module {path.name}: {os.strerror(ctypes.get_errno())}")
    node = Path("/dev/net/tun")
    if not node.exists():
        node.parent.mkdir(exist_ok=True)
        os.mknod(node, 0o666 | 0o020000, os.makedev(10, 200))
    _prefer_softirqs()
    _let_rounds_end()
    say(f"booted {os.uname().release}")


def _prefer_softirqs() -> None:
    """Let deferred softirqs go before threads that they have woken, as softirqs do.

    A slow machine defers them often. Then it would be for the scheduler to say whether a frame
    on its way through devices, or the thread of a CPUMAP entry, is first on a processor.
    """
    for name in Path("/proc").glob("[0-9]*/comm"):
        if name.read_text().startswith("ksoftirqd/"):
            os.sched_setscheduler(int(name.parent.name), os.SCHED_FIFO, os.sched_param(1))


def _let_rounds_end() -> None:
    """Give a round of polls a minute, so that it ends when it is done or has had its packets.

    Two ticks are enough for that on any machine but an emulated one, and programs of one round
    share what they asked for.
    """
    BUDGET.write_text("60000000")


def _run() -> int:
    job = json.loads(JOB.read_text(encoding="utf-8"))
    STATE.mkdir()
    FOLDER.mkdir()
    environment = dict(job["environment"], XDPSPEC_PROGRESS=str(PROGRESS))
    os.mkfifo(PROGRESS)
    threading.Thread(target=_relay, daemon=True).start()
    with (STATE / "stdout").open("wb") as output, (STATE / "stderr").open("wb") as errors:
        began = time.monotonic()
        done = subprocess.run(
            job["command"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            cwd=FOLDER,
            env=environment,
        )
    say(f"ran {time.monotonic() - began:.1f} s of {time.monotonic():.1f} s")
    return done.returncode


def _relay() -> None:
    # Open at both ends, so that nobody waits for the other and the pipe never ends.
    with os.fdopen(os.open(PROGRESS, os.O_RDWR), encoding="utf-8", buffering=1) as lines:
        for line in lines:
            say(f"progress {line.strip()}")


def _hand_over(status: int) -> None:
    job = json.loads(JOB.read_text(encoding="utf-8"))
    (STATE / "status").write_text(str(status))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("stdout", "stderr", "status"):
            archive.add(STATE / name, name)
        for name in job["results"]:
            if (FOLDER / name).exists():
                archive.add(FOLDER / name, f"files/{name}")
    data = packed.getvalue()
    with DISK.open("wb", buffering=0) as disk:
        disk.write(data + bytes(-len(data) % 4096))
        os.fsync(disk.fileno())


if __name__ == "__main__":
    sys.path.pop(0)
    main()
