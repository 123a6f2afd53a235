"""Products as short vectors whose cosine tells how alike they are, whatever encoders a model has.

An encoder's columns are folded into ``SLOTS`` numbers: each column is added to one of them, with one of two signs, both from a
hash of its number (Weinberger et al. 2009, *Feature Hashing for Large Scale Multitask Learning*). Cosines stay what they were,
give or take about 1/√SLOTS. So a few thousand products are remembered in a few MB and compared with in microseconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.engine.sparse import take_rows
from shelfwise.explain.folding import Part, fold_together, row_lengths

SLOTS = 256
WIDE_SLOTS, WIDE_PICTURE_SLOTS = 2_048, 512
"""Of the features that kinds are recognised by: multiples of ``SLOTS``, so that the short vectors follow from them, and all three
powers of two."""
WORDS = "words"
"""The name of the view that all words and values of a product make together."""
_VALUE_WEIGHT = 0.5
"""A brand counts this much against a text of length 1."""
_ROWS_AT_ONCE = 512
_TINY = 1e-12

Wide: TypeAlias = np.ndarray | sp.csr_matrix
"""Wide vectors of a view: dense of pictures, sparse of words."""


@dataclass(frozen=True)
class View:
    """One way to look at products: ``inputs`` name what is seen, ``weights`` how much each counts."""

    name: str
    inputs: tuple[str, ...]
    weights: tuple[float, ...]

    def given(self, states: Mapping[str, Encoded], rows: np.ndarray) -> np.ndarray:
        """bool [rows]: which products carry any of the inputs."""
        return np.logical_or.reduce([states[name].present[rows] for name in self.inputs])

    @property
    def width(self) -> int:
        """Length of the wide vectors."""
        return WIDE_SLOTS if self.name == WORDS else WIDE_PICTURE_SLOTS

    def wide(self, data: Mapping[str, Encoded], rows: np.ndarray) -> Wide:
        """float32 [rows, width] of length 1 each; empty where nothing that training knew is seen.

        Of words they are sparse, and a slot may be there twice. A row depends on its own product alone.
        """
        if isinstance(data[self.inputs[0]].matrix, np.ndarray):
            return self._of_pictures(data, rows)
        parts = [_part(data[name], rows, name) for name in self.inputs]
        lengths = [row_lengths(part.rows) for part in parts]
        weights = [
            np.where(mine > 0, np.float32(weight), 0.0)
            for mine, weight in zip(lengths, self.weights, strict=True)
        ]
        whole = np.sqrt(np.sum(np.square(weights), axis=0))
        scales = [
            (weight / np.maximum(mine * whole, _TINY)).astype(np.float32)
            for mine, weight in zip(lengths, weights, strict=True)
        ]
        return fold_together(parts, scales, self.width)

    def _of_pictures(self, data: Mapping[str, Encoded], rows: np.ndarray) -> np.ndarray:
        [name] = self.inputs
        matrix = data[name].matrix
        folding = _folding(name, matrix.shape[1], self.width)
        found = np.zeros((len(rows), self.width), np.float32)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            found[part] = unit(np.asarray((folding.T @ matrix[rows[part]].T).T))
        return found

    def vectors(self, data: Mapping[str, Encoded], rows: np.ndarray) -> np.ndarray:
        """float32 [rows, SLOTS] of length 1 each: the wide vectors folded once more."""
        return narrow(self.wide(data, rows))


def views_of(encoders: Mapping[str, Encoder], data: Mapping[str, Encoded]) -> tuple[View, ...]:
    """The views that inputs with these encoders allow: all words and values together, and each frozen image backbone's features.

    Single numbers, and pictures that a network of the model's own reads, make none.
    """
    named = {name: encoded for name, encoded in data.items() if encoders[name].kind != "number"}
    words = [name for name, encoded in named.items() if not isinstance(encoded.matrix, np.ndarray)]
    views = []
    if words:
        weights = [_VALUE_WEIGHT if encoders[name].kind == "one_hot" else 1.0 for name in words]
        views.append(View(WORDS, tuple(words), tuple(weights)))
    for name, encoded in named.items():
        matrix = encoded.matrix
        flat = isinstance(matrix, np.ndarray) and matrix.ndim == 2 and matrix.dtype == np.float32
        if flat and encoders[name].network() is None:
            views.append(View(name if name != WORDS else f"{name}_", (name,), (1.0,)))
    return tuple(views)


def narrow(wide: Wide) -> np.ndarray:
    """float32 [N, SLOTS] of length 1 from wide vectors [N, width]."""
    rows, width = wide.shape
    if isinstance(wide, np.ndarray):
        return unit(wide.reshape(rows, width // SLOTS, SLOTS).sum(axis=1))
    slots = sp.csr_matrix((wide.data, wide.indices & (SLOTS - 1), wide.indptr), shape=(rows, SLOTS))
    return unit(slots.toarray())


def _part(encoded: Encoded, rows: np.ndarray, name: str) -> Part:
    """Some products' words or values of an input, each of which goes to its column's slot."""
    taken = take_rows(encoded.matrix, rows)
    if taken.dtype.kind == "i":  # words by number: each counts 1, wherever it stands
        ones = np.ones(len(taken.data), np.float32)
        taken = sp.csr_matrix((ones, taken.data, taken.indptr), shape=(len(rows), WIDE_SLOTS))
    return Part(taken, *_slots(name, int(taken.indices.max(initial=0)) + 1))


def _slots(name: str, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """int32 slots and float32 signs of at least the first ``columns`` columns of an input."""
    return _hashed(zlib.crc32(name.encode("utf-8", "replace")), 1 << max(columns - 1, 1).bit_length())


@lru_cache(maxsize=16)
def _hashed(salt: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """SplitMix64's finaliser on every column's number: the same on every machine."""
    mixed = np.arange(columns, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    slots = (mixed % np.uint64(WIDE_SLOTS)).astype(np.int32)
    signs = np.where(mixed >> np.uint64(63), np.float32(1), np.float32(-1))
    return slots, signs


@lru_cache(maxsize=16)
def _folding(name: str, columns: int, width: int) -> sp.csr_matrix:
    """float32 [columns, width]: the sign of each column in its slot."""
    slots, signs = _slots(name, columns)
    bounds = np.arange(columns + 1)
    return sp.csr_matrix((signs[:columns], slots[:columns] % width, bounds), shape=(columns, width))


def unit(vectors: np.ndarray) -> np.ndarray:
    """float32 [N, width]: rows of length 1; zeros stay zeros."""
    lengths = np.sqrt(np.einsum("nk,nk->n", vectors, vectors, dtype=np.float64))
    return vectors * (1 / np.maximum(lengths, _TINY)).astype(np.float32)[:, None]


def check_views(views: Sequence[View], encoders: Mapping[str, Encoder]) -> bool:
    """Whether views, read back, can be of a model with these encoders."""
    names = [view.name for view in views]
    return len(set(names)) == len(names) and all(
        view.inputs
        and len(view.inputs) == len(view.weights)
        and all(name in encoders for name in view.inputs)
        for view in views
    )
