"""Silhouettes of the kitchen department."""

from __future__ import annotations

from random import Random

from shelfwise.demo.drawings.sketch import Sketch


def saucepan(s: Sketch, rng: Random) -> None:
    """High sides, a long handle, often a lid."""
    depth = rng.uniform(0.4, 0.62)
    s.line([(0.3, -0.08), (0.94, -0.2)], 0.13, "ink")
    s.rect(-0.74, -0.14, 0.38, depth, "body", 0.12)
    s.rect(-0.74, -0.14, -0.58, depth, "light", 0.08)
    s.rect(-0.8, -0.2, 0.44, -0.08, "metal", 0.05)
    if rng.random() < 0.7:
        s.ellipse(-0.18, -0.2, 0.56, 0.26, "dark", 180, 360)
        s.ellipse(-0.18, -0.5, 0.1, 0.08, "ink")


def frying_pan(s: Sketch, rng: Random) -> None:
    """A round pan from above, or a flat one from the side."""
    if rng.random() < 0.6:
        s.line([(0.3, 0.2), (0.94, 0.7)], 0.15, "ink")
        s.ellipse(-0.2, -0.16, 0.66, 0.66, "body")
        s.ellipse(-0.2, -0.16, 0.56, 0.56, "deep")
        s.ellipse(-0.26, -0.22, 0.42, 0.42, "dark")
        s.ellipse(0.88, 0.65, 0.03, 0.03, "hole")
    else:
        s.line([(0.3, -0.02), (0.94, -0.22)], 0.12, "ink")
        s.poly([(-0.84, -0.08), (0.42, -0.08), (0.22, 0.28), (-0.64, 0.28)])
        s.line([(-0.84, -0.08), (0.42, -0.08)], 0.08, "metal")


def mug(s: Sketch, rng: Random) -> None:
    """A cylinder with a handle."""
    half = rng.uniform(0.42, 0.54)
    height = rng.uniform(0.5, 0.62)
    s.ring(half, 0.02, 0.36, 0.34, 0.12, "dark", -100, 100)
    s.poly([(-half, -height), (half, -height), (half * 0.94, height), (-half * 0.94, height)])
    s.ellipse(0, height, half * 0.94, 0.12)
    s.ellipse(0, -height, half, 0.14, "light")
    s.ellipse(0, -height + 0.01, half * 0.88, 0.1, "wood")
    decor = rng.random()
    if decor < 0.3:
        s.rect(-half * 0.97, -0.1, half * 0.97, 0.14, "accent")
    elif decor < 0.55:
        s.ellipse(0, 0.05, 0.2, 0.2, "accent")


def plate(s: Sketch, rng: Random) -> None:
    """Concentric circles from above."""
    tilt = rng.uniform(0.62, 0.86)
    s.ellipse(0, 0, 0.86, tilt)
    s.ellipse(0, 0, 0.8, tilt - 0.06, "light")
    rim = rng.uniform(0.5, 0.62)
    s.ellipse(0, 0.01, rim + 0.04, (rim + 0.04) * tilt / 0.86, "dark")
    s.ellipse(0, 0.02, rim, rim * tilt / 0.86, "body")
    if rng.random() < 0.5:
        s.ring(0, 0, 0.76, tilt - 0.1, 0.03, "accent")


def wine_glass(s: Sketch, rng: Random) -> None:
    """A bowl on a thin stem, with something in it."""
    bowl = rng.uniform(0.36, 0.5)
    s.ellipse(0, 0.84, 0.36, 0.09, "glass")
    s.line([(0, 0.1), (0, 0.82)], 0.06, "glass")
    s.symmetric([(bowl * 0.8, -0.86), (bowl, -0.42), (bowl * 0.85, -0.08), (0.1, 0.16), (0, 0.18)], "glass")
    fill = rng.uniform(-0.5, -0.2)
    s.symmetric([(bowl * 0.94, fill), (bowl * 0.8, -0.08), (0.08, 0.12), (0, 0.13)], "body")
    s.ellipse(0, fill, bowl * 0.93, 0.06, "dark")
    s.line([(-bowl * 0.7, -0.7), (-bowl * 0.78, -0.4)], 0.05, "white")


