"""Keeps the store of fetched images within a size, and says whether what is in it is sound.

What was used longest ago goes first (a file's modification time is its last use); its record stays, so that it is fetched again
when it is asked for again. What was used within the hour may belong to a run that is going on, and stays.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

logger = logging.getLogger(__name__)

LIMIT_VARIABLE = "SHELFWISE_IMAGES_GB"
"""The environment variable with the most gigabytes (10⁹ bytes) that images may take in the folder of caches."""
DEFAULT_LIMIT_GB = 50.0
IN_USE_S = 3600.0
IMAGES = "images"
_NAME = re.compile(r"([0-9a-f]{64})\.[a-z]{2,4}")


class KeptFile(Protocol):
    """A file of any cache: its bytes, and its last use (Unix time, s)."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def bytes(self) -> int:
        """How long it is."""
        ...

    @property
    def used(self) -> float:
        """When it was last read."""
        ...


@dataclass(frozen=True)
class StoredImage:
    """One image's file, its bytes, and its last use (Unix time, s)."""

    path: Path
    bytes: int
    used: float


@dataclass(frozen=True)
class ImageCheck:
    """What ``verify_images`` found: sound images, and those that do not have the content of their name."""

    sound: int
    damaged: tuple[Path, ...]


def stored_images(store: Path) -> Iterator[StoredImage]:
    """The images of a store, in no order; none where there is no store. Links and foreign files are passed over."""
    for folder in _folders(store / IMAGES):
        with suppress(OSError):
            for entry in os.scandir(folder):
                with suppress(OSError):  # another process may be removing it
                    if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                        stat = entry.stat(follow_symlinks=False)
                        yield StoredImage(Path(entry.path), stat.st_size, stat.st_mtime)


def verify_images(store: Path, *, remove: bool = False) -> ImageCheck:
    """Compare every image with its name, which is its SHA-256; with ``remove``, damaged ones are deleted, to be fetched again."""
    sound, damaged = 0, []
    for image in stored_images(store):
        try:
            right = hashlib.sha256(image.path.read_bytes()).hexdigest() == image.path.name[:64]
        except OSError:
            right = False
        if right:
            sound += 1
        else:
            damaged.append(image.path)
            if remove:
                with suppress(OSError):
                    image.path.unlink()
    return ImageCheck(sound, tuple(sorted(damaged)))


def trim_images(store: Path, most_bytes: int) -> int:
    """Remove idle images, the longest unused first, until at most ``most_bytes`` are left; the bytes freed."""
    images = list(stored_images(store))
    excess = sum(image.bytes for image in images) - most_bytes
    return remove_longest_unused([image for image in images if is_idle(image)], excess)


def is_idle(file: KeptFile) -> bool:
    """Whether a file was last used longer ago than a run that is going on may have used it."""
    return time.time() - file.used > IN_USE_S


def remove_longest_unused(files: Iterable[KeptFile], excess: int) -> int:
    """Remove files, the longest unused first, until ``excess`` bytes are freed or none is left; the bytes freed."""
    freed = 0
    for file in sorted(files, key=lambda one: one.used):
        if freed >= excess:
            break
        with suppress(OSError):
            file.path.unlink()
            freed += file.bytes
    return freed


def mark_used(path: Path) -> None:
    """Note that an image was read now."""
    with suppress(OSError):
        os.utime(path)


def image_limit() -> int:
    """The most bytes of images in the folder of caches, from ``SHELFWISE_IMAGES_GB``; a value that is none is reported."""
    asked = os.environ.get(LIMIT_VARIABLE, "").strip()
    try:
        gigabytes = float(asked) if asked else DEFAULT_LIMIT_GB
    except ValueError:
        gigabytes = -1.0
    if not 0 <= gigabytes < 1e6:
        logger.warning(
            "Expected a number of gigabytes, 0 or more, in %s, got %r; using %g.",
            LIMIT_VARIABLE,
            asked,
            DEFAULT_LIMIT_GB,
        )
        gigabytes = DEFAULT_LIMIT_GB
    return int(gigabytes * 1e9)


def _folders(images: Path) -> list[str]:
    try:
        return sorted(entry.path for entry in os.scandir(images) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
