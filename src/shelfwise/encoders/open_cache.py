"""Where computed features are remembered: on disk for catalogs, which come again; in memory for a service."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from shelfwise.encoders.feature_cache import FeatureCache


class FeatureStore(Protocol):
    """What is asked of a cache of feature vectors; see `FeatureCache`."""

    @property
    def width(self) -> int | None: ...

    def get(self, keys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]: ...

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None: ...


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
        vectors = np.zeros((len(keys), self.width or 0), dtype=self.dtype)
        with self._lock:
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


_in_memory: dict[str, MemoryCache] = {}
_memory_bytes = 0


def keep_features_in_memory(max_bytes: int) -> None:
    """From now on this process remembers features in memory, ``max_bytes`` a namespace, and neither reads nor writes the
    disk's cache."""
    global _memory_bytes
    _memory_bytes = max_bytes
    _in_memory.clear()


def open_cache(namespace: str, dtype: np.dtype | type = np.float32) -> FeatureStore:
    """The features remembered under a name; see `FeatureCache`."""
    if not _memory_bytes:
        return FeatureCache(namespace, dtype=dtype)
    return _in_memory.setdefault(namespace, MemoryCache(_memory_bytes, dtype))
