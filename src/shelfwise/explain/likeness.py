"""How like products are to remembered ones, in whole numbers: in C where that is compiled and fast, else by NumPy.

The numbers are small enough for every sum to be exact, in float32 too: results are the same on every machine and for any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

try:
    from shelfwise.explain import _likeness  # type: ignore[attr-defined]
except ImportError:  # installed without a C compiler at hand: slower, with the same results
    _likeness = None

MOST_NUMBERS = 128
"""Of a vector. Rounded, its length grows by up to half the root of this, and its product with another stays below 2^24."""
_ONE = 4_090
"""What a length of 1 becomes."""
_LANES = 16
"""Vectors that lie together for `_likeness.c`."""
_ROWS_AT_ONCE = 512


class Shards:
    """Vectors that others are compared with.

    ``vectors``: float32 [M, K] of length 1 or zero, M not 0, in ``shards`` of as many each; K even and at most ``MOST_NUMBERS``.
    """

    def __init__(self, vectors: np.ndarray, shards: int) -> None:
        self._by_shard = _whole(vectors).reshape(shards, -1, vectors.shape[1])

    def likest(self, vectors: np.ndarray, barred: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """float64 [N, shards], -1 to 1: the cosine of each of ``vectors``, float32 [N, K] of length 1 or zero, with the likest of
        each shard. ``barred``: for each of them the places of those that do not count."""
        asked, shards = _whole(vectors), len(self._by_shard)
        found = np.empty((len(asked), shards), np.int32)
        if barred is None and _in_c():
            _likeness.likest(asked, self._grouped, asked.shape[1], shards, found)
        else:
            for start in range(0, len(asked), _ROWS_AT_ONCE):
                part = slice(start, start + _ROWS_AT_ONCE)
                likeness = asked[part].astype(np.float32) @ self._columns
                for place, hidden in enumerate(barred[part] if barred is not None else ()):
                    likeness[place, hidden[hidden < likeness.shape[1]]] = -(_ONE**2)
                found[part] = likeness.reshape(len(likeness), shards, -1).max(axis=2)
        return np.clip(found / _ONE**2, -1.0, 1.0)

    @cached_property
    def _columns(self) -> np.ndarray:
        """float32 [K, M]."""
        return self._by_shard.reshape(-1, self._by_shard.shape[2]).T.astype(np.float32)

    @cached_property
    def _grouped(self) -> np.ndarray:
        """int16 [shards, groups, K / 2, _LANES, 2]; the first of a shard stands again where its last group is not full."""
        shards, size, numbers = self._by_shard.shape
        filler = np.broadcast_to(self._by_shard[:, :1], (shards, -size % _LANES, numbers))
        whole = np.concatenate([self._by_shard, filler], axis=1)
        groups = whole.reshape(shards, -1, _LANES, numbers // 2, 2)
        return np.ascontiguousarray(groups.transpose(0, 1, 3, 2, 4))


def _whole(vectors: np.ndarray) -> np.ndarray:
    """int16 of float32 of the same shape."""
    return np.rint(vectors * np.float32(_ONE)).astype(np.int16)


def _in_c() -> bool:
    return _likeness is not None and _likeness.works_here()
