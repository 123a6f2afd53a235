"""Silhouettes of the clothing department."""

from __future__ import annotations

from random import Random

from shelfwise.demo.drawings.sketch import Sketch


def t_shirt(s: Sketch, rng: Random) -> None:
    """Short sleeves, round neck, sometimes a print or a stripe."""
    sleeve = rng.uniform(0.02, 0.22)
    waist = rng.uniform(0.44, 0.54)
    right = [
        (0.2, -0.72),
        (0.5, -0.62),
        (0.92, -0.25 + sleeve),
        (0.68, 0.0 + sleeve),
        (0.5, -0.18),
        (waist, 0.78),
    ]
    s.symmetric(right)
    s.poly([(0.5, -0.18), (0.68, 0.0 + sleeve), (0.72, -0.04 + sleeve), (0.5, -0.3)], "dark")
    s.poly([(-0.5, -0.18), (-0.68, 0.0 + sleeve), (-0.72, -0.04 + sleeve), (-0.5, -0.3)], "dark")
    s.ellipse(0, -0.72, 0.25, 0.2, "dark", 0, 180)
    s.ellipse(0, -0.74, 0.19, 0.14, "hole", 0, 180)
    decor = rng.random()
    if decor < 0.25:
        s.ellipse(0, -0.05, 0.2, 0.2, "accent")
    elif decor < 0.5:
        s.rect(-0.5, 0.0, 0.5, 0.14, "accent")


def shirt(s: Sketch, rng: Random) -> None:
    """Long sleeves, collar, button row, breast pocket."""
    cuff = rng.uniform(0.5, 0.68)
    s.symmetric(
        [(0.16, -0.75), (0.46, -0.64), (0.86, cuff - 0.04), (0.64, cuff + 0.06), (0.46, -0.1), (0.46, 0.72)]
    )
    s.symmetric([(0, 0.66), (0.46, 0.72), (0.34, 0.84), (0, 0.8)])
    for side in (-1, 1):
        s.line([(side * 0.84, cuff - 0.1), (side * 0.65, cuff - 0.02)], 0.05, "dark")
        s.poly([(0, -0.55), (side * 0.2, -0.82), (side * 0.3, -0.66), (side * 0.12, -0.42)], "light")
        s.line([(0, -0.55), (side * 0.12, -0.42), (side * 0.3, -0.66)], 0.025, "deep")
    s.line([(0, -0.5), (0, 0.78)], 0.03, "dark")
    for i in range(5):
        s.ellipse(0.05, -0.32 + 0.23 * i, 0.032, 0.032, "white")
    if rng.random() < 0.6:
        s.rect(0.15, -0.25, 0.38, 0.02, "dark", 0.04)


def sweater(s: Sketch, rng: Random) -> None:
    """Long wide sleeves, ribbed cuffs and hem, knit rows."""
    cuff = rng.uniform(0.45, 0.62)
    s.symmetric([(0.18, -0.68), (0.52, -0.56), (0.94, cuff), (0.68, cuff + 0.14), (0.54, 0.0), (0.54, 0.68)])
    s.rect(-0.54, 0.58, 0.54, 0.76, "dark", 0.03)
    s.rect(-0.22, -0.8, 0.22, -0.6, "dark", 0.08)
    for side in (-1, 1):
        s.poly(
            [
                (side * 0.95, cuff - 0.02),
                (side * 0.92, cuff + 0.14),
                (side * 0.66, cuff + 0.26),
                (side * 0.66, cuff + 0.08),
            ],
            "dark",
        )
    for i in range(rng.randint(2, 4)):
        y = -0.3 + 0.24 * i
        zigzag = [(-0.46 + 0.115 * k, y + (0.05 if k % 2 else -0.02)) for k in range(9)]
        s.line(zigzag, 0.04, "accent" if i == 1 else "light")


def trousers(s: Sketch, rng: Random) -> None:
    """Two long straight legs under a waistband."""
    hem = rng.uniform(0.36, 0.52)
    s.symmetric([(0.38, -0.86), (hem, 0.9), (hem - 0.26, 0.9), (0.0, -0.2)])
    s.rect(-0.39, -0.92, 0.39, -0.78, "dark", 0.03)
    s.line([(0, -0.78), (0, -0.26)], 0.03, "deep")
    for side in (-1, 1):
        s.line([(side * 0.2, -0.6), (side * (hem - 0.13), 0.84)], 0.02, "dark")
        s.line([(side * 0.38, -0.55), (side * 0.26, -0.76)], 0.03, "deep")
    s.ellipse(0, -0.85, 0.04, 0.04, "metal")


