"""The folder of fetched images: each content once, under its own hash, found by URL through the index."""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shelfwise.catalog.column import RawImage, State
from shelfwise.catalog.fetching.index import Index
from shelfwise.catalog.fetching.limits import LARGEST_SIDE, check_side
from shelfwise.catalog.fetching.records import Record
from shelfwise.catalog.fetching.shrink import Picture
from shelfwise.catalog.fetching.spool import Spool
from shelfwise.catalog.fetching.upkeep import mark_used
from shelfwise.catalog.image_source import failed
from shelfwise.errors import FetchError
from shelfwise.progress import Reporter

DEFAULT_SIDE = 512
"""Pixels of a stored image's longer side, at most: more than any usual backbone looks at."""
INDEX_NAME = "index.sqlite"
_IMAGES, _PARTS, _LOCK = "images", "parts", "lock"
_ASK_AGAIN_S = 0.25


def default_store() -> Path:
    """Where images go when no folder is named: in the folder of all caches, safe to delete at any time."""
    from shelfwise.encoders.cache_files import cache_folder

    return cache_folder() / "fetched-images"


class ImageStore:
    """A store, made where there is none yet.

    Attributes
    ----------
    folder
        ``images/ab/ab….jpg`` (two letters, then the whole SHA-256 of the content), ``index.sqlite``, ``parts/`` for
        files being written, and ``lock``.
    index
        What became of each URL.
    spool
        Bodies that have come and are not images of the store yet.
    max_side
        Pixels a side of the stored images, at most; one store has one.
    """

    def __init__(self, folder: Path, max_side: int | None = None) -> None:
        """Open the store; ``max_side`` None: the store's own, or 512 for a new one.

        Raises FetchError where the folder holds other things, cannot be used, or keeps another ``max_side``.
        """
        self.folder = Path(folder).expanduser()
        wanted = DEFAULT_SIDE if max_side is None else check_side(max_side)
        try:
            self._make_folders()
        except OSError as error:
            raise FetchError(
                f"expected a folder for images at '{self.folder}', but it cannot be used ({error.strerror}); "
                "choose another"
            ) from error
        self.index = Index(self.folder / INDEX_NAME)
        self.spool = Spool(self.folder / _PARTS)
        try:
            self.max_side = self._agreed_side(str(wanted), max_side)
        except FetchError:
            self.close()
            raise

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    def path_of(self, record: Record) -> Path:
        """Where the image of a successful record lies."""
        return self.folder / relative_path(record.file)

    def has(self, record: Record) -> bool:
        """Whether the record's image is there in its full length."""
        try:
            return bool(record.file) and self.path_of(record).stat().st_size == record.bytes
        except OSError:
            return False

    def save(self, picture: Picture) -> str:
        """Write an image, unless its content is there already; its name. Raises OSError.

        The file appears whole, after its bytes have reached the disk.
        """
        name = f"{hashlib.sha256(picture.data).hexdigest()}.{picture.suffix}"
        path = self.folder / relative_path(name)
        if path.exists() and path.stat().st_size == len(picture.data):
            return name
        part = self.folder / _PARTS / secrets.token_hex(8)
        try:
            with part.open("xb") as file:
                file.write(picture.data)
                file.flush()
                os.fsync(file.fileno())
            path.parent.mkdir(exist_ok=True)
            os.replace(part, path)
        except BaseException:  # Ctrl-C too: nothing half written is left behind, and it is raised again
            part.unlink(missing_ok=True)
            raise
        return name

    def load(self, record: Record) -> RawImage:
        """The image's bytes, checked against their hash; FAILED with a reason where there is none.

        A damaged file is removed, so that the next run fetches the image again.
        """
        if not record.file:
            return failed(f"image could not be fetched: {record.reason}")
        try:
            data = self.path_of(record).read_bytes()
            if hashlib.sha256(data).hexdigest() != record.file[:64]:
                self.path_of(record).unlink()
                return failed("image was damaged in the image store; run this again to fetch it")
            mark_used(self.path_of(record))
        except OSError as error:
            return failed(f"fetched image cannot be read ({error.strerror}); run this again to fetch it")
        return RawImage(State.PRESENT, data)

    @contextmanager
    def filling(self, reporter: Reporter) -> Iterator[None]:
        """Hold the store for writing; waits, saying so, while another process does.

        The system releases it when the process ends, however it ends. What a killed process left half written
        is removed; bodies that it had received whole stay in the spool.
        """
        # An exclusive transaction on a database that stays empty: a lock that works alike on every system.
        connection = sqlite3.connect(self.folder / _LOCK, timeout=0, isolation_level=None)
        try:
            _take(connection, self.folder, reporter)
            for part in (self.folder / _PARTS).iterdir():
                if not part.suffix:
                    part.unlink(missing_ok=True)
            yield
        finally:
            connection.close()

    def _agreed_side(self, wanted: str, asked: int | None) -> int:
        kept = self.index.setting("max_side", wanted)
        if not kept.isdecimal() or len(kept) > len(str(LARGEST_SIDE)):
            raise FetchError(
                f"{self.folder}: the store's size of images is damaged ('{kept[:20]}'); delete it"
            )
        side = check_side(int(kept))
        if asked not in (None, side):
            raise FetchError(
                f"the image store '{self.folder}' keeps images of up to {side} pixels a side, but {asked} were "
                "asked for; leave that out, or give another folder"
            )
        return side

    def _make_folders(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        known = {INDEX_NAME, f"{INDEX_NAME}-wal", f"{INDEX_NAME}-shm", _IMAGES, _PARTS, _LOCK}
        foreign = sorted(path.name for path in self.folder.iterdir() if path.name not in known)
        if foreign and not (self.folder / INDEX_NAME).exists():
            raise FetchError(
                f"expected an image store or an empty folder, but '{self.folder}' holds '{foreign[0]}'; choose "
                "another"
            )
        for name in (_IMAGES, _PARTS):
            (self.folder / name).mkdir(exist_ok=True)


def relative_path(file: str) -> str:
    """Where in the store's folder the image of that name lies, with forward slashes."""
    return f"{_IMAGES}/{file[:2]}/{file}"


def _take(connection: sqlite3.Connection, folder: Path, reporter: Reporter) -> None:
    said = False
    while True:
        try:
            connection.execute("BEGIN EXCLUSIVE")
            return
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                raise FetchError(
                    f"the image store '{folder}' cannot be locked ({error}); give another folder, or delete the "
                    f"file '{_LOCK}' in it"
                ) from error
        if not said:
            reporter.say(f"waiting for another shelfwise that fetches into {folder}")
            said = True
        time.sleep(_ASK_AGAIN_S)
