"""Silhouettes of the home department."""

from __future__ import annotations

from random import Random

from shelfwise.demo.drawings.sketch import Sketch, Tone


def _shade(s: Sketch, top: float, bottom: float, narrow: float, wide: float) -> None:
    s.symmetric([(narrow, top), (wide, bottom), (0, bottom)])
    s.poly([(-narrow, top), (-narrow * 0.4, top), (-wide * 0.45, bottom), (-wide, bottom)], "light")
    s.line([(-wide, bottom), (wide, bottom)], 0.04, "dark")


def table_lamp(s: Sketch, rng: Random) -> None:
    """A shade over a bellied foot."""
    belly = rng.uniform(0.16, 0.34)
    s.symmetric([(0.06, -0.1), (belly, 0.3), (belly * 0.7, 0.7), (0.36, 0.82), (0, 0.82)], "accent")
    s.rect(-0.38, 0.76, 0.38, 0.86, "accent_dark", 0.04)
    _shade(s, -0.84, -0.06, rng.uniform(0.26, 0.42), rng.uniform(0.54, 0.68))


def floor_lamp(s: Sketch, rng: Random) -> None:
    """A small shade on a long pole, or on a tripod."""
    if rng.random() < 0.6:
        s.line([(0, -0.5), (0, 0.88)], 0.06, "metal")
        s.ellipse(0, 0.88, 0.34, 0.08, "ink")
    else:
        for x in (-0.4, 0.05, 0.4):
            s.line([(0, -0.4), (x, 0.92)], 0.06, "wood")
    _shade(s, -0.94, -0.46, rng.uniform(0.2, 0.28), rng.uniform(0.34, 0.44))


def pendant_lamp(s: Sketch, rng: Random) -> None:
    """A shade on a cable from above."""
    s.line([(0, -1.0), (0, -0.2)], 0.04, "ink")
    if rng.random() < 0.5:
        s.ellipse(0, 0.56, 0.2, 0.18, "white")
        s.ellipse(0, 0.46, 0.74, 0.72, "body", 180, 360)
        s.ellipse(0, 0.46, 0.74, 0.1, "dark")
    else:
        s.ellipse(0, 0.5, 0.18, 0.18, "white")
        s.symmetric([(0.1, -0.22), (0.2, 0.02), (0.72, 0.42), (0, 0.44)])
        s.line([(-0.7, 0.43), (0.7, 0.43)], 0.06, "dark")
    s.rect(-0.1, -0.36, 0.1, -0.2, "metal", 0.03)


def chair(s: Sketch, rng: Random) -> None:
    """Backrest, seat and four legs."""
    slats = rng.random() < 0.5
    s.line([(-0.44, 0.1), (-0.52, 0.9)], 0.08, "wood")
    s.line([(0.3, 0.1), (0.36, 0.74)], 0.07, "accent_dark")
    s.line([(-0.3, 0.1), (-0.3, 0.74)], 0.07, "accent_dark")
    s.line([(0.46, 0.12), (0.54, 0.9)], 0.08, "wood")
    if slats:
        s.line([(-0.42, 0.1), (-0.46, -0.9)], 0.09, "wood")
        s.line([(0.42, 0.1), (0.46, -0.9)], 0.09, "wood")
        for y in (-0.78, -0.5, -0.22):
            s.line([(-0.44, y), (0.44, y)], 0.11, "body")
    else:
        s.rect(-0.46, -0.9, 0.46, 0.1, "body", 0.2)
        s.rect(-0.34, -0.78, 0.34, 0.0, "light", 0.16)
    s.poly([(-0.46, 0.02), (0.46, 0.02), (0.58, 0.26), (-0.58, 0.26)], "dark")


def table(s: Sketch, rng: Random) -> None:
    """A top on legs, seen from slightly above."""
    if rng.random() < 0.65:
        for x0, x1, y in ((-0.6, -0.56, 0.5), (0.6, 0.56, 0.5), (-0.84, -0.88, 0.78), (0.84, 0.88, 0.78)):
            s.line([(x0, -0.1), (x1, y)], 0.09, "wood")
        s.poly([(-0.66, -0.34), (0.66, -0.34), (0.96, -0.02), (-0.96, -0.02)], "body")
        s.rect(-0.96, -0.02, 0.96, 0.1, "dark")
    else:
        s.line([(0, -0.1), (0, 0.66)], 0.14, "wood")
        s.ellipse(0, 0.72, 0.42, 0.12, "accent_dark")
        s.ellipse(0, -0.1, 0.92, 0.28, "dark")
        s.ellipse(0, -0.16, 0.92, 0.28, "body")


