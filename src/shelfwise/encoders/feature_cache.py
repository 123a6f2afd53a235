"""Remembers costly feature vectors on disk, so that a backbone sees each image once, ever.

A namespace (one backbone with one preprocessing) is a folder of shards: safetensors files of keys, checksums
and vectors (``cache_files``). A shard appears whole (written aside, then renamed) and is never changed, so any number of
processes share a namespace, and a killed one leaves nothing half written. All namespaces together stay within a limit
(``cache_upkeep``). The cache is never a reason to fail: what cannot be read is computed again, and where nothing can be
written the work goes on without it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from shelfwise.encoders.cache_files import (
    UNREADABLE,
    cache_folder,
    content_key,
    read_keys,
    read_rows,
    shard_names,
    write_shard,
)
from shelfwise.encoders.cache_upkeep import cache_limit, exclusive, features_folder, make_room, mark_used
from shelfwise.whole_files import PART_SUFFIX

__all__ = ["FeatureCache", "cache_folder", "content_key"]

logger = logging.getLogger(__name__)

MAX_SHARD_VECTORS = 2048  # a shard is read whole, so these two bound the cost of looking up one vector
MAX_SHARD_BYTES = 16 << 20
_SMALL_SHARD_VECTORS = 128
_MAX_SMALL_SHARDS = 64
_STALE_S = 24 * 3600  # after which an unfinished file belongs to a killed process


class FeatureCache:
    """Vectors of one namespace by content key.

    Parameters
    ----------
    namespace
        A short name, safe in a file name, that differs whenever the vectors would.
    folder
        The folder of all namespaces; ``cache_folder() / "features"`` when None.
    dtype
        float32, or float16 for vectors that stay as useful when rounded and clipped to it.
    """

    def __init__(
        self, namespace: str, folder: Path | None = None, dtype: np.dtype | type = np.float32
    ) -> None:
        self._root = folder or features_folder()
        self._folder = self._root / namespace
        self.dtype = np.dtype(dtype)
        self._places: dict[bytes, tuple[str, int]] = {}  # key → (shard's name, row in it)
        self._shards: set[str] = set()  # those in ``_places``
        self._marked: set[str] = set()  # shards whose use was noted
        self._writable = True
        self._limit = cache_limit()
        self.width: int | None = None
        """Length of the vectors; None while the namespace is empty."""
        self._remove_stale()
        self._merge_small_shards()
        self._index()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def get(self, keys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Look up K keys: (found bool [K], vectors [K, width] of ``dtype``, zeros where not found).

        A vector whose checksum is wrong counts as not found.
        """
        found = np.zeros(len(keys), dtype=bool)
        vectors = np.zeros((len(keys), self.width or 0), dtype=self.dtype)
        wanted: dict[str, list[tuple[int, int]]] = {}
        for place, key in enumerate(keys):
            if key in self._places:
                shard, row = self._places[key]
                wanted.setdefault(shard, []).append((place, row))
        for shard, pairs in wanted.items():
            places, rows = np.array(pairs).T
            try:
                sound, part = read_rows(self._folder / shard, rows, self.dtype)
            except UNREADABLE as error:
                self._forget(shard, error)
                continue
            found[places[sound]] = True
            vectors[places[sound]] = part[sound]
            if shard not in self._marked:
                self._marked.add(shard)
                mark_used(self._folder / shard)
        return found, vectors

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Add vectors [K, width] under their keys; on a full or read-only disk, or where the cache's limit leaves no
        room, warn once and go on."""
        if not len(keys) or not self._writable:
            return
        vectors = np.ascontiguousarray(vectors, dtype=self.dtype)
        step = max(1, min(MAX_SHARD_VECTORS, MAX_SHARD_BYTES // max(1, vectors[0].nbytes)))
        for start in range(0, len(keys), step):
            part = slice(start, start + step)
            if not make_room(self._root, vectors[part].nbytes, self._limit):
                self._writable = False
                if self._limit:
                    logger.warning(
                        "The feature cache is full (%.3g GB, all in use): what is computed from here on is not kept. "
                        "Raise SHELFWISE_CACHE_GB to keep more.",
                        self._limit / 1e9,
                    )
                return
            try:
                name = write_shard(self._folder, keys[part], vectors[part])
            except OSError as error:
                self._writable = False
                logger.warning("Going on without the feature cache: cannot write %s: %s", self._folder, error)
                return
            self._add(name, keys[part], vectors.shape[1])

    def _add(self, shard: str, keys: Sequence[bytes], width: int) -> None:
        if self.width not in (None, width):
            return
        self.width = width
        self._shards.add(shard)
        self._places.update((key, (shard, row)) for row, key in enumerate(keys))

    def _forget(self, shard: str, error: Exception) -> None:
        """Look a shard up no more; one that is gone was evicted or merged by another process."""
        if not isinstance(error, FileNotFoundError):
            logger.warning("Ignoring the unreadable cache file %s: %s", self._folder / shard, error)
        self._shards.discard(shard)
        self._places = {key: place for key, place in self._places.items() if place[0] != shard}

    def look_again(self) -> None:
        """Take note of what other processes have added since."""
        self._index()

    def _index(self) -> None:
        for shard in shard_names(self._folder):
            if shard in self._shards:
                continue
            try:
                keys, width = read_keys(self._folder / shard)
            except UNREADABLE as error:
                self._forget(shard, error)
            else:
                self._add(shard, keys, width)

    def _merge_small_shards(self) -> None:
        """Join many small shards into a few larger ones, as many small predictions leave them behind.

        Another process that reads a shard which is removed here computes its vectors again: slower, never
        wrong.
        """
        small: list[tuple[str, list[bytes]]] = []
        for shard in shard_names(self._folder):
            with suppress(*UNREADABLE):
                keys, width = read_keys(self._folder / shard)
                few = len(keys) < _SMALL_SHARD_VECTORS
                if few and len(keys) * width * self.dtype.itemsize < MAX_SHARD_BYTES // 2:
                    small.append((shard, keys))
        if len(small) <= _MAX_SMALL_SHARDS:
            return
        per_group = MAX_SHARD_VECTORS // _SMALL_SHARD_VECTORS
        with exclusive(self._root) as mine:
            for start in range(0, len(small) if mine else 0, per_group):
                with suppress(*UNREADABLE):  # what cannot be merged stays as it is
                    self._merge(small[start : start + per_group])

    def _merge(self, group: list[tuple[str, list[bytes]]]) -> None:
        """Write one shard of all sound vectors of a group, then remove the group."""
        merged: dict[bytes, np.ndarray] = {}
        for shard, keys in group:
            sound, vectors = read_rows(self._folder / shard, None, self.dtype)
            merged.update((key, vectors[row]) for row, key in enumerate(keys) if sound[row])
        if not merged:
            return
        name = write_shard(self._folder, list(merged), np.stack(list(merged.values())))
        for shard, _ in group:
            if shard != name:
                (self._folder / shard).unlink(missing_ok=True)

    def _remove_stale(self) -> None:
        with suppress(OSError):
            for entry in os.scandir(self._folder):
                if (
                    entry.name.endswith((PART_SUFFIX, ".tmp"))
                    and time.time() - entry.stat().st_mtime > _STALE_S
                ):
                    os.unlink(entry.path)
