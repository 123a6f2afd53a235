"""Where shards go: a folder of this machine's, or a place that a pyarrow file system reaches (object storage)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from shelfwise.errors import ShelfwiseError
from shelfwise.whole_files import PART_SUFFIX, whole_file, write_whole

REWRITE_EVERY_S = 10.0
"""Objects cannot be added to, only replaced: that often a manifest is. What a kill leaves out is predicted again."""


class Place(Protocol):
    """A folder of shards and their manifest. All methods raise OSError where the disk or the network fails."""

    def sizes(self) -> dict[str, int]:
        """The files that are there, with their bytes; hidden ones are left out. Makes the folder where there is none."""
        ...

    def tidy(self) -> None:
        """Delete what killed processes have left half written."""
        ...

    def read(self, name: str) -> str:
        """A text file."""
        ...

    def parquet(self, name: str) -> pq.ParquetFile:
        """A Parquet file, opened. Raises ArrowInvalid where it is none."""
        ...

    def write(self, name: str, text: str) -> None:
        """Replace a text file at once."""
        ...

    def append(self, name: str, line: str, last: bool) -> bool:
        """Add a line; False where that is not possible and the whole file is to be written instead."""
        ...

    def save(self, name: str, table: pa.Table) -> int:
        """Write a Parquet file that appears only when it is whole; its bytes."""
        ...


class LocalPlace:
    """A folder of a file system that this machine has mounted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def sizes(self) -> dict[str, int]:
        """See `Place`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return {
            file.name: file.stat().st_size for file in self._folder.iterdir() if not file.name.startswith(".")
        }

    def tidy(self) -> None:
        """See `Place`."""
        for left in self._folder.glob(f".*{PART_SUFFIX}"):
            left.unlink(missing_ok=True)

    def read(self, name: str) -> str:
        """See `Place`."""
        return (self._folder / name).read_text(encoding="utf-8", errors="replace")

    def parquet(self, name: str) -> pq.ParquetFile:
        """See `Place`."""
        return pq.ParquetFile(self._folder / name)

    def write(self, name: str, text: str) -> None:
        """See `Place`."""
        write_whole(self._folder / name, text)

    def append(self, name: str, line: str, last: bool) -> bool:
        """See `Place`; the line is on the disk afterwards."""
        with (self._folder / name).open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        return True

    def save(self, name: str, table: pa.Table) -> int:
        """See `Place`."""
        with whole_file(self._folder / name) as part:
            pq.write_table(table, part)
        return (self._folder / name).stat().st_size


class RemotePlace:
    """A folder of a pyarrow file system, where a file appears when it is closed."""

    def __init__(self, uri: str) -> None:
        """``uri``: ``s3://bucket/folder``, ``gs://…``, ``hdfs://…``, ``file:///…``. Raises ShelfwiseError."""
        self._uri = uri.rstrip("/")
        self._files, self._path = open_uri(self._uri)
        self._written_at = 0.0

    def __str__(self) -> str:
        return self._uri

    def sizes(self) -> dict[str, int]:
        """See `Place`."""
        self._files.create_dir(self._path, recursive=True)
        found = self._files.get_file_info(pafs.FileSelector(self._path))
        return {file.base_name: file.size for file in found if file.is_file and file.base_name[0] != "."}

    def tidy(self) -> None:
        """See `Place`: nothing is left of a file that was not closed."""

    def read(self, name: str) -> str:
        """See `Place`."""
        with self._files.open_input_stream(f"{self._path}/{name}") as file:
            return file.read().decode("utf-8", errors="replace")

    def parquet(self, name: str) -> pq.ParquetFile:
        """See `Place`."""
        return pq.ParquetFile(self._files.open_input_file(f"{self._path}/{name}"), pre_buffer=True)

    def write(self, name: str, text: str) -> None:
        """See `Place`."""
        with self._files.open_output_stream(f"{self._path}/{name}") as file:
            file.write(text.encode())
        self._written_at = time.monotonic()

    def append(self, name: str, line: str, last: bool) -> bool:
        """See `Place`: now and then, and at the end, the whole is to be written."""
        return not last and time.monotonic() - self._written_at < REWRITE_EVERY_S

    def save(self, name: str, table: pa.Table) -> int:
        """See `Place`."""
        path = f"{self._path}/{name}"
        with self._files.open_output_stream(path) as file:
            pq.write_table(table, file)
        return self._files.get_file_info(path).size


def is_uri(text: str) -> bool:
    """Whether this names a place by a URI, and not by a path."""
    return "://" in text


def refuse_cluster_only(address: str | None, names: Iterable[str]) -> None:
    """Raise ShelfwiseError for what only machines of a cluster can be told: its address, and places by URIs."""
    if address is not None:
        raise ShelfwiseError("--address is for --engine ray; name the engine too, or leave the address out")
    if any(map(is_uri, names)):
        raise ShelfwiseError(
            "object storage and other URIs are for --engine ray; name the engine too, or copy the files"
        )


def place_of(text: str) -> Place:
    """The place that a path or URI names. Raises ShelfwiseError for a URI that no file system here reaches."""
    return RemotePlace(text) if is_uri(text) else LocalPlace(Path(text))


def open_uri(uri: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a URI, and the path in it. Raises ShelfwiseError."""
    try:
        return pafs.FileSystem.from_uri(uri)
    except (pa.ArrowException, OSError) as error:
        what = " ".join(str(error).split())
        raise ShelfwiseError(
            f"expected a URI of a file system that pyarrow reaches, such as s3://bucket/folder, got '{uri}': {what}"
        ) from error
