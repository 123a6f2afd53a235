"""Silhouettes of the books and toys department."""

from __future__ import annotations

from random import Random

from shelfwise.demo.drawings.sketch import Sketch, Tone


def book(s: Sketch, rng: Random) -> None:
    """A hardcover. Novels and cookbooks look alike: here the picture cannot tell the type."""
    s.poly([(-0.52, -0.86), (0.58, -0.86), (0.66, -0.78), (0.66, 0.9), (-0.44, 0.9), (-0.52, 0.82)], "white")
    s.rect(-0.58, -0.9, 0.56, 0.82, "body", 0.03)
    s.rect(-0.58, -0.9, -0.44, 0.82, "dark", 0.03)
    style = rng.random()
    if style < 0.35:
        s.ellipse(0.06, 0.2, 0.3, 0.3, "accent")
    elif style < 0.7:
        s.poly([(-0.4, 0.6), (-0.1, 0.0), (0.14, 0.34), (0.26, 0.16), (0.5, 0.6)], "accent")
    else:
        s.rect(-0.34, -0.1, 0.46, 0.6, "accent")
        s.rect(-0.26, -0.02, 0.38, 0.52, "light")
    s.line([(-0.26, -0.62), (0.38, -0.62)], 0.08, "white")
    s.line([(-0.14, -0.44), (0.26, -0.44)], 0.05, "white")


def notebook(s: Sketch, rng: Random) -> None:
    """A cover with a spiral or an elastic band."""
    s.rect(-0.52, -0.8, 0.66, 0.86, "white", 0.05)
    s.rect(-0.58, -0.84, 0.6, 0.82, "body", 0.06)
    if rng.random() < 0.55:
        for i in range(9):
            y = -0.72 + 0.18 * i
            s.ellipse(-0.46, y, 0.035, 0.035, "hole")
            s.line([(-0.68, y), (-0.47, y)], 0.045, "metal")
    else:
        s.rect(0.34, -0.84, 0.42, 0.82, "accent")
    if rng.random() < 0.6:
        s.rect(-0.28, -0.5, 0.24, -0.14, "white", 0.03)
        s.line([(-0.2, -0.36), (0.16, -0.36)], 0.025, "ink")
        s.line([(-0.2, -0.26), (0.06, -0.26)], 0.025, "ink")


def pen(s: Sketch, rng: Random) -> None:
    """A diagonal barrel with nib and clip."""
    thick = rng.uniform(0.14, 0.2)
    s.line([(-0.6, 0.6), (0.72, -0.72)], thick, "body")
    s.line([(0.2, -0.2), (0.72, -0.72)], thick + 0.03, "dark")
    s.line([(0.26, -0.36), (0.62, -0.74)], 0.045, "metal")
    s.line([(0.16, -0.16), (0.2, -0.2)], thick + 0.04, "metal")
    s.poly([(-0.66, 0.5), (-0.5, 0.66), (-0.86, 0.86)], "metal")
    s.line([(-0.74, 0.74), (-0.86, 0.86)], 0.02, "ink")


def teddy(s: Sketch, rng: Random) -> None:
    """Round ears, a snout, a belly."""
    arms = rng.uniform(0.02, 0.2)
    for side in (-1, 1):
        s.ellipse(side * 0.36, -0.74, 0.18, 0.18, "dark")
        s.ellipse(side * 0.36, -0.73, 0.1, 0.1, "light")
        s.ellipse(side * 0.56, 0.1 + arms, 0.18, 0.26, "dark")
        s.ellipse(side * 0.36, 0.74, 0.24, 0.2, "dark")
        s.ellipse(side * 0.38, 0.75, 0.13, 0.11, "light")
    s.ellipse(0, 0.34, 0.5, 0.5)
    s.ellipse(0, 0.4, 0.3, 0.32, "light")
    s.ellipse(0, -0.42, 0.46, 0.42)
    s.ellipse(0, -0.3, 0.22, 0.17, "light")
    s.ellipse(0, -0.37, 0.08, 0.06, "ink")
    for side in (-1, 1):
        s.ellipse(side * 0.18, -0.52, 0.05, 0.05, "ink")
    if rng.random() < 0.5:
        for side in (-1, 1):
            s.poly([(0, -0.02), (side * 0.24, -0.14), (side * 0.24, 0.1)], "accent")


