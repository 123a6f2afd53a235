"""Parquet catalogs, streamed; embedded images stay in the file until they are asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shelfwise.catalog.arrow_types import is_binary, kind_of, looks_like_images, to_kind
from shelfwise.catalog.column import ImageSource, RawImage
from shelfwise.catalog.image_source import ImageRows, MemoryImages, failed, from_struct
from shelfwise.catalog.rows import STRING, Kind, RowBatch
from shelfwise.errors import CatalogError

IMAGES_PER_READ = 256
KEPT_BYTES = 128 << 20  # decoded image columns kept per file for rows asked for again
DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What Arrow raises where a Parquet file is not what it says; the last for a column's name."""
READ_BUFFER_BYTES = 1 << 20  # streams a column instead of loading a whole row group of it


class ParquetReader:
    """Reads any Parquet file as strings, float64, lists of strings and embedded images."""

    def __init__(self, path: Path, images_dir: Path | None = None) -> None:
        self.path = path
        self.notes: list[str] = []
        self._folder = images_dir or path.parent
        self._file = open_parquet(path)
        schema = self._file.schema_arrow
        if not schema.names:
            raise CatalogError(f"{path}: the file has no columns.")
        if len(set(schema.names)) < len(schema.names):
            raise CatalogError(
                f"{path}: two columns have the same name; rename one: {', '.join(schema.names)}."
            )
        self.kinds = {field.name: kind_of(field.type) for field in schema}
        self._binary = {field.name for field in schema if is_binary(field.type)}
        for name in self._binary:
            if looks_like_images(self._first_values(name)):
                self.kinds[name] = Kind.IMAGE
        self._left_out = {
            name
            for name, kind in self.kinds.items()
            if kind is not Kind.IMAGE and _nests_bytes(schema.field(name).type)
        }
        self.notes += [
            f"{path.name}: column '{name}' holds several images or files a product; it is read as empty."
            for name in sorted(self._left_out)
        ]
        if self._file.metadata.num_rows == 0:
            self.notes.append(f"{path.name}: the file holds no rows.")

    def _first_values(self, name: str) -> pa.Array:
        try:
            for batch in self._file.iter_batches(batch_size=64, columns=[name]):
                return batch.column(0)
        except DAMAGED as error:
            raise CatalogError(
                f"{self.path}: column '{name}' is damaged ({error}). Get a complete copy of the file."
            ) from error
        return pa.nulls(0, pa.binary())

    def start_before(self, row: int) -> int:
        """The last row at or before ``row`` where reading can begin (a row group's first); the end for one past it."""
        starts = row_group_starts(self._file.metadata)
        return int(starts[np.searchsorted(starts, row, side="right") - 1])

    def batches(self, rows: int, *, image_bytes: bool, first: int = 0) -> Iterator[RowBatch]:
        """All rows from ``first`` (see `start_before`) on, in order, at most ``rows`` a batch."""
        embedded = [name for name, kind in self.kinds.items() if kind is Kind.IMAGE]
        stores = (
            {} if image_bytes else {name: ParquetImages(self.path, name, self._folder) for name in embedded}
        )
        done = first
        groups = np.flatnonzero(row_group_starts(self._file.metadata)[:-1] >= first).tolist()
        try:
            for batch in self._file.iter_batches(
                batch_size=rows, columns=self._leaves(image_bytes), row_groups=groups
            ):
                images = {
                    name: ImageRows.of(stores[name]).take(np.arange(done, done + len(batch)))
                    if name in stores
                    else _in_memory(batch.column(name), self._folder)
                    for name in embedded
                }
                columns = [self._column(batch, name, kind) for name, kind in self.kinds.items()]
                yield RowBatch(pa.table(columns, names=list(self.kinds)), images)
                done += len(batch)
        except DAMAGED as error:
            raise CatalogError(
                f"{self.path}: damaged Parquet after {done:,} row(s) ({error}). Get a complete copy of it."
            ) from error

    def _leaves(self, image_bytes: bool) -> list[str]:
        """The columns to read; without ``image_bytes`` only the paths of embedded images."""
        leaves = []
        for name, kind in self.kinds.items():
            if name in self._left_out:
                continue
            if kind is not Kind.IMAGE or image_bytes:
                leaves.append(name)
            elif (
                name not in self._binary
                and self._file.schema_arrow.field(name).type.get_field_index("path") >= 0
            ):
                leaves.append(f"{name}.path")
        return leaves

    def _column(self, batch: pa.RecordBatch, name: str, kind: Kind) -> pa.Array:
        if batch.schema.get_field_index(name) < 0:
            return pa.nulls(len(batch), STRING)
        return to_kind(batch.column(name), kind)


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a Parquet file for streaming. Raises CatalogError when it is truncated or none."""
    try:
        file = pq.ParquetFile(path, buffer_size=READ_BUFFER_BYTES, pre_buffer=False)
        file.schema_arrow.names  # noqa: B018 (read from the file, and refused, only now)
        return file
    except DAMAGED as error:
        what = "is empty (0 bytes)" if path.stat().st_size == 0 else "is not a complete Parquet file"
        raise CatalogError(f"{path}: the file {what} ({error}). Get a complete copy of it.") from error


def row_group_starts(metadata: pq.FileMetaData) -> np.ndarray:
    """int64 [row groups + 1]: the first row of each, and the number of rows."""
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def _nests_bytes(type: pa.DataType) -> bool:
    """Whether raw bytes lie somewhere within lists, structs or maps."""
    if not pa.types.is_nested(type):
        return False
    children = [type.field(position).type for position in range(type.num_fields)]
    return any(is_binary(child) or _nests_bytes(child) for child in children)


def _bytes_and_paths(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The bytes (binary) and paths (string) of an embedded image column; null where the struct is."""
    if is_binary(column.type):
        return column, pa.nulls(len(column), STRING)
    data = pc.struct_field(column, [column.type.get_field_index("bytes")])
    return data, to_kind(column, Kind.IMAGE)


