"""Splits that keep groups whole and depend on the products, not on the order they came in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from shelfwise.errors import CatalogError


def grouped_split(
    groups: np.ndarray,
    fractions: Mapping[str, float] | Sequence[float],
    seed: int,
    strata: np.ndarray | None = None,
    keys: Sequence[str] | None = None,
) -> list[np.ndarray]:
    """Ascending rows (int64) of each part, in the order of ``fractions``; a group is in one part.

    Parameters
    ----------
    groups
        int [N], a group number a product; see ``group_products``.
    fractions
        Share of the products per part; they are scaled to sum to 1. Parts come as near to it as whole groups
        allow.
    seed
        The same seed, groups and keys give the same parts.
    strata
        int [N] (a category number, say): each part gets its share of each stratum too. A group counts for the
        stratum that most of its products have.
    keys
        One stable name a product (its id). With them the parts do not depend on the order of the rows, as
        long as no two groups have the same keys; without them the row number is the key.

    Raises
    ------
    CatalogError
        When there are fewer groups than parts with a share.
    """
    shares = np.array(
        list(fractions.values() if isinstance(fractions, Mapping) else fractions), dtype=np.float64
    )
    if not len(shares) or (shares < 0).any() or not np.isfinite(shares).all() or shares.sum() <= 0:
        raise ValueError(f"fractions must be positive numbers, got {shares.tolist()}")
    part_of = _assign(groups, shares / shares.sum(), seed, strata, keys)
    return [np.flatnonzero(part_of == part) for part in range(len(shares))]


def grouped_folds(
    groups: np.ndarray,
    k: int,
    seed: int,
    keys: Sequence[str] | None = None,
    strata: np.ndarray | None = None,
) -> np.ndarray:
    """The fold (0 … k-1) of every product, int64 [N]: like ``grouped_split`` into ``k`` equal parts."""
    if k < 2:
        raise ValueError(f"expected at least 2 folds, got {k}")
    return _assign(groups, np.full(k, 1 / k), seed, strata, keys)


def _assign(
    groups: np.ndarray, shares: np.ndarray, seed: int, strata: np.ndarray | None, keys: Sequence[str] | None
) -> np.ndarray:
    """The part of every product, int64 [N].

    Groups are taken stratum by stratum, large ones before small ones, and otherwise in an order drawn by
    their hash. Each goes to the part that lacks most. What a part lacks is carried on from one stratum and
    size to the next, so that sizes are mixed evenly over the parts and the whole comes out right to about one
    small group.
    """
    _, group_of, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    wanted = np.flatnonzero(shares > 0)
    if len(sizes) < len(wanted):
        raise CatalogError(
            f"The products form {len(sizes):,} group(s) (same title, image or group value), too few for "
            f"{len(wanted)} parts. More products, or none that are so alike, are needed."
        )
    drawn = _hash_groups(group_of, len(sizes), seed, keys)
    magnitude = np.floor(np.log2(sizes)).astype(np.int64)
    stratum = (
        np.zeros(len(sizes), np.int64) if strata is None else _group_strata(group_of, len(sizes), strata)
    )
    order = _order(stratum, magnitude, drawn)
    cells = np.stack([stratum[order], magnitude[order]], axis=1)
    starts = np.flatnonzero(np.r_[True, (cells[1:] != cells[:-1]).any(axis=1)])
    part = np.empty(len(sizes), np.int64)
    need = [0.0] * len(wanted)
    for cell in np.split(order, starts[1:]):
        weights = sizes[cell]
        need = [
            lacking + share * int(weights.sum()) for lacking, share in zip(need, shares[wanted], strict=True)
        ]
        for group, weight in zip(cell.tolist(), weights.tolist(), strict=True):
            best = need.index(max(need))
            part[group] = best
            need[best] -= weight
    part = wanted[part]
    _fill_empty_parts(part, sizes, drawn, wanted)
    return part[group_of]


def _order(stratum: np.ndarray, magnitude: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Groups sorted by stratum (those with the largest groups first), then size class, then hash."""
    count = int(stratum.max()) + 1
    largest = np.zeros(count, np.int64)
    np.maximum.at(largest, stratum, magnitude)
    first = np.full(count, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(first, stratum, drawn)
    return np.lexsort((drawn, -magnitude, first[stratum], -largest[stratum]))


def _hash_groups(group_of: np.ndarray, count: int, seed: int, keys: Sequence[str] | None) -> np.ndarray:
    """uint64 [groups]: the smallest hash of the seed and a key among a group's products."""
    names = map(str, range(len(group_of))) if keys is None else keys
    start = hashlib.blake2b(f"{seed}:".encode(), digest_size=8)
    digests = bytearray()
    for name in names:
        one = start.copy()
        one.update(name.encode("utf-8", "surrogatepass"))
        digests += one.digest()
    hashes = np.frombuffer(bytes(digests), dtype="<u8").astype(np.uint64)
    if len(hashes) != len(group_of):
        raise ValueError(f"expected one key a product ({len(group_of):,}), got {len(hashes):,}")
    smallest = np.full(count, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, group_of, hashes)
    return smallest


def _group_strata(group_of: np.ndarray, count: int, strata: np.ndarray) -> np.ndarray:
    """int64 [groups]: the stratum most of a group's products have (of several, the smallest number)."""
    _, of_product = np.unique(np.asarray(strata), return_inverse=True)
    width = int(of_product.max()) + 1
    pairs, products = np.unique(group_of * width + of_product, return_counts=True)
    by_count = np.lexsort((pairs, -products, pairs // width))
    _, first = np.unique(pairs[by_count] // width, return_index=True)
    return pairs[by_count][first] % width


def _fill_empty_parts(part: np.ndarray, sizes: np.ndarray, drawn: np.ndarray, wanted: np.ndarray) -> None:
    """Give each empty part the smallest group of the part that has the most groups (for tiny catalogs)."""
    for empty in wanted:
        if not (part == empty).any():
            richest = np.bincount(part).argmax()
            candidates = np.flatnonzero(part == richest)
            chosen = candidates[np.lexsort((drawn[candidates], sizes[candidates]))[0]]
            part[chosen] = empty
