"""What every catalog format is turned into: batches of rows in three plain column kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from shelfwise.catalog.column import ImageSource

Progress = Callable[[int], None]
"""Called with the number of rows done since the last call."""

STRING = pa.string()
NUMBER = pa.float64()
STRING_LIST = pa.list_(pa.string())


def no_progress(done: int) -> None:
    """Report nothing."""


class Kind(StrEnum):
    """How a column is held in memory; when shards disagree, the later member here wins."""

    NUMBER = "number"
    STRING = "string"
    LIST = "list"
    IMAGE = "image"


MAX_STRING_BYTES = 2**31 - 1

ARROW_TYPE = {Kind.NUMBER: NUMBER, Kind.STRING: STRING, Kind.LIST: STRING_LIST, Kind.IMAGE: STRING}
_STRENGTH = {kind: strength for strength, kind in enumerate(Kind)}


def stronger(one: Kind, other: Kind) -> Kind:
    """The kind that can hold the values of both."""
    return max(one, other, key=_STRENGTH.__getitem__)


@dataclass(frozen=True)
class RowBatch:
    """Some rows of one file.

    ``table`` has string, float64 and list<string> columns only; an embedded image column appears in it by its
    paths, and its bytes in ``images``. ``row_errors`` says, by row of the batch, why a row could not be read.
    """

    table: pa.Table
    images: dict[str, ImageSource] = field(default_factory=dict)
    row_errors: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def after(self, count: int) -> RowBatch:
        """The rows without the first ``count``."""
        rows = np.arange(count, len(self))
        return RowBatch(
            self.table.slice(count),
            {name: source.take(rows) for name, source in self.images.items()},
            {row - count: reason for row, reason in self.row_errors.items() if row >= count},
        )


class Reader(Protocol):
    """One opened catalog file. Its columns are known once it is opened; rows are read only by ``batches``."""

    path: Path
    kinds: dict[str, Kind]
    notes: list[str]

    def batches(self, rows: int, *, image_bytes: bool) -> Iterator[RowBatch]:
        """All rows in order, at most ``rows`` at a time.

        ``image_bytes``: hold each batch's embedded images in memory; otherwise keep references into the file.
        Raises CatalogError where the file breaks off.
        """
        ...


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece. Text of more than 2 GB, which no string array can hold, becomes large_string."""
    if column.num_chunks == 1:
        return column.chunk(0)
    if column.type == STRING and column.nbytes > MAX_STRING_BYTES:
        column = column.cast(pa.large_string())
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
