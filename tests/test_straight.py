# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The straight way from tap to tap leads where the plain one does, whatever happens."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from spec import ModelLab
from spec.devices import tap as taps
from spec.errors import KernelError
from spec.lab import Device, LoadedObject

KEYS = range(6)
FLAGS = (0, 1, 2, 3, 4, 8, 24)
"""Verdicts of a miss, a flag that there is not, broadcasts."""
RELEASES = ("6.11", "6.18", "7.2")
TAPS = 4

MAP = """
struct {{
    __uint(type, BPF_MAP_TYPE_{type});
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
}} {name} SEC(".maps");
"""

PROGRAM = """
SEC("{section}")
int {name}(struct xdp_md *ctx)
{{
    {text}
}}
"""


def source(texts: dict[str, str]) -> str:
    """A program for each text, by name, and two for entries."""
    maps = MAP.format(type="DEVMAP", name="slots") + MAP.format(type="DEVMAP_HASH", name="keys")
    programs = [PROGRAM.format(section="xdp", name=name, text=texts[name]) for name in texts]
    programs += [
        PROGRAM.format(section="xdp/devmap", name=f"entry_{act}", text=f"return XDP_{act};")
        for act in ("PASS", "DROP")
    ]
    head = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
    return head + maps + "".join(programs) + 'char LICENSE[] SEC("license") = "GPL";\n'


def blind() -> dict[str, str]:
    """All ways to ask for a map's entry, and verdicts that are not what was asked for."""
    texts = {
        f"{map}_{key}_{flags}": f"return bpf_redirect_map(&{map}, {key}, {flags});"
        for map in ("slots", "keys")
        for key in KEYS
        for flags in FLAGS
    }
    asks = "bpf_redirect_map(&slots, ctx->rx_queue_index, 0);"
    for verdict in (*range(6), 77):
        texts[f"says_{verdict}"] = f"return {verdict};"
        texts[f"asks_and_says_{verdict}"] = f"{asks} return {verdict};"
    texts["to_a_device"] = "return bpf_redirect(ctx->ingress_ifindex + 1, 0);"
    texts["misses_after_all"] = f"{asks} return bpf_redirect_map(&slots, 9, 0) + 4;"
    texts["asks_twice"] = f"{asks} return bpf_redirect_map(&keys, 1, 0);"
    return texts


LOOK = """void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    if (data + 14 > end)
        return XDP_ABORTED;
    """


def seeing() -> dict[str, str]:
    """Programs that look at the packet, write to it, or make it longer or shorter at either end."""
    ask = "return bpf_redirect_map(&slots, 0, 0);"
    texts = {
        f"moves_{end}_{number}": f"bpf_xdp_adjust_{end}(ctx, {offset}); {ask}"
        for end in ("head", "tail", "meta")
        for number, offset in enumerate((-252, -64, -8, 4, 20))
    }
    texts["writes"] = f"{LOOK}*(char *)data = 1; {ask}"
    texts["writes_and_passes"] = f"{LOOK}*(char *)data = 1; return XDP_PASS;"
    texts["looks"] = f"{LOOK}return bpf_redirect_map(&keys, *(char *)data, 1);"
    return texts


@pytest.fixture
def everything(compile_bpf: Callable[..., Path]) -> Path:
    return compile_bpf(source(blind() | seeing()), "straight")


class World:
    """Four taps and a veth, to which chance does what it does to any other world."""

    def __init__(self, release: str, path: Path) -> None:
        self.lab = ModelLab(release=release)
        self.loaded: LoadedObject = self.lab.load(path)
        self.devices: list[Device] = [self.lab.tap(f"tap{number}") for number in range(TAPS)]
        self.devices.append(self.lab.veth("veth"))

    def turn(self, chance: random.Random) -> object:
        """Something happens; what can be seen of it."""
        happens = chance.choice([self.store, self.store, self.change, self.attach, self.attach])
        try:
            happens(chance)
            seen = self.arrive(chance)
        except KernelError as error:
            seen = str(error)
        return seen, [device.counters for device in self.devices]

    def store(self, chance: random.Random) -> None:
        """Another device in an entry, perhaps with a program."""
        map = self.loaded.maps[chance.choice(["slots", "keys"])]
        key, device = chance.choice(KEYS), chance.choice(self.devices)
        entry = chance.choice(["", "", "", "entry_PASS", "entry_DROP"])
        map.update(key, (device, self.loaded.programs[entry]) if entry else device)

    def change(self, chance: random.Random) -> None:
        """A device goes down, comes up or has another MTU."""
        device = chance.choice(self.devices)
        chance.choice([device.up, device.up, device.down])()
        device.mtu = chance.choice([68, 500, 1500, 1500])

    def attach(self, chance: random.Random) -> None:
        """Another program, or none."""
        device = chance.choice(self.devices[:TAPS])
        program = self.loaded.programs[chance.choice(sorted(chance.choice([blind, seeing])()))]
        if chance.random() < 0.1:
            device.detach()
        else:
            device.attach(program)

    def arrive(self, chance: random.Random) -> object:
        """Frames arrive at one tap after the other: short, long, and now and then very many."""
        burst = chance.choices([1, 3, 1001], [45, 45, 5])[0]
        frame = bytes(chance.choice([13, 14, 60, 60, 500, 1518, 1519, 3456, 3457]))
        seen = []
        for device in self.devices[:TAPS]:
            events = device.receive(*[frame] * burst)
            frames = [(each.sent, each.received) for each in self.devices]
            seen.append((list(events), repr(events), frames))
        return seen


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("seed", range(2))
def test_the_straight_way_and_the_plain_way_agree(
    release: str, seed: int, everything: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, plain = World(release, everything), World(release, everything)
    one, other = random.Random(seed), random.Random(seed)
    for turn in range(120):
        seen = straight.turn(one)
        with monkeypatch.context() as patch:
            patch.setattr(taps, "has_straight_way", lambda program: False)  # noqa: ARG005
            assert plain.turn(other) == seen, f"turn {turn}"


@pytest.mark.parametrize(("release", "goes_straight"), [("6.10", False), ("6.11", True)])
def test_a_cpu_that_remembers_the_last_wish_has_no_straight_way(
    release: str, goes_straight: bool, everything: Path
) -> None:
    lab = ModelLab(release=release)
    loaded = lab.load(everything)
    ingress, egress = lab.tap("in"), lab.tap("out")
    loaded.maps["slots"].update(0, egress)
    assert isinstance(ingress, taps.Tap)
    for name in ("slots_0_0", "writes"):
        ingress.attach(loaded.programs[name])
        assert (ingress.arrive != ingress.inject) == goes_straight
        ingress.receive(bytes(60))
        assert len(egress.sent) == 1
    ingress.detach()
    assert ingress.arrive == ingress.inject