def shorts(s: Sketch, rng: Random) -> None:
    """As trousers, cut above the knee."""
    hem = rng.uniform(0.58, 0.74)
    length = rng.uniform(0.3, 0.5)
    s.symmetric([(0.46, -0.56), (hem, length), (0.08, length + 0.06), (0.0, 0.0)])
    s.rect(-0.47, -0.66, 0.47, -0.48, "dark", 0.04)
    for side in (-1, 1):
        s.line([(side * 0.06, -0.5), (side * 0.1, -0.26)], 0.035, "white")
        s.line([(side * 0.5, -0.2), (side * 0.36, -0.44)], 0.03, "deep")
        s.line([(side * hem, length - 0.08), (side * 0.09, length - 0.02)], 0.035, "dark")


def skirt(s: Sketch, rng: Random) -> None:
    """A flared panel with pleats under a waistband."""
    hem = rng.uniform(0.66, 0.88)
    s.symmetric([(0.3, -0.6), (hem, 0.6), (hem * 0.55, 0.7), (0, 0.72)])
    s.rect(-0.31, -0.72, 0.31, -0.54, "dark", 0.03)
    for k in (-0.6, -0.3, 0.0, 0.3, 0.6):
        s.line([(0.3 * k, -0.5), (hem * k, 0.64)], 0.03, "dark")
    if rng.random() < 0.4:
        s.line([(-hem + 0.05, 0.52), (0, 0.63), (hem - 0.05, 0.52)], 0.06, "accent")


def sneaker(s: Sketch, rng: Random) -> None:
    """A low shoe from the side: thick sole, laces, stripe."""
    sole = rng.uniform(0.14, 0.24)
    s.poly(
        [
            (-0.86, 0.3),
            (-0.84, -0.3),
            (-0.7, -0.36),
            (-0.5, -0.22),
            (-0.22, -0.36),
            (-0.05, -0.42),
            (0.2, -0.06),
            (0.6, 0.06),
            (0.86, 0.18),
            (0.92, 0.34),
        ]
    )
    s.poly([(0.5, 0.34), (0.52, 0.06), (0.86, 0.18), (0.94, 0.34)], "light")
    s.rect(-0.92, 0.3, 0.96, 0.3 + sole, "white", 0.07)
    s.line([(-0.9, 0.28 + sole), (0.94, 0.28 + sole)], 0.05, "deep")
    for i in range(4):
        s.line([(-0.14 + 0.11 * i, -0.32 + 0.1 * i), (-0.24 + 0.12 * i, -0.12 + 0.08 * i)], 0.045, "white")
    s.line([(-0.5, 0.26), (-0.32, -0.04), (-0.2, 0.26)], 0.07, "accent")
    s.line([(-0.82, -0.3), (-0.72, -0.34)], 0.08, "dark")


def boot(s: Sketch, rng: Random) -> None:
    """A high shaft over a heeled sole."""
    top = rng.uniform(-0.86, -0.6)
    s.poly([(-0.52, top), (0.14, top), (0.16, -0.02), (0.44, 0.18), (0.74, 0.34), (0.78, 0.6), (-0.56, 0.6)])
    s.poly([(-0.58, 0.56), (0.8, 0.56), (0.82, 0.7), (-0.16, 0.72), (-0.18, 0.84), (-0.58, 0.84)], "ink")
    s.rect(-0.54, top - 0.04, 0.16, top + 0.1, "dark", 0.04)
    if rng.random() < 0.5:
        s.poly([(-0.3, top + 0.1), (-0.1, top + 0.1), (-0.16, 0.1), (-0.26, 0.1)], "deep")
    else:
        for i in range(4):
            s.line([(-0.02, -0.4 + 0.15 * i), (0.16, -0.36 + 0.15 * i)], 0.045, "accent")
    s.line([(0.34, 0.56), (0.36, 0.36), (0.5, 0.24)], 0.03, "dark")


