"""Keeps the feature cache within a size, says what is in it, and lets several processes tidy it without harm.

What was used longest ago goes first. A shard's modification time is when it was last used: reading one sets it.
Tidying (evicting, merging, clearing) is done by one process at a time, under a lock that the system takes back from a
process that dies; reading and adding need no lock, since shards appear whole and are never changed.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shelfwise.encoders.cache_files import (
    SUFFIX,
    UNREADABLE,
    cache_folder,
    content_key,
    read_keys,
    read_rows,
)
from shelfwise.errors import ShelfwiseError
from shelfwise.locking import holding

logger = logging.getLogger(__name__)

LIMIT_VARIABLE = "SHELFWISE_CACHE_GB"
"""The environment variable with the most gigabytes (10⁹ bytes) that cached features may take; 0: keep none."""
DEFAULT_LIMIT_GB = 20.0
IN_USE_S = 3600.0
"""What was used within the last hour may belong to a run that is still going, and is not evicted."""
_LOCK_FILE = ".lock"


@dataclass(frozen=True)
class NamespaceUsage:
    """One backbone's part of the cache: its folder's name, vectors, bytes on disk, and last use (Unix time, s)."""

    namespace: str
    vectors: int
    bytes: int
    last_used: float


@dataclass(frozen=True)
class Verification:
    """What `verify_cache` found: sound vectors, vectors with a wrong checksum, and shards that cannot be read."""

    sound: int
    damaged: int
    unreadable: tuple[Path, ...]
    removed: tuple[Path, ...]


@dataclass(frozen=True)
class Shard:
    """One file of the cache, its bytes, and its last use (Unix time, s)."""

    path: Path
    bytes: int
    used: float


def features_folder() -> Path:
    """The folder of all namespaces."""
    return cache_folder() / "features"


def cache_limit() -> int:
    """The most bytes that cached features may take, from ``SHELFWISE_CACHE_GB``; a value that is none is reported."""
    asked = os.environ.get(LIMIT_VARIABLE, "").strip()
    gigabytes = DEFAULT_LIMIT_GB
    if asked:
        try:
            gigabytes = float(asked)
        except ValueError:
            gigabytes = -1.0
        if not 0 <= gigabytes < float("inf"):
            gigabytes = DEFAULT_LIMIT_GB
            logger.warning(
                "Expected a number of gigabytes, 0 or more, in %s, got %r; using %g.",
                LIMIT_VARIABLE,
                asked,
                gigabytes,
            )
    return int(gigabytes * 1e9)


def cache_usage(folder: Path | None = None) -> list[NamespaceUsage]:
    """Every namespace with what it holds, the largest first; ``folder`` None: the user's cache."""
    root = folder or features_folder()
    usage = []
    for name in _namespaces(root):
        shards = _shards(root / name)
        if shards:
            vectors = sum(_count(shard.path) for shard in shards)
            last = max(shard.used for shard in shards)
            usage.append(NamespaceUsage(name, vectors, sum(shard.bytes for shard in shards), last))
    return sorted(usage, key=lambda one: (-one.bytes, one.namespace))


def clear_cache(namespace: str | None = None, folder: Path | None = None) -> int:
    """Remove one namespace, or all of them, and return the bytes freed. Running processes compute again what is gone.

    Raises ShelfwiseError: ``namespace`` is no name of one.
    """
    root = folder or features_folder()
    freed = 0
    for name in _namespaces(root) if namespace is None else [namespace]:
        if Path(name).name != name or name in ("", ".", ".."):
            raise ShelfwiseError(f"expected a part of the cache as cache_usage names it, got {name!r}")
        freed += sum(_remove(shard) for shard in _shards(root / name))
        with suppress(OSError):
            (root / name).rmdir()  # only where nothing but shards was in it
    return freed


def verify_cache(folder: Path | None = None, *, remove: bool = False) -> Verification:
    """Read every vector and compare its checksum; with ``remove``, shards that hold damage are deleted.

    Nothing is lost but time: what was in them is computed again.
    """
    root = folder or features_folder()
    sound = damaged = 0
    unreadable, bad = [], []
    for name in _namespaces(root):
        for shard in _shards(root / name):
            right = _verified(shard.path)
            if right is None:
                unreadable.append(shard.path)
                bad.append(shard)
                continue
            sound, damaged = sound + int(right.sum()), damaged + int((~right).sum())
            if not right.all():
                bad.append(shard)
    removed = tuple(shard.path for shard in bad if remove and _remove(shard))
    return Verification(sound, damaged, tuple(unreadable), removed)


def feature_shards(root: Path) -> list[Shard]:
    """Every shard of every namespace."""
    return [shard for name in _namespaces(root) for shard in _shards(root / name)]


def make_room(root: Path, needed: int, limit: int) -> bool:
    """Evict what was used longest ago, in any namespace, until ``needed`` more bytes are within ``limit``.

    False where that cannot be done, because all the rest is in use: then nothing should be added, and what is
    there stays useful to the next run, which would otherwise find its own beginning evicted by its end.
    """
    if needed > limit:
        return False
    shards = feature_shards(root)
    excess = sum(shard.bytes for shard in shards) + needed - limit
    if excess <= 0:
        return True
    idle = sorted(
        (shard for shard in shards if time.time() - shard.used > IN_USE_S), key=lambda shard: shard.used
    )
    if sum(shard.bytes for shard in idle) < excess:
        return False
    with exclusive(root) as mine:
        for shard in idle if mine else []:  # else another process is making room
            excess -= _remove(shard)
            if excess <= 0:
                break
    return True


def mark_used(path: Path) -> None:
    """Note that a shard was read now."""
    with suppress(OSError):
        os.utime(path)


def exclusive(folder: Path) -> AbstractContextManager[bool]:
    """Whether this process alone may tidy ``folder`` now; never waits. False also where no lock can be had."""
    return holding(folder / _LOCK_FILE)


def _namespaces(root: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _shards(folder: Path) -> list[Shard]:
    shards = []
    with suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.endswith(SUFFIX):
                with suppress(OSError):  # another process may be removing it
                    stat = entry.stat()
                    shards.append(Shard(Path(entry.path), stat.st_size, stat.st_mtime))
    return shards


def _remove(shard: Shard) -> int:
    """The bytes freed."""
    try:
        shard.path.unlink()
    except OSError:
        return 0
    return shard.bytes


def _count(path: Path) -> int:
    try:
        return len(read_keys(path)[0])
    except UNREADABLE:
        return 0


def _verified(path: Path) -> np.ndarray | None:
    """bool [K]: which vectors' checksums are right; None where the shard cannot be read."""
    for dtype in (np.dtype(np.float32), np.dtype(np.float16)):
        try:
            keys, _ = read_keys(path)
            sound, _ = read_rows(path, None, dtype)
        except UNREADABLE:
            continue
        # A shard is named by its keys: so damage to them is seen too.
        named = content_key(b"".join(keys)).hex() == path.name.removesuffix(SUFFIX)
        return sound if named and len(sound) == len(keys) else None
    return None
