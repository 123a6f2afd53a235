"""Silhouettes of the sports department."""

from __future__ import annotations

import math
from random import Random

from shelfwise.demo.drawings.sketch import Sketch, arc


def football(s: Sketch, rng: Random) -> None:
    """A ball with dark pentagons."""
    s.ellipse(0, 0, 0.84, 0.84, "white")
    turn = rng.uniform(0, 72)
    s.poly(arc(0, 0, 0.3, 0.3, turn, turn + 360, steps=5), "body")
    for k in range(5):
        angle = turn + 72 * k
        a = math.radians(angle)
        inner = (0.3 * math.cos(a), 0.3 * math.sin(a))
        outer = (0.58 * math.cos(a), 0.58 * math.sin(a))
        s.line([inner, outer], 0.04, "deep")
        rim = arc(0, 0, 0.84, 0.84, angle - 22, angle + 22, steps=6)
        s.poly([outer, *rim], "body")
    s.ring(0, 0, 0.86, 0.86, 0.04, "deep")


def racket(s: Sketch, rng: Random) -> None:
    """An oval frame with strings on a handle."""
    rx = rng.uniform(0.4, 0.5)
    for k in range(-3, 4):
        x = rx * k / 4
        reach = 0.52 * math.sqrt(max(0.0, 1 - (x / rx) ** 2))
        s.line([(x, -0.4 - reach), (x, -0.4 + reach)], 0.016, "ink")
        y = 0.52 * k / 4
        across = rx * math.sqrt(max(0.0, 1 - (y / 0.52) ** 2))
        s.line([(-across, -0.4 + y), (across, -0.4 + y)], 0.016, "ink")
    s.ring(0, -0.4, rx + 0.05, 0.57, 0.1, "body")
    s.line([(-0.2, 0.08), (0, 0.36)], 0.08, "dark")
    s.line([(0.2, 0.08), (0, 0.36)], 0.08, "dark")
    s.line([(0, 0.32), (0, 0.5)], 0.11, "body")
    s.line([(0, 0.52), (0, 0.9)], 0.15, "ink")
    if rng.random() < 0.5:
        s.ellipse(0.6, 0.6, 0.18, 0.18, "accent")


def tent(s: Sketch, rng: Random) -> None:
    """A ridge or dome with a door."""
    if rng.random() < 0.5:
        s.poly([(-0.94, 0.6), (0, -0.7), (0.94, 0.6)])
        s.poly([(0, -0.7), (0.94, 0.6), (0.5, 0.6)], "dark")
        s.poly([(-0.3, 0.6), (0, -0.36), (0.26, 0.6)], "deep")
        s.poly([(0, -0.36), (-0.3, 0.6), (-0.5, 0.56)], "light")
    else:
        s.ellipse(0, 0.6, 0.94, 1.16, "body", 180, 360)
        s.ellipse(0, 0.6, 0.36, 0.8, "deep", 180, 360)
        s.poly([(0, -0.2), (0.34, 0.5), (0.56, 0.6), (0.1, 0.6)], "light")
        s.ring(0, 0.6, 0.94, 1.16, 0.04, "dark", 180, 360)
    s.line([(-0.96, 0.62), (0.96, 0.62)], 0.05, "accent")


def backpack(s: Sketch, rng: Random) -> None:
    """A rounded bag with lid and front pocket."""
    half = rng.uniform(0.48, 0.6)
    s.ring(0, -0.74, 0.2, 0.2, 0.07, "deep", 180, 360)
    for side in (-1, 1):
        s.rect(side * half - 0.12, 0.1, side * half + 0.12, 0.64, "dark", 0.08)
    s.rect(-half, -0.78, half, 0.84, "body", 0.28)
    s.line([(-half + 0.04, -0.3), (half - 0.04, -0.3)], 0.05, "deep")
    s.rect(-half + 0.12, 0.06, half - 0.12, 0.7, "dark", 0.1)
    s.line([(-half + 0.2, 0.2), (half - 0.2, 0.2)], 0.04, "metal")
    for x in (-0.24, 0.24):
        s.line([(x, -0.5), (x, 0.02)], 0.07, "accent")


def bottle(s: Sketch, rng: Random) -> None:
    """A tall cylinder with a cap."""
    half = rng.uniform(0.26, 0.34)
    s.rect(-half * 0.6, -0.94, half * 0.6, -0.62, "ink", 0.05)
    if rng.random() < 0.5:
        s.ring(0, -0.88, 0.2, 0.12, 0.06, "ink", 180, 360)
    s.rect(-half, -0.66, half, 0.92, "body", 0.16)
    s.rect(-half + 0.06, -0.5, -half + 0.16, 0.78, "light", 0.04)
    s.rect(-half, rng.uniform(-0.2, 0.1), half, 0.4, "accent")


