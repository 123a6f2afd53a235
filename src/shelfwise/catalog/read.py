"""Files of any format as one stream of rows with one set of columns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from shelfwise.catalog.arrow_types import to_kind
from shelfwise.catalog.column import ImageSource
from shelfwise.catalog.image_source import ImageRows, PathImages
from shelfwise.catalog.locate import CatalogFile, find_files
from shelfwise.catalog.read_delimited import DelimitedReader
from shelfwise.catalog.read_jsonl import JsonLinesReader
from shelfwise.catalog.read_parquet import ParquetReader
from shelfwise.catalog.rows import ARROW_TYPE, Kind, Reader, RowBatch, one_array, stronger
from shelfwise.catalog.text_file import check_encoding
from shelfwise.errors import CatalogError

HEAD_ROWS = 2_000
HEAD_BYTES = 64 << 20  # fewer rows do where each is very long


@dataclass
class Rows:
    """Consecutive rows of a catalog: ``file_of`` int32 [N] says which of the files each comes from."""

    table: pa.Table
    images: dict[str, ImageSource]
    row_errors: dict[int, str]
    file_of: np.ndarray

    def __len__(self) -> int:
        return len(self.file_of)


@dataclass
class CatalogFiles:
    """The opened files of a catalog and the columns they have together.

    A column that shards hold in different kinds takes the kind that can hold both (lists before texts before
    numbers); a file without it has nulls there.
    """

    readers: list[Reader]
    folders: list[Path]
    """Where each file's relative image paths start."""
    kinds: dict[str, Kind] = field(default_factory=dict)

    @classmethod
    def open(
        cls, paths: Iterable[str | os.PathLike[str]], images_dir: Path | None, encoding: str | None = None
    ) -> CatalogFiles:
        """Open every file that ``paths`` mean; text files are in ``encoding``, or in what is found to be theirs.

        Raises CatalogError; see ``find_files`` and the readers.
        """
        if encoding is not None:
            check_encoding(encoding)  # also where there are only Parquet files
        if images_dir is not None and not images_dir.is_dir():
            raise CatalogError(f"{images_dir}: the image folder does not exist or is no folder.")
        readers = [_open(file, images_dir, encoding) for file in find_files(paths)]
        files = cls(readers, [images_dir or reader.path.parent for reader in readers])
        files._learn_columns()
        return files

    def _learn_columns(self) -> None:
        for reader in self.readers:
            for name, kind in reader.kinds.items():
                self.kinds[name] = stronger(self.kinds.get(name, kind), kind)

    @property
    def notes(self) -> list[str]:
        """What the readers have seen so far, in the order of the files."""
        return [note for reader in self.readers for note in reader.notes]

    def rows(self, rows: int, *, image_bytes: bool, skip: int = 0) -> Iterator[Rows]:
        """All rows but the first ``skip``, in order, at most ``rows`` at a time; batches never span files.

        A column first met far down a JSON lines file is in every batch from there on. Parquet files are not read
        where they are skipped, others are. Raises CatalogError where a file breaks off, or when there is not a
        single row.
        """
        empty = True
        for number, reader in enumerate(self.readers):
            batches, passed = _from_row(reader, rows, image_bytes, skip)
            skip -= passed
            empty = empty and not passed
            for batch in batches:
                for name in batch.table.column_names:
                    if name not in self.kinds:
                        self.kinds[name] = reader.kinds[name]
                empty = False
                if len(batch) > skip:
                    yield self._conform(batch.after(skip) if skip else batch, number)
                skip = max(0, skip - len(batch))
        if empty:
            raise CatalogError(self._nothing())

    def head(self, rows: int = HEAD_ROWS) -> Rows:
        """The first rows, without image bytes, for guessing roles. Raises CatalogError for none."""
        taken: list[Rows] = []
        missing, size = rows, 0
        for part in self.rows(rows, image_bytes=False):
            taken.append(part)
            missing -= len(part)
            size += part.table.nbytes
            if missing <= 0 or size >= HEAD_BYTES:
                break
        return join(taken)

    def _conform(self, batch: RowBatch, number: int) -> Rows:
        count = len(batch)
        columns, images = [], dict(batch.images)
        for name, kind in self.kinds.items():
            if name in batch.table.column_names:
                columns.append(_conform_column(batch.table[name], kind))
            else:
                columns.append(pa.chunked_array([pa.nulls(count, ARROW_TYPE[kind])]))
            if kind is Kind.IMAGE and name not in images:  # this file has paths where another has images
                folder_of = np.zeros(count, np.int32)
                images[name] = PathImages(one_array(columns[-1]), [self.folders[number]], folder_of)
        table = pa.table(columns, names=list(self.kinds))
        return Rows(table, images, batch.row_errors, np.full(count, number, np.int32))

    def _nothing(self) -> str:
        names = ", ".join(str(reader.path) for reader in self.readers[:3])
        seen = [name for reader in self.readers for name in reader.kinds][:8]
        what = f"only the columns {', '.join(seen)}" if seen else "nothing"
        return f"{names}: no products; expected at least one row, found {what}."


def _from_row(reader: Reader, rows: int, image_bytes: bool, row: int) -> tuple[Iterator[RowBatch], int]:
    """The reader's batches from as near before ``row`` as it can begin, and how many rows that leaves out."""
    if not isinstance(reader, ParquetReader):
        return reader.batches(rows, image_bytes=image_bytes), 0
    first = reader.start_before(row)
    return reader.batches(rows, image_bytes=image_bytes, first=first), first


def _open(file: CatalogFile, images_dir: Path | None, encoding: str | None) -> Reader:
    try:
        if file.format == "parquet":
            parquet = ParquetReader(file.path, images_dir)
            if encoding is not None:
                parquet.notes.append(
                    f"{file.path.name}: Parquet is always UTF-8; --encoding {encoding} is not used."
                )
            return parquet
        if file.format == "jsonl":
            return JsonLinesReader(file.path, encoding)
        return DelimitedReader(file.path, file.format, encoding)
    except PermissionError as error:
        raise CatalogError(f"{file.path}: no permission to read it.") from error


def _conform_column(column: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    if column.type == ARROW_TYPE[kind]:
        return column
    return pa.chunked_array([to_kind(chunk, kind) for chunk in column.chunks], ARROW_TYPE[kind])


def join(parts: list[Rows]) -> Rows:
    """Consecutive rows as one; columns that earlier parts did not know yet are null there."""
    table = pa.concat_tables([part.table for part in parts], promote_options="default")
    images: dict[str, ImageSource] = {
        name: ImageRows.concatenate([part.images[name] for part in parts]) for name in parts[0].images
    }
    errors: dict[int, str] = {}
    start = 0
    for part in parts:
        errors.update({start + row: reason for row, reason in part.row_errors.items()})
        start += len(part)
    return Rows(table, images, errors, np.concatenate([part.file_of for part in parts]))
