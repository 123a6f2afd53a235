"""A row for every product: whether its image was fetched, where it is, or why it is not there."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from shelfwise.catalog.fetching.plan import Given, ImageRow
from shelfwise.catalog.fetching.records import Found, NotTried, Record, Result
from shelfwise.catalog.fetching.store import relative_path
from shelfwise.whole_files import whole_file

MANIFEST_NAME = "manifest.csv"
COLUMNS = ("row", "id", "column", "state", "reason", "image", "url", "bytes", "width", "height", "tried_at")
WRITTEN_EVERY_S = 30.0
_REST_TO_WORK = 20
"""So many times longer than writing it took, the manifest is left alone."""


class Fetched(StrEnum):
    """The state of a product's image."""

    OK = "ok"
    FAILED = "failed"
    NOT_TRIED = "not tried"
    ABSENT = "absent"
    """The catalog names no image."""


def state_of(row: ImageRow, results: Mapping[str, Result]) -> tuple[Fetched, str]:
    """(The state, the reason or "") of one product's image; ``results`` are by URL."""
    if row.given is Given.ABSENT:
        return Fetched.ABSENT, ""
    if row.given in (Given.REFUSED, Given.UNREADABLE):
        return Fetched.FAILED, row.reason
    if row.given is Given.THERE:
        return Fetched.NOT_TRIED, row.reason
    result = results.get(row.url)
    if result is None:
        return Fetched.NOT_TRIED, ""
    if isinstance(result, NotTried):
        return Fetched.NOT_TRIED, result.reason
    return (Fetched.OK if result.state is Found.OK else Fetched.FAILED), result.reason


def write_manifest(
    path: Path, rows: Sequence[ImageRow], products: int, results: Mapping[str, Result]
) -> None:
    """Write one CSV line a product and image column, in the catalog's order.

    ``rows``: column after column, ``products`` rows each. ``row`` counts products from 1; ``image`` is relative
    to the manifest's folder, so that the manifest is itself a catalog with images. The file appears whole.
    Raises OSError.
    """
    with whole_file(path) as part, part.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(COLUMNS)
        for number, row in enumerate(rows):
            writer.writerow(_line(number % products + 1, row, results))


def _line(number: int, row: ImageRow, results: Mapping[str, Result]) -> list[object]:
    state, reason = state_of(row, results)
    found = results.get(row.url) if row.url else None
    record = found if isinstance(found, Record) else Record(row.url, Found.FAILED)
    tried = (
        datetime.fromtimestamp(record.tried_at, UTC).isoformat(timespec="seconds") if record.tried_at else ""
    )
    image = relative_path(record.file) if record.file else ""
    size = [record.bytes, record.width, record.height] if record.file else ["", "", ""]
    # A lone carriage return in a field would be read as the end of a line.
    texts = [text.replace("\r", " ") for text in (row.id, row.column, str(state), reason, image, row.text)]
    return [number, *texts, *size, tried]


class ManifestKeeper:
    """Writes the manifest at the start, now and then, and at the end, so that a killed run leaves one too.

    Used as a context manager around the work. ``write`` is called from a thread of its own in between.
    """

    def __init__(self, write: Callable[[], None], every_s: float = WRITTEN_EVERY_S) -> None:
        self._write, self._every_s = write, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="manifest", daemon=True)

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._write()

    def _keep(self) -> None:
        rest_s = self._every_s
        while not self._over.wait(rest_s):
            started = time.monotonic()
            try:
                self._write()
            except OSError:
                return  # a full disk: the last writing meets it too, and tells
            rest_s = max(self._every_s, _REST_TO_WORK * (time.monotonic() - started))