def bookcase(s: Sketch, rng: Random) -> None:
    """A frame with shelves and a few books."""
    half = rng.uniform(0.44, 0.6)
    s.rect(-half, -0.92, half, 0.92, "body", 0.03)
    shelves = rng.randint(3, 5)
    height = 1.72 / shelves
    for i in range(shelves):
        top = -0.86 + height * i
        bottom = top + height - 0.07
        s.rect(-half + 0.07, top, half - 0.07, bottom, "deep")
        x = -half + 0.1
        while x < half - 0.2 and rng.random() < 0.85:
            width = rng.uniform(0.06, 0.13)
            tone: Tone = rng.choice(("accent", "white", "light", "metal"))
            s.rect(x, top + rng.uniform(0.06, 0.16), x + width, bottom, tone)
            x += width + 0.015


def cushion(s: Sketch, rng: Random) -> None:
    """A square with soft drawn-in sides."""
    pinch = rng.uniform(0.06, 0.14)
    edge = 0.78
    s.poly(
        [
            (-edge, -edge),
            (0, -edge + pinch),
            (edge, -edge),
            (edge - pinch, 0),
            (edge, edge),
            (0, edge - pinch),
            (-edge, edge),
            (-edge + pinch, 0),
        ]
    )
    pattern = rng.random()
    if pattern < 0.35:
        for k in (-0.4, -0.13, 0.14, 0.41):
            s.line([(-0.58, k), (0.58, k)], 0.08, "accent")
    elif pattern < 0.65:
        s.poly([(0, -0.5), (0.5, 0), (0, 0.5), (-0.5, 0)], "accent")
        s.poly([(0, -0.3), (0.3, 0), (0, 0.3), (-0.3, 0)], "light")
    else:
        s.ellipse(0, 0, 0.07, 0.07, "deep")
        for x, y in ((0.4, 0.4), (-0.4, 0.4), (0.4, -0.4), (-0.4, -0.4)):
            s.line([(0.12 * x, 0.12 * y), (x, y)], 0.03, "dark")


def rug(s: Sketch, rng: Random) -> None:
    """A flat rectangle with fringes and borders, lying down."""
    lean = rng.uniform(0.05, 0.3)
    s.poly([(-0.9 + lean, -0.5), (0.9 - lean, -0.5), (0.94, 0.5), (-0.94, 0.5)])
    for i in range(16):
        x = -0.9 + 0.12 * i
        s.line([(x, 0.5), (x, 0.6)], 0.03, "white")
        s.line([(x * (0.9 - lean) / 0.9, -0.5), (x * (0.9 - lean) / 0.9, -0.58)], 0.03, "white")
    s.poly([(-0.76 + lean, -0.4), (0.76 - lean, -0.4), (0.78, 0.4), (-0.78, 0.4)], "accent")
    s.poly([(-0.66 + lean, -0.32), (0.66 - lean, -0.32), (0.66, 0.32), (-0.66, 0.32)], "dark")
    for x in (-0.4, 0.0, 0.4):
        s.poly([(x, -0.24), (x + 0.17, 0.0), (x, 0.24), (x - 0.17, 0.0)], "light")


def vase(s: Sketch, rng: Random) -> None:
    """A bellied vessel with a narrow neck, sometimes with flowers."""
    neck, belly = rng.uniform(0.1, 0.24), rng.uniform(0.38, 0.58)
    if rng.random() < 0.6:
        for x in (-0.3, 0.02, 0.32):
            s.line([(0, -0.2), (x, -0.74)], 0.03, "ink")
            s.ellipse(x, -0.78, 0.12, 0.12, "accent")
    s.symmetric(
        [
            (neck + 0.06, -0.38),
            (neck, -0.22),
            (belly, 0.26),
            (belly * 0.9, 0.54),
            (belly * 0.55, 0.84),
            (0, 0.86),
        ]
    )
    s.ellipse(0, -0.38, neck + 0.06, 0.05, "deep")
    s.poly([(-belly * 0.7, 0.2), (-belly * 0.45, 0.2), (-belly * 0.4, 0.56), (-belly * 0.62, 0.5)], "light")
    if rng.random() < 0.4:
        s.line([(-belly * 0.97, 0.3), (belly * 0.97, 0.3)], 0.08, "dark")


DRAWINGS = {
    "table_lamp": table_lamp,
    "floor_lamp": floor_lamp,
    "pendant_lamp": pendant_lamp,
    "chair": chair,
    "table": table,
    "bookcase": bookcase,
    "cushion": cushion,
    "rug": rug,
    "vase": vase,
}
