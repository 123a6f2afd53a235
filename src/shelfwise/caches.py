"""All that shelfwise keeps on disk to save time, seen as one: image features, and images fetched from the web.

Nothing in it is needed: what is removed is computed, or fetched, again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shelfwise.catalog.fetching.store import default_store
from shelfwise.catalog.fetching.upkeep import (
    KeptFile,
    is_idle,
    remove_longest_unused,
    stored_images,
    verify_images,
)
from shelfwise.encoders.cache_files import cache_folder
from shelfwise.encoders.cache_upkeep import (
    cache_usage,
    clear_cache,
    exclusive,
    feature_shards,
    features_folder,
    verify_cache,
)
from shelfwise.errors import ShelfwiseError


@dataclass(frozen=True)
class CachePart:
    """One backbone's features, or the fetched images: how many, their bytes, and the last use (Unix time, s)."""

    name: str
    entries: int
    bytes: int
    last_used: float


@dataclass(frozen=True)
class CacheCheck:
    """Sound features and images, damaged ones, and the files that were removed for it."""

    sound: int
    damaged: int
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Pruned:
    """Bytes freed, bytes left, and bytes of the rest that were used within the hour."""

    freed: int
    left: int
    in_use: int


def cache_parts() -> list[CachePart]:
    """What there is, the largest first."""
    parts = [
        CachePart(f"features {one.namespace}", one.vectors, one.bytes, one.last_used) for one in cache_usage()
    ]
    images = list(stored_images(default_store()))
    if images:
        last = max(image.used for image in images)
        parts.append(CachePart("fetched images", len(images), sum(image.bytes for image in images), last))
    return sorted(parts, key=lambda part: (-part.bytes, part.name))


def verify_caches(*, remove: bool) -> CacheCheck:
    """Read everything and compare checksums; with ``remove``, files that hold damage are deleted."""
    features = verify_cache(remove=remove)
    images = verify_images(default_store(), remove=remove)
    damaged = features.damaged + len(features.unreadable) + len(images.damaged)
    files = features.removed if remove else features.unreadable
    return CacheCheck(features.sound + images.sound, damaged, (*files, *images.damaged))


def prune_caches(most_bytes: int) -> Pruned:
    """Remove what was used longest ago until at most ``most_bytes`` are left; what was used within the hour stays.

    Raises ShelfwiseError where another process is tidying up.
    """
    root = features_folder()
    root.mkdir(parents=True, exist_ok=True)
    with exclusive(root) as mine:
        if not mine:
            raise ShelfwiseError(
                f"another process is tidying '{cache_folder()}', or it cannot be written; try again"
            )
        files: list[KeptFile] = [*feature_shards(root), *stored_images(default_store())]
        idle = [file for file in files if is_idle(file)]
        total = sum(file.bytes for file in files)
        freed = remove_longest_unused(idle, total - most_bytes)
    return Pruned(freed, total - freed, total - sum(file.bytes for file in idle))


def clear_caches() -> int:
    """Remove all features and fetched images, also those in use; the bytes freed."""
    images = list(stored_images(default_store()))
    return clear_cache() + remove_longest_unused(images, sum(image.bytes for image in images))
