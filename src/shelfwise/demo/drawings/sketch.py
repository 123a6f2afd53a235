"""What silhouettes are drawn with: shapes in a unit square, in tones that a product's colours fill in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

Point = tuple[float, float]
Tone = Literal[
    "body",
    "light",
    "dark",
    "deep",
    "accent",
    "accent_dark",
    "metal",
    "steel",
    "wood",
    "white",
    "ink",
    "glass",
    "hole",
]
"""body, light, dark and deep are shades of the product's colour; hole cuts through to the background."""


@dataclass(frozen=True)
class Shape:
    """One filled polygon. Points lie in [-1, 1]², x to the right and y down."""

    points: tuple[Point, ...]
    tone: Tone


@dataclass
class Sketch:
    """A drawing as polygons, bottom one first, so that turning and scaling it costs no sharpness."""

    shapes: list[Shape] = field(default_factory=list)

    def poly(self, points: Sequence[Point], tone: Tone = "body") -> None:
        """A filled polygon."""
        self.shapes.append(Shape(tuple(points), tone))

    def symmetric(self, right_half: Sequence[Point], tone: Tone = "body") -> None:
        """A polygon given by the right half of its outline, from top to bottom, mirrored at x = 0."""
        self.poly([*right_half, *((-x, y) for x, y in reversed(right_half))], tone)

    def ellipse(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        tone: Tone = "body",
        start: float = 0,
        end: float = 360,
    ) -> None:
        """A filled ellipse, or its segment between two angles (degrees, clockwise from 3 o'clock)."""
        self.poly(arc(x, y, rx, ry, start, end), tone)

    def rect(
        self, x0: float, y0: float, x1: float, y1: float, tone: Tone = "body", radius: float = 0.0
    ) -> None:
        """A filled rectangle with rounded corners."""
        if radius <= 0:
            self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], tone)
            return
        left, right, top, bottom = x0 + radius, x1 - radius, y0 + radius, y1 - radius
        corners = ((right, top, 270), (right, bottom, 0), (left, bottom, 90), (left, top, 180))
        points = [p for x, y, start in corners for p in arc(x, y, radius, radius, start, start + 90, steps=5)]
        self.poly(points, tone)

    def line(self, points: Sequence[Point], width: float, tone: Tone = "dark") -> None:
        """A line of the given width with round ends and joints."""
        half = width / 2
        for (x0, y0), (x1, y1) in pairwise(points):
            length = math.hypot(x1 - x0, y1 - y0) or 1.0
            nx, ny = -(y1 - y0) / length * half, (x1 - x0) / length * half
            self.poly([(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)], tone)
        for x, y in points:
            self.poly(arc(x, y, half, half, 0, 360, steps=10), tone)

    def ring(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        width: float,
        tone: Tone = "body",
        start: float = 0,
        end: float = 360,
    ) -> None:
        """The outline of an ellipse, or a part of it, as a band of the given width."""
        outer = arc(x, y, rx, ry, start, end, steps=40)
        inner = arc(x, y, rx - width, ry - width, start, end, steps=40)
        self.poly([*outer, *reversed(inner)], tone)


def arc(
    x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360, steps: int = 32
) -> list[Point]:
    """Points on an ellipse from one angle to another (degrees, clockwise from 3 o'clock, y down).

    >>> [(round(px), round(py)) for px, py in arc(0, 0, 1, 1, 0, 180, steps=2)]
    [(1, 0), (0, 1), (-1, 0)]
    """
    angles = (math.radians(start + (end - start) * i / steps) for i in range(steps + 1))
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]