def dumbbell(s: Sketch, rng: Random) -> None:
    """A bar between two weights."""
    tall = rng.uniform(0.42, 0.58)
    s.rect(-0.5, -0.09, 0.5, 0.09, "metal", 0.04)
    for side in (-1, 1):
        a, b, c = sorted((side * 0.36, side * 0.62, side * 0.86)) if side > 0 else (-0.36, -0.62, -0.86)
        s.rect(min(a, b), -tall, max(a, b), tall, "body", 0.08)
        s.rect(min(b, c), -tall * 0.72, max(b, c), tall * 0.72, "dark", 0.08)
    for x in (-0.2, -0.1, 0.0, 0.1, 0.2):
        s.line([(x, -0.08), (x, 0.08)], 0.02, "ink")


def yoga_mat(s: Sketch, rng: Random) -> None:
    """A half-rolled mat."""
    unrolled = rng.uniform(0.3, 0.9)
    s.poly([(-0.3, 0.46), (-0.3 + unrolled, 0.46), (0.1 + unrolled, 0.7), (-0.5, 0.7)], "light")
    s.rect(-0.86, 0.0, 0.7, 0.6, "body", 0.16)
    s.ellipse(0.66, 0.3, 0.2, 0.31, "dark")
    s.ring(0.66, 0.3, 0.16, 0.25, 0.04, "light")
    s.ring(0.66, 0.3, 0.09, 0.15, 0.04, "light")
    for x in (-0.6, 0.2):
        s.rect(x - 0.05, -0.02, x + 0.05, 0.62, "ink", 0.02)
    s.ring(-0.2, 0.02, 0.42, 0.46, 0.05, "ink", 180, 360)


def bicycle(s: Sketch, rng: Random) -> None:
    """Two wheels, a frame, saddle and bars."""
    for x in (-0.54, 0.54):
        s.ring(x, 0.34, 0.42, 0.42, 0.07, "ink")
        for k in range(4):
            a = math.radians(45 * k + 20)
            dx, dy = 0.36 * math.cos(a), 0.36 * math.sin(a)
            s.line([(x - dx, 0.34 - dy), (x + dx, 0.34 + dy)], 0.012, "steel")
        s.ellipse(x, 0.34, 0.06, 0.06, "metal")
    drop = rng.uniform(-0.26, -0.06)
    s.line([(-0.54, 0.34), (-0.22, drop), (-0.04, 0.36), (-0.54, 0.34)], 0.07, "body")
    s.line([(-0.22, drop), (0.36, -0.24), (-0.04, 0.36)], 0.07, "body")
    s.line([(0.54, 0.34), (0.34, -0.4)], 0.06, "body")
    s.line([(-0.22, drop), (-0.27, drop - 0.16)], 0.05, "metal")
    s.line([(-0.4, drop - 0.19), (-0.16, drop - 0.18)], 0.09, "ink")
    s.line([(0.34, -0.4), (0.5, -0.46), (0.58, -0.36)], 0.06, "ink")
    s.ellipse(-0.04, 0.36, 0.1, 0.1, "metal")


def helmet(s: Sketch, rng: Random) -> None:
    """A vented half-shell with a chin strap."""
    s.line([(-0.5, 0.24), (-0.1, 0.8), (0.4, 0.26)], 0.05, "ink")
    s.ellipse(0, 0.22, 0.84, rng.uniform(0.78, 0.9), "body", 180, 360)
    s.poly([(-0.84, 0.2), (0.84, 0.2), (0.94, 0.32), (0.7, 0.34), (-0.7, 0.34), (-0.86, 0.3)], "dark")
    for k in range(rng.randint(3, 4)):
        x = -0.46 + 0.3 * k
        s.poly([(x - 0.08, 0.02), (x - 0.02, -0.4), (x + 0.1, -0.36), (x + 0.08, 0.02)], "ink")
    s.line([(-0.76, 0.1), (0.78, 0.1)], 0.05, "accent")


DRAWINGS = {
    "football": football,
    "racket": racket,
    "tent": tent,
    "backpack": backpack,
    "bottle": bottle,
    "dumbbell": dumbbell,
    "yoga_mat": yoga_mat,
    "bicycle": bicycle,
    "helmet": helmet,
}
