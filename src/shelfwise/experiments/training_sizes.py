"""How many products a study trains on: sizes as people write them, and samples of whole groups that lie in each other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from shelfwise.errors import ShelfwiseError

Size = int | None
"""Training products; None is all there are."""
LEAST_SIZE = 20
"""Fewer products than this teach nothing, and leave none to choose by."""
_LEAST_HALF = 250
_MOST_HALVES = 7


def parse_sizes(text: str) -> list[Size]:
    """Sizes from "2000,8000,all", ascending, each once. Raises ShelfwiseError for anything else.

    >>> parse_sizes("8000, 2000,all")
    [2000, 8000, None]
    """
    sizes: set[Size] = set()
    for part in (part.strip().lower() for part in text.split(",")):
        plain = part.replace("_", "")
        if part == "all":
            sizes.add(None)
        elif plain.isascii() and plain.isdigit() and int(plain) >= LEAST_SIZE:
            sizes.add(int(plain))
        else:
            raise ShelfwiseError(
                f"expected sizes as whole numbers from {LEAST_SIZE} on, or 'all', with commas between (2000,8000,all), got "
                f"'{part}' in '{text}'"
            )
    return sorted(sizes, key=lambda size: float("inf") if size is None else size)


def halving_sizes(products: int) -> list[Size]:
    """All, half, a quarter … down to some hundreds: evenly spaced where errors fall as a power of the size.

    >>> halving_sizes(2_000)
    [250, 500, 1000, None]
    """
    halves = [products >> step for step in range(1, _MOST_HALVES)]
    least = min(_LEAST_HALF, max(products // 8, LEAST_SIZE))
    return [*sorted(size for size in halves if size >= least), None]


def nested_sample(groups: np.ndarray, ids: Sequence[str], size: Size, seed: int) -> np.ndarray:
    """Ascending positions (int64) of about ``size`` products, whole groups only, at least one.

    ``groups`` int [N] and ``ids`` are of the products to draw from. Groups stand in an order that follows from the seed and
    their ids alone, and the sample is its beginning: so a smaller sample lies in every larger one of the same seed, whatever
    other sizes there are, and the rows' order makes no difference.
    """
    if size is None or size >= len(groups):
        return np.arange(len(groups))
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    first: list[str | None] = [None] * len(names)
    for group, one in zip(group_of.tolist(), ids, strict=True):
        known = first[group]
        first[group] = one if known is None else min(known, one)
    drawn = [hashlib.blake2b(f"{seed}:{one}".encode("utf-8", "surrogatepass")).digest() for one in first]
    order = np.array(sorted(range(len(names)), key=drawn.__getitem__), dtype=np.int64)
    total = np.cumsum(np.bincount(group_of)[order])
    nearest = int(np.abs(total - size).argmin())
    kept = np.zeros(len(names), dtype=bool)
    kept[order[: nearest + 1]] = True
    return np.flatnonzero(kept[group_of])