def kettle(s: Sketch, rng: Random) -> None:
    """A bellied can with spout, lid and handle."""
    if rng.random() < 0.5:
        s.ring(0, -0.3, 0.5, 0.52, 0.1, "ink", 190, 350)
    else:
        s.line([(-0.36, -0.36), (-0.86, -0.4), (-0.84, 0.3), (-0.52, 0.44)], 0.11, "ink")
    s.line([(0.42, 0.2), (0.66, -0.06), (0.88, -0.26)], 0.16, "dark")
    s.symmetric([(0.34, -0.42), (0.54, 0.3), (0.56, 0.7), (0, 0.72)])
    s.poly([(-0.34, -0.36), (-0.22, -0.36), (-0.36, 0.68), (-0.52, 0.68)], "light")
    s.ellipse(0, -0.42, 0.35, 0.12, "dark")
    s.ellipse(0, -0.54, 0.08, 0.07, "ink")
    s.rect(-0.58, 0.66, 0.58, 0.78, "metal", 0.04)


def toaster(s: Sketch, rng: Random) -> None:
    """A rounded box with slices on top and a lever."""
    if rng.random() < 0.7:
        for x in (-0.34, 0.12):
            s.rect(x - 0.06, -0.66, x + 0.32, -0.1, "wood", 0.1)
    s.rect(-0.78, -0.36, 0.74, 0.56, "body", 0.2)
    s.rect(-0.78, 0.3, 0.74, 0.56, "dark", 0.1)
    s.rect(-0.52, -0.36, 0.5, -0.26, "ink", 0.04)
    s.line([(0.84, -0.1), (0.84, 0.2)], 0.05, "metal")
    s.rect(0.72, -0.1, 0.94, 0.02, "ink", 0.03)
    s.ellipse(0.4, 0.1, 0.11, 0.11, "metal")
    for x in (-0.55, 0.5):
        s.rect(x - 0.1, 0.54, x + 0.1, 0.66, "ink", 0.03)


def knife(s: Sketch, rng: Random) -> None:
    """A blade along the diagonal with a riveted handle."""
    belly = rng.uniform(0.2, 0.34)
    s.poly(
        [(-0.2, -0.12), (0.7, -0.1), (0.96, 0.02), (0.7, belly - 0.04), (0.2, belly), (-0.2, belly)], "steel"
    )
    s.poly(
        [
            (-0.2, belly - 0.08),
            (0.66, belly - 0.1),
            (0.96, 0.02),
            (0.7, belly - 0.04),
            (0.2, belly),
            (-0.2, belly),
        ],
        "white",
    )
    s.rect(-0.26, -0.14, -0.16, belly, "metal")
    s.rect(-0.94, -0.14, -0.2, 0.1, "body", 0.08)
    for x in (-0.8, -0.58, -0.36):
        s.ellipse(x, -0.02, 0.04, 0.04, "metal")


def cutting_board(s: Sketch, rng: Random) -> None:
    """A wooden slab with a handle hole, sometimes with greens on it."""
    grip = rng.random() < 0.5
    if grip:
        s.rect(-0.14, -0.96, 0.14, -0.4, "wood", 0.1)
        s.ellipse(0, -0.82, 0.06, 0.06, "hole")
    s.rect(-0.56, -0.58, 0.56, 0.84, "wood", 0.12)
    s.rect(-0.46, -0.48, 0.46, 0.74, "accent_dark", 0.1)
    s.rect(-0.43, -0.45, 0.43, 0.71, "wood", 0.1)
    if not grip:
        s.rect(-0.18, -0.53, 0.18, -0.46, "hole", 0.03)
    for x in (-0.22, 0.02, 0.26):
        s.line([(x, -0.36), (x + rng.uniform(-0.06, 0.06), 0.62)], 0.02, "accent_dark")
    if rng.random() < 0.4:
        s.ellipse(0.1, 0.2, 0.2, 0.2, "body")
        s.ellipse(0.1, 0.2, 0.12, 0.12, "light")


DRAWINGS = {
    "saucepan": saucepan,
    "frying_pan": frying_pan,
    "mug": mug,
    "plate": plate,
    "wine_glass": wine_glass,
    "kettle": kettle,
    "toaster": toaster,
    "knife": knife,
    "cutting_board": cutting_board,
}
