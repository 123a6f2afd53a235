"""Silhouettes of the electronics department."""

from __future__ import annotations

from random import Random

from shelfwise.demo.drawings.sketch import Sketch, Tone


def headphones(s: Sketch, rng: Random) -> None:
    """A headband between two ear cups."""
    span = rng.uniform(0.58, 0.7)
    s.ring(0, 0.1, span + 0.08, 0.94, 0.13, "body", 180, 360)
    for side in (-1, 1):
        x = side * span
        s.ellipse(x, 0.36, 0.25, 0.44, "dark")
        s.ellipse(x + side * 0.07, 0.36, 0.19, 0.36, "body")
        s.ellipse(x + side * 0.1, 0.36, 0.09, 0.18, "accent")


def speaker(s: Sketch, rng: Random) -> None:
    """A box with two drivers."""
    half = rng.uniform(0.4, 0.56)
    s.rect(-half, -0.88, half, 0.86, "body", 0.12)
    s.rect(-half + 0.07, -0.8, half - 0.07, 0.78, "deep", 0.08)
    for y, radius in ((-0.42, half * 0.46), (0.28, half * 0.72)):
        s.ellipse(0, y, radius, radius, "metal")
        s.ellipse(0, y, radius * 0.84, radius * 0.84, "ink")
        s.ellipse(0, y, radius * 0.34, radius * 0.34, "accent")


def laptop(s: Sketch, rng: Random) -> None:
    """An open screen over a keyboard deck."""
    top = rng.uniform(-0.72, -0.56)
    s.rect(-0.72, top, 0.72, 0.36, "body", 0.06)
    s.rect(-0.65, top + 0.07, 0.65, 0.3, "ink")
    s.poly([(-0.65, top + 0.07), (0.1, top + 0.07), (-0.4, 0.3), (-0.65, 0.3)], "accent_dark")
    for i, width in enumerate((0.5, 0.34, 0.42)):
        s.rect(-0.5, top + 0.2 + 0.16 * i, -0.5 + width, top + 0.26 + 0.16 * i, "white")
    s.poly([(-0.76, 0.36), (0.76, 0.36), (0.96, 0.6), (-0.96, 0.6)], "light")
    s.poly([(-0.64, 0.4), (0.64, 0.4), (0.7, 0.49), (-0.7, 0.49)], "deep")
    s.rect(-0.96, 0.6, 0.96, 0.67, "dark", 0.02)


def keyboard(s: Sketch, rng: Random) -> None:
    """Rows of keys on a slab."""
    s.rect(-0.96, -0.38, 0.96, 0.4, "dark", 0.08)
    s.rect(-0.96, -0.38, 0.96, 0.34, "body", 0.08)
    caps: Tone = rng.choice(("white", "ink", "light"))
    lit = rng.randrange(4)
    for row in range(4):
        y = -0.3 + 0.155 * row
        if row == 3:
            s.rect(-0.86, y, -0.5, y + 0.11, caps, 0.02)
            s.rect(-0.46, y, 0.4, y + 0.11, "accent", 0.02)
            s.rect(0.44, y, 0.86, y + 0.11, caps, 0.02)
            continue
        for column in range(11):
            x = -0.86 + 0.158 * column
            s.rect(x, y, x + 0.125, y + 0.11, "accent" if (row, column) == (lit, 10) else caps, 0.02)


def mouse(s: Sketch, rng: Random) -> None:
    """An egg with two buttons and a wheel."""
    half = rng.uniform(0.42, 0.52)
    if rng.random() < 0.4:
        s.line([(0, -0.7), (0.05, -0.84), (-0.1, -1.0)], 0.05, "ink")
    s.rect(-half, -0.74, half, 0.78, "dark", half * 0.95)
    s.rect(-half + 0.05, -0.72, half - 0.05, 0.7, "body", half * 0.85)
    s.line([(-half + 0.06, -0.08), (half - 0.06, -0.08)], 0.03, "deep")
    s.line([(0, -0.7), (0, -0.08)], 0.03, "deep")
    s.rect(-0.08, -0.56, 0.08, -0.22, "accent", 0.07)


def smartphone(s: Sketch, rng: Random) -> None:
    """A tall slab: screen with icons, or back with lenses."""
    half = rng.uniform(0.4, 0.46)
    s.rect(-half, -0.9, half, 0.9, "body", 0.12)
    if rng.random() < 0.65:
        s.rect(-half + 0.05, -0.84, half - 0.05, 0.84, "ink", 0.08)
        s.poly(
            [(-half + 0.05, 0.2), (half - 0.05, -0.3), (half - 0.05, 0.76), (-half + 0.05, 0.76)],
            "accent_dark",
        )
        for row in range(3):
            for column in range(3):
                x, y = -0.24 + 0.24 * column, -0.5 + 0.25 * row
                s.rect(x - 0.08, y - 0.08, x + 0.08, y + 0.08, rng.choice(("white", "accent", "light")), 0.04)
        s.rect(-0.1, -0.81, 0.1, -0.75, "deep", 0.03)
    else:
        s.rect(-half + 0.06, -0.82, -half + 0.38, -0.32, "dark", 0.08)
        for y in (-0.7, -0.46):
            s.ellipse(-half + 0.22, y, 0.1, 0.1, "ink")
            s.ellipse(-half + 0.2, y - 0.03, 0.035, 0.035, "glass")


def tablet(s: Sketch, rng: Random) -> None:
    """A wide slab with a screen, sometimes with a stylus."""
    tall = rng.uniform(0.8, 0.88)
    s.rect(-0.64, -tall, 0.64, tall, "body", 0.1)
    s.rect(-0.56, -tall + 0.08, 0.56, tall - 0.08, "ink", 0.03)
    s.poly(
        [(-0.56, 0.1), (0.0, -0.35), (0.56, 0.2), (0.56, tall - 0.08), (-0.56, tall - 0.08)], "accent_dark"
    )
    s.ellipse(0.28, -0.45, 0.12, 0.12, "accent")
    s.line([(-0.4, -tall + 0.2), (0.0, -tall + 0.2)], 0.05, "white")
    if rng.random() < 0.5:
        s.line([(0.8, -0.6), (0.8, 0.6)], 0.08, "white")


def camera(s: Sketch, rng: Random) -> None:
    """A body with a lens and a viewfinder hump."""
    hump = rng.uniform(0.18, 0.3)
    s.poly([(-0.3, -0.4), (-0.2, -0.44 - hump), (0.2, -0.44 - hump), (0.3, -0.4)], "ink")
    s.rect(0.44, -0.54, 0.7, -0.38, "metal", 0.03)
    s.rect(-0.92, -0.44, 0.92, 0.6, "body", 0.12)
    s.rect(-0.92, -0.22, 0.92, 0.4, "ink")
    rings: tuple[tuple[float, Tone], ...] = (
        (0.48, "metal"),
        (0.42, "deep"),
        (0.32, "ink"),
        (0.2, "accent_dark"),
    )
    for radius, tone in rings:
        s.ellipse(0, 0.08, radius, radius, tone)
    s.ellipse(-0.1, -0.04, 0.09, 0.07, "glass")
    s.ellipse(-0.7, -0.33, 0.06, 0.06, "accent")


DRAWINGS = {
    "headphones": headphones,
    "speaker": speaker,
    "laptop": laptop,
    "keyboard": keyboard,
    "mouse": mouse,
    "smartphone": smartphone,
    "tablet": tablet,
    "camera": camera,
}
