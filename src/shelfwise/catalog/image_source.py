"""Where the undecoded bytes of images come from: files beside the catalog, or the catalog itself."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa

from shelfwise.catalog.column import ImageSource, RawImage, State
from shelfwise.catalog.rows import Progress, no_progress

MAX_IMAGE_BYTES = 64 << 20
ROWS_PER_LOAD = 256  # images held at once while going through a whole source
URL_REASON = "image at a web address, not fetched yet"
_URL = re.compile(r"(?!file:)[a-z][a-z0-9+.\-]+://|//[^/]+\.[^/]+/|data:", re.IGNORECASE)

ABSENT = RawImage(State.ABSENT)


def failed(reason: str) -> RawImage:
    """An image that should be there and cannot be had."""
    return RawImage(State.FAILED, reason=reason)


def is_url(text: str) -> bool:
    """Whether an image is given by a web address and not by a path (``file://`` is a path)."""
    return _URL.match(text) is not None


def load_path(given: str, folder: Path) -> RawImage:
    """The bytes of the image at a path (relative to ``folder``), or the reason they cannot be had."""
    name = given.strip()
    if is_url(name):
        return failed(URL_REASON)
    if name.lower().startswith("file://"):
        name = unquote(urlsplit(name).path)
    try:
        path = folder / name
        if not path.exists() and "\\" in name:
            path = folder / name.replace("\\", "/")  # exported on Windows
        kind = os.stat(path)
        if not stat.S_ISREG(kind.st_mode):
            what = "a folder" if stat.S_ISDIR(kind.st_mode) else "not a regular file"
            return failed(f"image path is {what}: {name}")
        if kind.st_size > MAX_IMAGE_BYTES:
            return failed(
                f"image file too large ({kind.st_size >> 20:,} MB of at most {MAX_IMAGE_BYTES >> 20}): {name}"
            )
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return failed(f"image file not found: {name[:200]}")
    except (OSError, ValueError) as error:  # no permission, name too long, NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return failed(f"image file cannot be read ({reason}): {name[:200]}")
    return RawImage(State.PRESENT, data) if data else failed(f"image file is empty (0 bytes): {name}")


def from_struct(data: bytes | None, path: str | None, folder: Path) -> RawImage:
    """The image of an embedded ``{bytes, path}``: its bytes, else the file at its path, else absent."""
    if data:
        return RawImage(State.PRESENT, data)
    return load_path(path, folder) if path and path.strip() else ABSENT


class PathImages:
    """Images given as paths, each relative to the folder of the catalog file its row came from."""

    def __init__(self, paths: pa.Array, folders: Sequence[Path], folder_of: np.ndarray) -> None:
        """``paths``: string array [N], null: absent; ``folder_of``: int [N], an index into ``folders``."""
        self._paths = paths
        self._folders = list(folders)
        self._folder_of = folder_of

    def __len__(self) -> int:
        return len(self._paths)

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        """The images of ``rows``, in that order."""
        given = (self._paths[int(row)].as_py() for row in rows)
        folders = (self._folders[self._folder_of[int(row)]] for row in rows)
        return [from_struct(None, path, folder) for path, folder in zip(given, folders, strict=True)]

    def take(self, rows: np.ndarray) -> ImageSource:
        """The images of ``rows``, as a source of their own."""
        return PathImages(self._paths.take(pa.array(rows, pa.int64())), self._folders, self._folder_of[rows])


class MemoryImages:
    """Embedded images whose bytes are in memory: one batch of a larger catalog."""

    def __init__(self, data: pa.Array, paths: pa.Array, folder: Path) -> None:
        """``data``: binary array [N]; ``paths``: string array [N], used where there are no bytes."""
        self._data = data
        self._paths = paths
        self._folder = folder

    def __len__(self) -> int:
        return len(self._data)

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        """The images of ``rows``, in that order."""
        return [
            from_struct(self._data[int(row)].as_py(), self._paths[int(row)].as_py(), self._folder)
            for row in rows
        ]

    def take(self, rows: np.ndarray) -> ImageSource:
        """The images of ``rows``, as a source of their own."""
        return ImageRows.of(self).take(rows)


class WebImages(Protocol):
    """Images from the web that have been fetched."""

    def load(self, url: str) -> RawImage:
        """The image at a URL as the catalog has it; FAILED with a reason where it could not be had."""
        ...


class ImagesFromWeb:
    """Images of which some are given by web addresses: those come from what was fetched."""

    def __init__(self, source: ImageSource, paths: pa.Array, web: WebImages) -> None:
        """``source``: the images apart from the web; ``paths``: string array [N], of which some are URLs."""
        self._source, self._paths, self._web = source, paths, web

    def __len__(self) -> int:
        return len(self._source)

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        """The images of ``rows``, in that order; bytes that the catalog itself has come first."""
        images = self._source.load(rows)
        for place, row in enumerate(rows):
            path = self._paths[int(row)].as_py() if images[place].data is None else None
            if path and is_url(path):
                images[place] = self._web.load(path)
        return images

    def take(self, rows: np.ndarray) -> ImageSource:
        """The images of ``rows``, as a source of their own."""
        return ImagesFromWeb(self._source.take(rows), self._paths.take(pa.array(rows, pa.int64())), self._web)


class AbsentImages:
    """The images of products that come from a file without the image column."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        """Absent, for each of ``rows``."""
        return [ABSENT] * len(rows)

    def take(self, rows: np.ndarray) -> ImageSource:
        """As many absent images as ``rows``."""
        return AbsentImages(len(rows))


class ImageRows:
    """Chosen images of several sources: what files, shards, ``take`` and splits make of them."""

    def __init__(self, parts: Sequence[ImageSource], part_of: np.ndarray, row_of: np.ndarray) -> None:
        """``part_of`` int [N]: which of ``parts`` a row comes from; ``row_of`` int [N]: its row there."""
        self._parts = list(parts)
        self._part_of = part_of
        self._row_of = row_of

    @classmethod
    def of(cls, source: ImageSource) -> ImageRows:
        """All rows of one source."""
        if isinstance(source, ImageRows):
            return source
        return cls([source], np.zeros(len(source), np.int32), np.arange(len(source), dtype=np.int64))

    @classmethod
    def concatenate(cls, sources: Sequence[ImageSource]) -> ImageRows:
        """The rows of several sources, one after the other."""
        parts: list[ImageSource] = []
        place: dict[int, int] = {}
        part_of, row_of = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
        for source in map(cls.of, sources):
            renumbered = np.empty(len(source._parts), np.int32)
            for number, part in enumerate(source._parts):
                if id(part) not in place:
                    place[id(part)] = len(parts)
                    parts.append(part)
                renumbered[number] = place[id(part)]
            part_of.append(renumbered[source._part_of])
            row_of.append(source._row_of)
        return cls(parts, np.concatenate(part_of), np.concatenate(row_of))

    def __len__(self) -> int:
        return len(self._row_of)

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        """The images of ``rows``, in that order; each source is asked once, for ascending rows."""
        wanted = np.asarray(rows, dtype=np.int64)
        parts, inner = self._part_of[wanted], self._row_of[wanted]
        images = [ABSENT] * len(wanted)
        for part in np.unique(parts):
            places = np.flatnonzero(parts == part)
            places = places[np.argsort(inner[places], kind="stable")]
            for place, image in zip(places, self._parts[part].load(inner[places].tolist()), strict=True):
                images[place] = image
        return images

    def take(self, rows: np.ndarray) -> ImageSource:
        """The images of ``rows``, as a source of their own."""
        return ImageRows(self._parts, self._part_of[rows], self._row_of[rows])


def image_hashes(source: ImageSource, progress: Progress = no_progress) -> list[str | None]:
    """A fingerprint (BLAKE2b, 128 bits, hex) of each image's bytes; None where the bytes cannot be had.

    Images are read a few hundred at a time. ``progress`` is told how many products are done.
    """
    hashes: list[str | None] = []
    for start in range(0, len(source), ROWS_PER_LOAD):
        rows = range(start, min(start + ROWS_PER_LOAD, len(source)))
        for image in source.load(rows):
            hashes.append(hashlib.blake2b(image.data, digest_size=16).hexdigest() if image.data else None)
        progress(len(rows))
    return hashes
