"""Where computed features are remembered: on disk for catalogs, which come again; in memory for a service."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from shelfwise.encoders.cache_upkeep import cache_limit, features_folder
from shelfwise.encoders.feature_cache import FeatureCache


class FeatureStore(Protocol):
    """What is asked of a cache of feature vectors; see `FeatureCache`."""

    @property
    def width(self) -> int | None:
        """Numbers in a vector; None while there is none."""
        ...

    def get(self, keys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Which of ``keys`` are there, bool [K], and their vectors [K, width], zeros where not."""
        ...

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Keep ``vectors`` [K, width] under ``keys``."""
        ...


class MemoryCache:
    """The vectors last used, at most ``max_bytes`` of them. For one namespace; threads may share it."""

    def __init__(self, max_bytes: int, dtype: np.dtype | type = np.float32) -> None:
        self.dtype = np.dtype(dtype)
        self.width: int | None = None
        self._max_bytes = max_bytes
        self._vectors: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, keys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """(found bool [K], vectors [K, width], zeros where not found)."""
        found = np.zeros(len(keys), dtype=bool)
        with self._lock:
            vectors = np.zeros((len(keys), self.width or 0), dtype=self.dtype)
            for place, key in enumerate(keys):
                vector = self._vectors.get(key)
                if vector is not None:
                    self._vectors.move_to_end(key)
                    found[place], vectors[place] = True, vector
        return found, vectors

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Remember vectors [K, width], and forget those unused for longest."""
        if not len(keys):
            return
        with self._lock:
            self.width = vectors.shape[1]
            for key, vector in zip(keys, vectors, strict=True):
                self._vectors[key] = np.array(vector, dtype=self.dtype)
                self._vectors.move_to_end(key)
            most = max(1, self._max_bytes // max(1, self.width * self.dtype.itemsize))
            while len(self._vectors) > most:
                self._vectors.popitem(last=False)


OpenCaches = dict[tuple[Path, str, np.dtype, int], FeatureCache]
_kept_open: OpenCaches | None = None
_in_memory: dict[str, MemoryCache] = {}
_memory_bytes = 0


def keep_features_in_memory(max_bytes: int) -> None:
    """From now on this process remembers features in memory, ``max_bytes`` a namespace, and neither reads nor writes the
    disk's cache."""
    global _memory_bytes
    _memory_bytes = max_bytes
    _in_memory.clear()


@contextmanager
def kept_open(caches: OpenCaches) -> Iterator[None]:
    """Inside, caches on disk come from ``caches`` and stay there: who works batch after batch, each time with the same ones,
    reads what is where once, and then only what has been added. It takes some 250 bytes a vector for as long as they are kept.
    """
    global _kept_open
    before, _kept_open = _kept_open, caches
    try:
        yield
    finally:
        _kept_open = before


def open_cache(namespace: str, dtype: np.dtype | type = np.float32) -> FeatureStore:
    """The features remembered under a name; see `FeatureCache`."""
    if not _memory_bytes:
        return _on_disk(namespace, np.dtype(dtype))
    return _in_memory.setdefault(namespace, MemoryCache(_memory_bytes, dtype))


def _on_disk(namespace: str, dtype: np.dtype) -> FeatureCache:
    if _kept_open is None:
        return FeatureCache(namespace, dtype=dtype)
    place = (features_folder(), namespace, dtype, cache_limit())
    if place not in _kept_open:
        _kept_open[place] = FeatureCache(namespace, dtype=dtype)
    else:
        _kept_open[place].look_again()
    return _kept_open[place]
