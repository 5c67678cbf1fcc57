# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Draws the devices of a lab: taps with their open ends, veth pairs, the loopback device."""

from __future__ import annotations

from dataclasses import dataclass

from executed_pages.svg import Canvas, text_width

WIDE, NARROW = 660.0, 340.0
"""Room for the drawing on a desk and on a phone, in CSS pixels."""

FAR_ENDS, _FAR_ENDS = "held by the page", 100.0
"""What the far ends of taps are, and the room that takes."""

_MARGIN, _GAP, _BOX, _PAIR = 16.0, 18.0, 34.0, 46.0


@dataclass(frozen=True)
class Device:
    """A tap, or with a *peer* a veth pair."""

    name: str
    peer: str = ""

    @property
    def width(self) -> float:
        if self.peer:
            return _box_width(self.name) + _PAIR + _box_width(self.peer)
        return _box_width(self.name)

    @property
    def open(self) -> bool:
        """Whether it has a far end that the page holds."""
        return not self.peer and self != LOOPBACK


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
    """SVG of the namespace: devices in a row where there is room, one below the other elsewhere."""
    width = _full_width((*devices, LOOPBACK))
    if width <= NARROW:
        return _draw_row(devices, "lab-drawing")
    column = _draw_column(devices, "lab-drawing narrow" if width <= WIDE else "lab-drawing")
    return _draw_row(devices, "lab-drawing wide") + column if width <= WIDE else column


def _box_width(name: str) -> float:
    return max(62.0, text_width(name, 13) + 24)


def _row_width(devices: tuple[Device, ...]) -> float:
    """Width of the namespace with these devices side by side."""
    return 2 * _MARGIN + sum(device.width + _GAP for device in devices) - _GAP


def _full_width(devices: tuple[Device, ...]) -> float:
    """Width of the drawing: words at the last open end may stick out of the namespace."""
    x, end = _MARGIN, 0.0
    for device in devices:
        if device.open:
            end = x + device.width / 2 + 12 + _FAR_ENDS
        x += device.width + _GAP
    return max(_row_width(devices), end)


def _draw_box(canvas: Canvas, name: str, x: float, y: float, width: float) -> None:
    canvas.rect(x, y, width, _BOX, "device")
    canvas.text(x + width / 2, y + 21.5, name, "name")


def _finish(
    canvas: Canvas, width: float, height: float, style: str, devices: tuple[Device, ...]
) -> str:
    return canvas.svg(width, height, style, "Devices of this lab", describe(devices))


# In a row, open ends below.


def _draw_row(devices: tuple[Device, ...], style: str) -> str:
    canvas = Canvas()
    width, height = _row_width((*devices, LOOPBACK)), 86.0
    canvas.rect(0.5, 0.5, width - 1, 84, "namespace", 10)
    x, y, end = _MARGIN, 16.0, 0.0
    for device in (*devices, LOOPBACK):
        middle = x + device.width / 2
        if device.peer:
            _draw_pair(canvas, device, x, y)
        else:
            _draw_box(canvas, device.name, x, y, device.width)
        if device == LOOPBACK:
            canvas.path(f"M{middle - 12:g} {y + _BOX:g}v8a12 10 0 0 0 24 0v-8", "wire")
        elif device.open:
            canvas.path(f"M{middle:g} {y + _BOX:g}V104", "wire")
            canvas.circle(middle, 108.5, 4.5, "open-end")
            canvas.text(middle + 9, y + _BOX + 21, "tap", "kind", "start")
            end, height = middle, 118.0
        x += device.width + _GAP
    if end:
        canvas.text(end + 12, 103, FAR_ENDS, "kind", "start")
    return _finish(canvas, _full_width((*devices, LOOPBACK)), height, style, devices)


def _draw_pair(canvas: Canvas, device: Device, x: float, y: float) -> None:
    left, right = _box_width(device.name), _box_width(device.peer)
    _draw_box(canvas, device.name, x, y, left)
    _draw_box(canvas, device.peer, x + left + _PAIR, y, right)
    start, end = x + left / 2, x + left + _PAIR + right / 2
    canvas.path(f"M{start:g} {y + _BOX:g}v14q0 6 6 6H{end - 6:g}q6 0 6 -6v-14", "wire")
    canvas.text((start + end) / 2, y + _BOX + 15, "veth", "kind")


# In a column, open ends to the right.


def _draw_column(devices: tuple[Device, ...], style: str) -> str:
    canvas = Canvas()
    shown = (*devices, LOOPBACK)
    box = max(_box_width(name) for device in shown for name in (device.name, device.peer))
    edge = _MARGIN + box + 52
    pitch = _BOX + 10
    count = sum(2 if device.peer else 1 for device in shown)
    height = 2 * _MARGIN + count * pitch - 10
    canvas.rect(0.5, 0.5, edge, height - 1, "namespace", 10)
    x, y, end = _MARGIN + box, _MARGIN, 0.0
    for device in shown:
        middle = y + _BOX / 2
        _draw_box(canvas, device.name, _MARGIN, y, box)
        if device.peer:
            y += pitch
            _draw_box(canvas, device.peer, _MARGIN, y, box)
            canvas.path(f"M{x:g} {middle:g}h8q6 0 6 6v{pitch - 12:g}q0 6 -6 6h-8", "wire")
            canvas.text(x + 18, middle + pitch / 2 + 4, "veth", "kind", "start")
        elif device == LOOPBACK:
            canvas.path(f"M{x:g} {middle - 10:g}h8a10 10 0 0 1 0 20h-8", "wire")
        else:
            canvas.path(f"M{x:g} {middle:g}H{edge + 18:g}", "wire")
            canvas.circle(edge + 22.5, middle, 4.5, "open-end")
            canvas.text(x + 14, middle - 5, "tap", "kind", "start")
            end = middle
        y += pitch
    if end:
        canvas.text(edge + 34, end + 4, FAR_ENDS, "kind", "start")
    return _finish(canvas, edge + (34 + _FAR_ENDS if end else 1), height, style, devices)
