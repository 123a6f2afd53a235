"""Remembers costly feature vectors on disk, so that a backbone sees each image once, ever.

A namespace (one backbone with one preprocessing) is a folder of shards: safetensors files of keys, checksums
and vectors. A shard appears whole (written aside, then renamed) and is never changed, so any number of
processes share a namespace without locks, and a killed one leaves nothing half written. The cache is never a
reason to fail: what cannot be read is computed again, and where nothing can be written the work goes on
without it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

logger = logging.getLogger(__name__)

KEY_BYTES = 16
MAX_SHARD_VECTORS = 2048  # a shard is read whole, so this bounds the cost of looking up one vector
_SMALL_SHARD_VECTORS = 128
_MAX_SMALL_SHARDS = 64
_STALE_S = 24 * 3600  # after which a temporary file belongs to a killed process
_UNREADABLE = (OSError, SafetensorError, ValueError, KeyError)


def cache_folder() -> Path:
    """Where caches live: ``$SHELFWISE_CACHE``, or the platform's place. Safe to delete at any time."""
    chosen = os.environ.get("SHELFWISE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "shelfwise"


def content_key(data: bytes) -> bytes:
    """The key of some content: 16 bytes of BLAKE2b."""
    return hashlib.blake2b(data, digest_size=KEY_BYTES).digest()


class FeatureCache:
    """Vectors of one namespace by content key.

    Parameters
    ----------
    namespace
        A short name, safe in a file name, that differs whenever the vectors would.
    folder
        The folder of all namespaces; ``cache_folder() / "features"`` when None.
    """

    def __init__(self, namespace: str, folder: Path | None = None) -> None:
        self._folder = (folder or cache_folder() / "features") / namespace
        self._places: dict[bytes, tuple[str, int]] = {}  # key → (shard's name, row in it)
        self._known_shards: set[str] = set()
        self._writable = True
        self.width: int | None = None
        """Length of the vectors; None while the namespace is empty."""
        self._remove_stale()
        self._merge_small_shards()
        self._index()

    def __len__(self) -> int:
        return len(self._places)

    def get(self, keys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Look up K keys: (found bool [K], vectors float32 [K, width], zeros where not found).

        A vector whose checksum is wrong counts as not found.
        """
        found = np.zeros(len(keys), dtype=bool)
        vectors = np.zeros((len(keys), self.width or 0), dtype=np.float32)
        wanted: dict[str, list[tuple[int, int]]] = {}
        for place, key in enumerate(keys):
            if key in self._places:
                shard, row = self._places[key]
                wanted.setdefault(shard, []).append((place, row))
        for shard, pairs in wanted.items():
            places, rows = np.array(pairs).T
            try:
                sound, part = _read_rows(self._folder / shard, rows)
            except _UNREADABLE as error:
                logger.warning("Ignoring the unreadable cache file %s: %s", self._folder / shard, error)
                continue
            found[places[sound]] = True
            vectors[places[sound]] = part[sound]
        return found, vectors

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Add vectors float32 [K, width] under their keys; on a full or read-only disk, warn and go on."""
        if not len(keys) or not self._writable:
            return
        for start in range(0, len(keys), MAX_SHARD_VECTORS):
            part = slice(start, start + MAX_SHARD_VECTORS)
            try:
                name = _write_shard(self._folder, keys[part], vectors[part])
            except OSError as error:
                self._writable = False
                logger.warning("Going on without the feature cache: cannot write %s: %s", self._folder, error)
                return
            self._add(name, keys[part], vectors.shape[1])

    def _add(self, shard: str, keys: Sequence[bytes], width: int) -> None:
        if self.width not in (None, width):
            return
        self.width = width
        self._known_shards.add(shard)
        self._places.update((key, (shard, row)) for row, key in enumerate(keys))

    def _shards(self) -> list[str]:
        try:
            return sorted(
                entry.name for entry in os.scandir(self._folder) if entry.name.endswith(".safetensors")
            )
        except OSError:
            return []

    def _index(self) -> None:
        for shard in self._shards():
            try:
                keys, width = _read_keys(self._folder / shard)
            except _UNREADABLE as error:
                logger.warning("Ignoring the unreadable cache file %s: %s", self._folder / shard, error)
            else:
                self._add(shard, keys, width)

    def _merge_small_shards(self) -> None:
        """Join many small shards into a few larger ones, as many small predictions leave them behind.

        Another process that reads a shard which is removed here computes its vectors again: slower, never
        wrong.
        """
        small: list[tuple[str, list[bytes]]] = []
        for shard in self._shards():
            with suppress(*_UNREADABLE):
                keys, _ = _read_keys(self._folder / shard)
                if len(keys) < _SMALL_SHARD_VECTORS:
                    small.append((shard, keys))
        if len(small) <= _MAX_SMALL_SHARDS:
            return
        per_group = MAX_SHARD_VECTORS // _SMALL_SHARD_VECTORS
        for start in range(0, len(small), per_group):
            with suppress(*_UNREADABLE):  # what cannot be merged stays as it is
                self._merge(small[start : start + per_group])

    def _merge(self, group: list[tuple[str, list[bytes]]]) -> None:
        """Write one shard of all sound vectors of a group, then remove the group."""
        merged: dict[bytes, np.ndarray] = {}
        for shard, keys in group:
            sound, vectors = _read_rows(self._folder / shard, np.arange(len(keys)))
            merged.update((key, vectors[row]) for row, key in enumerate(keys) if sound[row])
        if not merged:
            return
        name = _write_shard(self._folder, list(merged), np.stack(list(merged.values())))
        for shard, _ in group:
            if shard != name:
                (self._folder / shard).unlink(missing_ok=True)

    def _remove_stale(self) -> None:
        with suppress(OSError):
            for entry in os.scandir(self._folder):
                if entry.name.endswith(".tmp") and time.time() - entry.stat().st_mtime > _STALE_S:
                    os.unlink(entry.path)


def _write_shard(folder: Path, keys: Sequence[bytes], vectors: np.ndarray) -> str:
    """Write one complete shard, named by its keys, and return its name. Raises OSError."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    tensors: dict[str, np.ndarray] = {
        "keys": np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), KEY_BYTES),
        "checksums": np.array([zlib.crc32(row) for row in vectors], dtype=np.uint32),
        "vectors": vectors,
    }
    name = f"{content_key(b''.join(keys)).hex()}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(save(tensors))
        os.replace(temporary, folder / name)
    except BaseException:  # also an interrupt: nothing half written stays behind
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return name


def _read_keys(path: Path) -> tuple[list[bytes], int]:
    """A shard's keys and its vectors' length, without reading the vectors. Raises one of ``_UNREADABLE``."""
    with safe_open(path, framework="numpy") as shard:
        keys = shard.get_tensor("keys")
        count, width = shard.get_slice("vectors").get_shape()
    if keys.shape != (count, KEY_BYTES) or keys.dtype != np.uint8:
        raise ValueError(f"expected {count} keys of {KEY_BYTES} bytes, got {keys.dtype} {keys.shape}")
    return [row.tobytes() for row in keys], width


def _read_rows(path: Path, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Checksum right bool [R], vectors float32 [R, width]) of some rows. Raises one of ``_UNREADABLE``."""
    with safe_open(path, framework="numpy") as shard:
        checksums = shard.get_tensor("checksums")
        vectors = shard.get_tensor("vectors")
    if vectors.dtype != np.float32 or len(checksums) != len(vectors):
        raise ValueError(
            f"expected float32 vectors with a checksum each, got {vectors.dtype} {vectors.shape}"
        )
    picked = vectors if np.array_equal(rows, np.arange(len(vectors))) else vectors[rows]
    sound = np.array([zlib.crc32(row) for row in picked], dtype=np.uint32) == checksums[rows]
    return sound, picked
