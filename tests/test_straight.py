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


def blind_programs() -> dict[str, str]:
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


@pytest.fixture
def blind(compile_bpf: Callable[..., Path]) -> Path:
    return compile_bpf(source(blind_programs()), "blind")


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
        program = self.loaded.programs[chance.choice(sorted(blind_programs()))]
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
@pytest.mark.parametrize("seed", range(4))
def test_the_straight_way_and_the_plain_way_agree(
    release: str, seed: int, blind: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, plain = World(release, blind), World(release, blind)
    one, other = random.Random(seed), random.Random(seed)
    for turn in range(150):
        seen = straight.turn(one)
        with monkeypatch.context() as patch:
            patch.setattr(taps, "has_straight_way", lambda program: False)  # noqa: ARG005
            assert plain.turn(other) == seen, f"turn {turn}"


@pytest.mark.parametrize(
    ("release", "text", "goes_straight"),
    [
        ("6.18", "return bpf_redirect_map(&slots, ctx->rx_queue_index, 0);", True),
        ("6.10", "return bpf_redirect_map(&slots, ctx->rx_queue_index, 0);", False),
        ("6.18", "return bpf_redirect_map(&slots, ctx->data_end - ctx->data - 60, 0);", False),
    ],
)
def test_only_who_is_blind_to_the_packet_and_the_past_goes_straight(
    release: str, text: str, goes_straight: bool, compile_bpf: Callable[..., Path]
) -> None:
    lab = ModelLab(release=release)
    loaded = lab.load(compile_bpf(source({"program": text}), "straight"))
    ingress, egress = lab.tap("in"), lab.tap("out")
    loaded.maps["slots"].update(0, egress)
    ingress.attach(loaded.programs["program"])
    assert isinstance(ingress, taps.Tap)
    assert (ingress.arrive != ingress.inject) == goes_straight
    ingress.receive(bytes(60))
    assert egress.sent == [bytes(60)]
