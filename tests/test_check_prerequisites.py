# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""With each prerequisite taken away in turn, one line says what to do, and nothing is left behind.

What is taken away is taken away in a mount or user namespace of the check's own, or from a user
who is nobody: the machine stays as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel_impl.libbpf import LIBRARY, libbpf
from kernel_impl.probes import CAPABILITIES
from spec.testing.toolchain import user_compiler
from tests.check_command import command, folder
from tests.kernel_objects import Machine
from tests.live import need_kernel
from tests.page_project import GOOD, QUOTES_THE_UAPI, ROOT

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.getuid() != 0, reason="only root can take things away"),
    pytest.mark.skipif(
        not (shutil.which("unshare") and shutil.which("setpriv")),
        reason="unshare(1) and setpriv(1) are not here; install util-linux",
    ),
]

NOBODY = 65534
TUN = "mknod $PLACE/tun c 10 200; chmod 666 $PLACE/tun; mount --bind $PLACE/tun /dev/net/tun"
"""A device for everybody, as udev makes it."""
ALL = (*CAPABILITIES, "CAP_DAC_READ_SEARCH")

NO_VETH = """
from kernel_impl.netlink.links import Links
from spec.errors import KernelError
def create(self, *_, **__):
    raise KernelError(95, "Unknown device type")
Links.create = create
"""
"""Stands in for a kernel built without: it refuses in these words (``rtnl_newlink``)."""
NO_TRACING = "from kernel_impl import tracefs; tracefs.SYS_FSOPEN = 9999"
"""Stands in for a kernel built without: no such file system can be mounted."""