def _in_memory(column: pa.Array, folder: Path) -> ImageSource:
    return MemoryImages(*_bytes_and_paths(column), folder)


class ParquetImages:
    """The embedded images of one Parquet file, read a few hundred at a time when they are asked for.

    Ascending rows are one pass over the file; going back within a row group reads that group again from its
    start, unless the images are among the last ``KEPT_BYTES`` read.
    """

    def __init__(self, path: Path, column: str, folder: Path) -> None:
        self._path = path
        self._column = column
        self._folder = folder
        self._lock = threading.Lock()
        self._file: pq.ParquetFile | None = None
        self._starts = row_group_starts(pq.read_metadata(path))
        self._kept: OrderedDict[int, tuple[pa.Array, pa.Array]] = OrderedDict()  # by first row
        self._kept_bytes = 0
        self._ahead: Iterator[pa.RecordBatch] | None = None
        self._ahead_group = -1
        self._ahead_row = 0

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, rows: np.ndarray) -> ImageSource:
        """The images of ``rows``, as a source of their own."""
        return ImageRows.of(self).take(rows)

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        """The images of ``rows``, in that order. Rows of a damaged part of the file come back FAILED."""
        images: list[RawImage] = []
        with self._lock:
            for row in rows:
                try:
                    first, (data, paths) = self._block_of(int(row))
                except DAMAGED as error:
                    self._ahead = None
                    images.append(failed(f"embedded image cannot be read from {self._path.name} ({error})"))
                    continue
                offset = int(row) - first
                images.append(from_struct(data[offset].as_py(), paths[offset].as_py(), self._folder))
        return images

    def _block_of(self, row: int) -> tuple[int, tuple[pa.Array, pa.Array]]:
        for first in reversed(self._kept):
            if first <= row < first + len(self._kept[first][0]):
                self._kept.move_to_end(first)
                return first, self._kept[first]
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        if self._ahead is None or self._ahead_group != group or row < self._ahead_row:
            self._ahead = self._open().iter_batches(
                batch_size=IMAGES_PER_READ, row_groups=[group], columns=[self._column]
            )
            self._ahead_group, self._ahead_row = group, int(self._starts[group])
        for batch in self._ahead:
            first = self._ahead_row
            self._ahead_row += len(batch)
            block = _bytes_and_paths(batch.column(0))
            self._keep(first, block)
            if row < self._ahead_row:
                return first, block
        raise pa.ArrowInvalid(f"row {row:,} is missing; the file has changed")

    def _open(self) -> pq.ParquetFile:
        if self._file is None:
            self._file = pq.ParquetFile(self._path, buffer_size=READ_BUFFER_BYTES, pre_buffer=False)
        return self._file

    def _keep(self, first: int, block: tuple[pa.Array, pa.Array]) -> None:
        if first in self._kept:
            return
        self._kept[first] = block
        self._kept_bytes += block[0].nbytes
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            _, (data, _) = self._kept.popitem(last=False)
            self._kept_bytes -= data.nbytes