def sandal(s: Sketch, rng: Random) -> None:
    """A flat sole with straps over an open foot."""
    s.poly(
        [
            (-0.88, 0.26),
            (-0.3, 0.3),
            (0.2, 0.36),
            (0.86, 0.3),
            (0.92, 0.4),
            (0.86, 0.5),
            (-0.84, 0.5),
            (-0.92, 0.38),
        ],
        "wood",
    )
    s.line([(-0.86, 0.5), (0.86, 0.5)], 0.07, "ink")
    lean = rng.uniform(-0.05, 0.12)
    s.poly([(0.2, 0.36), (0.3 + lean, -0.08), (0.62 + lean, 0.02), (0.72, 0.34)])
    s.poly([(0.26, 0.34), (0.34 + lean, 0.0), (0.44 + lean, 0.03), (0.42, 0.35)], "dark")
    s.line([(-0.78, 0.3), (-0.74, -0.26)], 0.13, "body")
    s.line([(-0.74, -0.24), (-0.3, -0.2), (0.2, 0.28)], 0.11, "body")
    s.ellipse(-0.34, -0.2, 0.08, 0.08, "metal")
    if rng.random() < 0.5:
        s.line([(-0.2, 0.3), (-0.06, 0.0)], 0.1, "dark")


def hat(s: Sketch, rng: Random) -> None:
    """A crown with a band over a wide brim."""
    brim = rng.uniform(0.8, 0.96)
    height = rng.uniform(0.45, 0.62)
    s.ellipse(0, 0.3, brim, 0.22, "dark")
    s.ellipse(0, 0.26, brim, 0.19)
    s.poly(
        [
            (-0.48, 0.26),
            (-0.42, 0.26 - height),
            (-0.2, 0.2 - height - 0.1),
            (0, 0.26 - height),
            (0.2, 0.2 - height - 0.1),
            (0.42, 0.26 - height),
            (0.48, 0.26),
        ]
    )
    s.ellipse(0, 0.26, 0.48, 0.12, "body", 0, 180)
    s.poly(
        [(-0.48, 0.1), (0.48, 0.1), (0.48, 0.27), (0.3, 0.35), (0, 0.38), (-0.3, 0.35), (-0.48, 0.27)],
        "accent",
    )


def handbag(s: Sketch, rng: Random) -> None:
    """A trapezoid body with two handles and a clasp."""
    width = rng.uniform(0.56, 0.72)
    grip = rng.uniform(0.42, 0.62)
    s.ring(0, -0.1, 0.4, grip + 0.1, 0.08, "deep", 180, 360)
    s.ring(0.06, -0.1, 0.34, grip, 0.07, "dark", 180, 360)
    s.symmetric([(width, -0.14), (width + 0.14, 0.72), (0, 0.76)])
    flap = rng.uniform(0.12, 0.36)
    s.symmetric([(width, -0.16), (width + 0.04, flap - 0.1), (0, flap + 0.08)], "dark")
    s.rect(-0.09, flap - 0.06, 0.09, flap + 0.12, "metal", 0.04)
    s.line([(-width - 0.08, 0.66), (width + 0.08, 0.66)], 0.025, "deep")


def sunglasses(s: Sketch, rng: Random) -> None:
    """Two dark lenses on a bridge."""
    round_lens = rng.random() < 0.5
    s.line([(-0.86, -0.16), (-0.95, 0.06)], 0.08, "deep")
    s.line([(0.86, -0.16), (0.95, 0.06)], 0.08, "deep")
    s.line([(-0.86, -0.18), (0.86, -0.18)], 0.09, "body")
    for side in (-1, 1):
        if round_lens:
            s.ellipse(side * 0.46, 0.04, 0.4, 0.34, "body")
            s.ellipse(side * 0.46, 0.04, 0.32, 0.26, "ink")
        else:
            s.poly(
                [
                    (side * x, y)
                    for x, y in ((0.06, -0.22), (0.9, -0.22), (0.82, 0.28), (0.3, 0.34), (0.12, 0.12))
                ]
            )
            s.poly(
                [
                    (side * x, y)
                    for x, y in ((0.15, -0.13), (0.8, -0.13), (0.74, 0.2), (0.34, 0.25), (0.2, 0.08))
                ],
                "ink",
            )
        s.line([(side * 0.46 - 0.14, 0.1), (side * 0.46 + 0.02, -0.08)], 0.05, "glass")


DRAWINGS = {
    "t_shirt": t_shirt,
    "shirt": shirt,
    "sweater": sweater,
    "trousers": trousers,
    "shorts": shorts,
    "skirt": skirt,
    "sneaker": sneaker,
    "boot": boot,
    "sandal": sandal,
    "hat": hat,
    "handbag": handbag,
    "sunglasses": sunglasses,
}
