"""Every silhouette of the made-up store, by name."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from shelfwise.demo.drawings import books_toys, clothing, electronics, home, kitchen, sports
from shelfwise.demo.drawings.sketch import Sketch

Drawing = Callable[[Sketch, Random], None]

DRAWINGS: dict[str, Drawing] = {
    **clothing.DRAWINGS,
    **kitchen.DRAWINGS,
    **home.DRAWINGS,
    **electronics.DRAWINGS,
    **sports.DRAWINGS,
    **books_toys.DRAWINGS,
}

__all__ = ["DRAWINGS", "Drawing", "Sketch"]
