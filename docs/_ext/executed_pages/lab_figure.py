# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Draws the devices of a lab: taps with their open ends, veth pairs, the loopback device."""

from __future__ import annotations

from dataclasses import dataclass

from executed_pages.svg import Canvas, text_width

WIDE, NARROW = 660.0, 330.0
"""Room for the drawing on a desk and on a phone, in CSS pixels."""

_MARGIN, _GAP, _BOX, _ROW = 16.0, 18.0, 34.0, 118.0


@dataclass(frozen=True)
class Device:
    """A tap, or with a *peer* a veth pair."""

    name: str
    peer: str = ""

    @property
    def width(self) -> float:
        if self.peer:
            return _box_width(self.name) + 46 + _box_width(self.peer)
        return _box_width(self.name)


LOOPBACK = Device("lo")


def parse_devices(text: str) -> tuple[Device, ...]:
    """``"eth0 veth0--veth1"`` as a tap and a veth pair."""
    return tuple(Device(*word.split("--", 1)) for word in text.split())


def describe(devices: tuple[Device, ...]) -> str:
    """The devices in a sentence, for those who do not see the drawing."""
    taps = [device.name for device in devices if not device.peer]
    pairs = [f"{device.name} linked to {device.peer}" for device in devices if device.peer]
    parts = []
    if taps:
        parts.append(f"the tap device{'s' * (len(taps) > 1)} {', '.join(taps)}")
    if pairs:
        parts.append(f"the veth pair{'s' * (len(pairs) > 1)} {', '.join(pairs)}")
    return f"A network namespace with {' and '.join([*parts, 'the loopback device lo'])}."


def draw(devices: tuple[Device, ...]) -> str:
    """SVG of the namespace, once for wide pages and, where that is too wide, for narrow ones."""
    shown = (*devices, LOOPBACK)
    wide, narrow = _rows(shown, WIDE), _rows(shown, NARROW)
    if wide == narrow:
        return _draw_rows(wide, devices, "lab-drawing")
    return _draw_rows(wide, devices, "lab-drawing wide") + _draw_rows(
        narrow, devices, "lab-drawing narrow"
    )


def _box_width(name: str) -> float:
    return max(62.0, text_width(name, 13) + 24)


def _rows(devices: tuple[Device, ...], room: float) -> list[list[Device]]:
    rows: list[list[Device]] = [[]]
    x = _MARGIN
    for device in devices:
        if rows[-1] and x + device.width + _MARGIN > room:
            rows.append([])
            x = _MARGIN
        rows[-1].append(device)
        x += device.width + _GAP
    return rows


def _draw_rows(rows: list[list[Device]], devices: tuple[Device, ...], style: str) -> str:
    canvas = Canvas()
    width = 2 * _MARGIN + max(
        sum(device.width for device in row) + _GAP * (len(row) - 1) for row in rows
    )
    for number, row in enumerate(rows):
        y = number * _ROW
        canvas.rect(0.5, y + 0.5, width - 1, 84, "namespace", 10)
        x = _MARGIN
        for device in row:
            _draw_device(canvas, device, x, y + 16)
            x += device.width + _GAP
    height = (len(rows) - 1) * _ROW + 90
    if any(_is_tap(device) for device in rows[-1]):
        height = len(rows) * _ROW
        width = max(width, _label_open_ends(canvas, rows[-1], height - 15))
    return canvas.svg(width, height, style, "Devices of this lab", describe(devices))


def _is_tap(device: Device) -> bool:
    return device != LOOPBACK and not device.peer


def _label_open_ends(canvas: Canvas, row: list[Device], y: float) -> float:
    """Say what the open ends of the last row are; the width that this takes."""
    x = _MARGIN
    for device in row:
        if _is_tap(device):
            end = x + device.width / 2
        x += device.width + _GAP
    canvas.text(end + 12, y, "far ends, held by the page", "kind", "start")
    return end + 170


def _draw_device(canvas: Canvas, device: Device, x: float, y: float) -> None:
    if device.peer:
        _draw_pair(canvas, device, x, y)
        return
    middle = x + device.width / 2
    _draw_box(canvas, device.name, x, y)
    if device == LOOPBACK:
        canvas.path(f"M{middle - 12:g} {y + _BOX:g}v8a12 10 0 0 0 24 0v-8", "wire")
        return
    canvas.path(f"M{middle:g} {y + _BOX:g}V{y + 88:g}", "wire")
    canvas.circle(middle, y + 92.5, 4.5, "open-end")
    canvas.text(middle + 9, y + _BOX + 21, "tap", "kind", "start")


def _draw_pair(canvas: Canvas, device: Device, x: float, y: float) -> None:
    left, right = _box_width(device.name), _box_width(device.peer)
    _draw_box(canvas, device.name, x, y)
    _draw_box(canvas, device.peer, x + left + 46, y)
    start, end = x + left / 2, x + left + 46 + right / 2
    canvas.path(f"M{start:g} {y + _BOX:g}v14q0 6 6 6H{end - 6:g}q6 0 6 -6v-14", "wire")
    canvas.text((start + end) / 2, y + _BOX + 15, "veth", "kind")


def _draw_box(canvas: Canvas, name: str, x: float, y: float) -> None:
    width = _box_width(name)
    canvas.rect(x, y, width, _BOX, "device")
    canvas.text(x + width / 2, y + 21.5, name, "name")