class Place:
    """A folder with a page, which everybody can read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pages = folder(path, good=GOOD)

    def check(
        self, *arguments: str, without: str = "true", setup: str = "", user: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """The check in a mount namespace of its own, once the shell has done *without*.

        *user* are arguments of ``setpriv``; the check must leave nothing behind.
        """
        machine = Machine()
        run = ["setpriv", *user.split(), "--"] if user else []
        run += command("--pages", self.pages, *arguments, setup=setup)
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-ec", f'{without}; exec "$@"', "sh", *run],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PLACE": str(self.path), "HOME": str(self.path)},
        )
        assert machine.left_behind() == {}
        return done

    def line(self, *arguments: str, without: str = "true", setup: str = "", user: str = "") -> str:
        """The one line in which the check says what it lacks."""
        done = self.check(*arguments, without=without, setup=setup, user=user)
        assert (done.returncode, done.stdout) == (3, ""), done.stdout + done.stderr
        (line,) = done.stderr.splitlines()
        return line.removeprefix("xdpspec check: ")


@pytest.fixture
def place() -> Iterator[Place]:
    need_kernel()
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o777)
        yield Place(Path(path))


def nobody(*names: str) -> str:
    """Arguments of ``setpriv``: nobody, with the capabilities called *names* alone."""
    capabilities = ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in names)])
    identity = f"--reuid={NOBODY} --regid={NOBODY} --clear-groups"
    return f"{identity} --inh-caps={capabilities} --ambient-caps={capabilities}"


@pytest.fixture
def readable() -> None:
    """Skip where a checkout or its Python is hidden from everybody else."""
    test = ["setpriv", *nobody().split(), sys.executable, "-c", "import spec, click, cffi, sybil"]
    if subprocess.run(test, cwd=ROOT, capture_output=True).returncode:
        pytest.skip(f"user {NOBODY} can't read {ROOT} or {sys.executable}")


def test_with_everything_there_it_holds(place: Place) -> None:
    assert place.check().returncode == 0


def test_without_libbpf(place: Place) -> None:
    libbpf()
    maps = Path("/proc/self/maps").read_text().splitlines()
    (path,) = {
        line.split()[-1] for line in maps if Path(line.split()[-1]).name.startswith("libbpf")
    }
    line = place.line(without=f"mount --bind /dev/null {path}")
    assert line.startswith(f"{LIBRARY} can't be loaded: ")
    assert line.endswith(
        "; install libbpf1 (Debian, Ubuntu) or libbpf (Fedora, Arch), 1.0 or later"
    )


def test_with_a_libbpf_that_lacks_what_we_call(place: Place) -> None:
    compile_it = [*user_compiler().command, "-x", "c", "-", "-o", str(place.path / LIBRARY)]
    subprocess.run(compile_it, input="int libbpf_set_print;", text=True, check=True)
    line = place.line(without="export LD_LIBRARY_PATH=$PLACE")
    assert line.startswith(f"{LIBRARY} can't be loaded: it lacks bpf_map_create(); install libbpf1")


@pytest.mark.parametrize("absent", CAPABILITIES)
@pytest.mark.usefixtures("readable")
def test_without_a_capability(place: Place, absent: str) -> None:
    held = nobody(*(name for name in ALL if name != absent))
    line = place.line(without=TUN, user=held)
    assert line == f"not root and without {absent}; run as root (sudo), or add it"


@pytest.mark.usefixtures("readable")
def test_nobody_with_just_the_capabilities_can_check(place: Place) -> None:
    done = place.check(without=TUN, user=nobody(*ALL))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("readable")
def test_with_a_tun_that_is_not_for_this_user(place: Place) -> None:
    line = place.line(without=TUN.replace("666", "600"), user=nobody(*ALL))
    assert line == (
        f"/dev/net/tun can't be opened by user {NOBODY}; "
        "let it: chmod 666 /dev/net/tun, as udev does"
    )


@pytest.mark.usefixtures("readable")
def test_with_a_tracefs_that_is_not_for_this_user(place: Place) -> None:
    hide = f"{TUN}; mkdir -m 700 $PLACE/traces $PLACE/traces/events"
    hide += "; mount --bind $PLACE/traces /sys/kernel/tracing"
    line = place.line(without=hide, user=nobody(*CAPABILITIES))
    assert line.startswith(f"tracefs can't be read by user {NOBODY}; add CAP_DAC_READ_SEARCH, or ")


def test_with_few_open_files_the_soft_limit_is_raised(place: Place) -> None:
    assert place.check(without="ulimit -S -n 64").returncode == 0


def test_with_too_few_open_files(place: Place) -> None:
    line = place.line(without="ulimit -n 64")
    assert line.startswith("too few open files are allowed: EMFILE: ")
    assert line.endswith(" are needed, 64 allowed; ulimit -n 8192")


@pytest.mark.usefixtures("readable")
def test_with_too_little_locked_memory(place: Place) -> None:
    line = place.line(without=f"{TUN}; ulimit -l 64", user=nobody(*ALL))
    assert line == (
        "too little locked memory is allowed: EPERM: 4096 KiB are needed, 64 KiB allowed; "
        "ulimit -l 8192, or add CAP_IPC_LOCK"
    )


def test_without_tun(place: Place) -> None:
    line = place.line(without="mount -t tmpfs tmpfs /dev/net")
    assert line.startswith("/dev/net/tun can't be used: ENOENT; modprobe tun, or give the ")


def test_without_veth(place: Place) -> None:
    line = place.line(setup=NO_VETH)
    assert line == "no veth pair can be made: EOPNOTSUPP: Unknown device type; modprobe veth"


def test_without_tracefs(place: Place) -> None:
    hidden = "mount -t tmpfs tmpfs /sys/kernel/tracing; mount -t tmpfs tmpfs /sys/kernel/debug"
    line = place.line(without=hidden, setup=NO_TRACING)
    assert line == (
        "the xdp tracepoints can't be found: ENOSYS; mount -t tracefs tracefs /sys/kernel/tracing"
    )


def test_where_nobody_has_mounted_tracefs(place: Place) -> None:
    hidden = "mount -t tmpfs tmpfs /sys/kernel/tracing; mount -t tmpfs tmpfs /sys/kernel/debug"
    assert place.check(without=hidden).returncode == 0


def test_without_type_information_only_quoted_structures_cannot_be_told(place: Place) -> None:
    (place.pages / "good.rst").write_text(QUOTES_THE_UAPI)
    done = place.check(without="mount -t tmpfs tmpfs /sys/kernel/btf")
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("can't tell here"))
    assert "bpf_devmap_val  this kernel tells nothing of its types: " in line
    assert line.endswith("; boot a kernel with CONFIG_DEBUG_INFO_BTF=y")


def test_in_a_user_namespace(place: Place) -> None:
    inside = command("--pages", place.pages)
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", *inside], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (3, "")
    first, *_ = done.stderr.splitlines()
    assert "BPF is switched off here: EPERM; use a kernel with BPF, outside user names" in first


def test_with_a_proc_that_cannot_be_written_devices_are_as_quiet(place: Place) -> None:
    read_only = "mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys"
    done = place.check(without=read_only)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("size", ["4k", "512k"])
def test_with_a_full_disk(place: Place, size: str) -> None:
    full = f"mkdir $PLACE/small; mount -t tmpfs -o size={size} tmpfs $PLACE/small"
    full += "; export TMPDIR=$PLACE/small XDG_CACHE_HOME=$PLACE/small"
    done = place.check(without=full)
    assert (done.returncode, done.stdout) == (3, "")
    for line in done.stderr.splitlines():
        assert line.startswith(f"xdpspec check: {place.path}/small")
        assert line.endswith(": can't be written: No space left on device; make room there")


def test_with_an_evidence_folder_that_cannot_be_written(place: Place) -> None:
    read_only = "mkdir $PLACE/evidence; mount -t tmpfs -o ro tmpfs $PLACE/evidence"
    file = place.path / "evidence" / "mine.json"
    done = place.check("--evidence", str(file), without=read_only)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"xdpspec check: {file}: can't be written: Read-only file system; "
        "name a file in a folder with room that you may write\n"
    )