def toy_car(s: Sketch, rng: Random) -> None:
    """A chunky car from the side."""
    roof = rng.uniform(-0.56, -0.4)
    s.poly([(-0.6, -0.06), (-0.4, roof), (0.24, roof), (0.54, -0.06)], "body")
    s.poly([(-0.46, -0.06), (-0.32, roof + 0.1), (-0.08, roof + 0.1), (-0.08, -0.06)], "glass")
    s.poly([(0.0, -0.06), (0.0, roof + 0.1), (0.19, roof + 0.1), (0.4, -0.06)], "glass")
    s.rect(-0.94, -0.1, 0.94, 0.38, "body", 0.16)
    s.rect(-0.94, 0.16, 0.94, 0.26, "accent")
    s.ellipse(0.84, 0.06, 0.08, 0.08, "white")
    for x in (-0.5, 0.5):
        s.ellipse(x, 0.4, 0.25, 0.25, "ink")
        s.ellipse(x, 0.4, 0.12, 0.12, "metal")


def blocks(s: Sketch, rng: Random) -> None:
    """A small tower of cubes and an arch."""
    tones: list[Tone] = ["body", "accent", "light", "dark", "accent_dark", "wood"]
    rng.shuffle(tones)
    places = ((-0.66, 0.36), (-0.1, 0.36), (0.46, 0.36), (-0.38, -0.18), (0.18, -0.18), (-0.1, -0.72))
    count = rng.randint(4, 6)
    for (x, y), tone in zip(places[:count], tones, strict=False):
        s.rect(x - 0.25, y, x + 0.27, y + 0.52, tone, 0.04)
        s.rect(x - 0.13, y + 0.14, x + 0.15, y + 0.4, "white", 0.03)
        s.line([(x - 0.03, y + 0.34), (x + 0.01, y + 0.2), (x + 0.06, y + 0.34)], 0.04, "ink")


def board_game(s: Sketch, rng: Random) -> None:
    """A box or a chequered board, with pawns and a die."""
    half = 0.72
    s.rect(-half - 0.08, -half - 0.08, half + 0.08, half + 0.08, "dark", 0.04)
    cells = rng.choice((4, 5, 6))
    size = 2 * half / cells
    for row in range(cells):
        for column in range(cells):
            x, y = -half + size * column, -half + size * row
            s.rect(x, y, x + size, y + size, "white" if (row + column) % 2 else "body")
    pawns: tuple[Tone, Tone] = ("accent", "ink")
    for tone in pawns:
        x, y = rng.uniform(-0.5, 0.5), rng.uniform(-0.4, 0.4)
        s.poly([(x - 0.13, y + 0.22), (x, y - 0.12), (x + 0.13, y + 0.22)], tone)
        s.ellipse(x, y - 0.12, 0.1, 0.1, tone)


def puzzle(s: Sketch, rng: Random) -> None:
    """Interlocking pieces, one of them off."""
    off = rng.uniform(0.06, 0.2)
    tones: tuple[Tone, ...] = ("body", "accent", "light", "dark")
    corners = ((-0.84, -0.84), (0.0, -0.84), (-0.84, 0.0), (off, off))
    for (x, y), tone in zip(corners, tones, strict=True):
        s.rect(x, y, x + 0.8, y + 0.8, tone, 0.04)
    s.ellipse(0.02, -0.44, 0.14, 0.14, "body")
    s.ellipse(-0.44, 0.02, 0.14, 0.14, "body")
    s.ellipse(0.4, -0.02, 0.14, 0.14, "accent")
    s.ellipse(-0.06, 0.42, 0.14, 0.14, "light")


DRAWINGS = {
    "book": book,
    "notebook": notebook,
    "pen": pen,
    "teddy": teddy,
    "toy_car": toy_car,
    "blocks": blocks,
    "board_game": board_game,
    "puzzle": puzzle,
}
