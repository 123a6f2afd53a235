"""Opened files become products: every row has an id, every column a role, and failed rows stay."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.column import ImageSource, Role
from shelfwise.catalog.fields import Field, Roles, find_id, guess_fields
from shelfwise.catalog.inputs import as_text
from shelfwise.catalog.read import CatalogFiles, Rows
from shelfwise.catalog.rows import Kind

Paths = str | os.PathLike[str]


@dataclass
class Products:
    """Rows with their ids; see ``Catalog`` for what the attributes are."""

    table: pa.Table
    ids: list[str]
    row_errors: dict[int, str]
    images: dict[str, ImageSource]
    folder_of: np.ndarray


@dataclass
class Opening:
    """The files of a catalog and all that is decided about them before their rows are read."""

    files: CatalogFiles
    id_field: Field | None
    said: dict[str, Role]
    given: Mapping[str, Field] | None
    head: Rows
    empty_ids: int = field(default=0)

    @classmethod
    def of(
        cls,
        paths: Iterable[Paths],
        images_dir: Paths | None,
        roles: Roles,
        given: Mapping[str, Field] | None,
        encoding: str | None = None,
    ) -> Opening:
        """Open the files, read the first rows and find the id column.

        ``given``: fields decided elsewhere. ``encoding``: of text files, where a person has said it.
        """
        folder = None if images_dir is None else Path(images_dir).expanduser()
        files = CatalogFiles.open(paths, folder, encoding)
        head = files.head()
        said = roles.by_column(files.kinds)
        taken = {**{name: known.role for name, known in (given or {}).items()}, **said}
        chosen = [name for name, role in taken.items() if role is Role.ID and name in files.kinds]
        id_field = Field(chosen[-1], Role.ID, "chosen") if chosen else find_id(_readable(head), taken)
        return cls(files, id_field, said, given, head)

    @property
    def sources(self) -> list[str]:
        """The files, in the order read."""
        return [str(reader.path) for reader in self.files.readers]

    def notes(self) -> list[str]:
        """What the files and the ids gave cause to say, so far."""
        notes = self.files.notes
        if self.id_field is None:
            notes.append("No id column was found: a product's id is its row number. Name one with --id.")
        if self.empty_ids:
            notes.append(f"{self.empty_ids:,} product(s) have an empty id; their row number is used instead.")
        return notes

    def fields(self, sample: pa.Table) -> dict[str, Field]:
        """A field for every column of ``sample``: given, chosen, or guessed from it."""
        if self.given is not None:
            unmentioned = "not among the fields given"
            fields = {
                name: self.given.get(name, Field(name, Role.IGNORED, unmentioned))
                for name in sample.column_names
            }
            fields.update({name: Field(name, role, "chosen") for name, role in self.said.items()})
            return fields | ({self.id_field.name: self.id_field} if self.id_field else {})
        embedded = [name for name, kind in self.files.kinds.items() if kind is Kind.IMAGE]
        return guess_fields(sample, embedded, self.id_field, self.said)

    def products(self, rows: Rows, first_row: int) -> Products:
        """The rows with their ids; ``first_row`` is how many rows of the catalog come before them."""
        table, count = rows.table, len(rows)
        numbers = range(first_row + 1, first_row + count + 1)
        if self.id_field is None:
            ids = list(map(str, numbers))
        else:
            column = table[self.id_field.name]
            written = [text for chunk in column.chunks for text in as_text(chunk).to_pylist()]
            ids = [
                text if text and text.strip() else str(number)
                for text, number in zip(written, numbers, strict=True)
            ]
            empty = (row for row, text in enumerate(written) if not (text and text.strip()))
            self.empty_ids += sum(row not in rows.row_errors for row in empty)
        if rows.row_errors:
            table = self._without_values(table, rows.row_errors)
        return Products(table, ids, rows.row_errors, rows.images, rows.file_of)

    def _without_values(self, table: pa.Table, row_errors: Mapping[int, str]) -> pa.Table:
        """Of a row that could not be read, only its id is to be trusted."""
        failed = np.zeros(table.num_rows, bool)
        failed[list(row_errors)] = True
        for position, name in enumerate(table.column_names):
            if self.id_field is not None and name == self.id_field.name:
                continue
            column = table.column(position)
            if column.null_count < table.num_rows:
                emptied = _emptied(column, failed)
                table = table.set_column(position, name, emptied)
        return table


def _readable(rows: Rows) -> pa.Table:
    """The rows that could be read, or all where none could."""
    good = np.setdiff1d(np.arange(len(rows)), list(rows.row_errors))
    return rows.table.take(good) if 0 < len(good) < len(rows) else rows.table


def _emptied(column: pa.ChunkedArray, failed: np.ndarray) -> pa.ChunkedArray:
    chunks: list[pa.Array] = []
    start = 0
    for chunk in column.chunks:
        here = failed[start : start + len(chunk)]
        chunks.append(pc.if_else(pa.array(here), pa.scalar(None, chunk.type), chunk) if here.any() else chunk)
        start += len(chunk)
    return pa.chunked_array(chunks, column.type)


def remarks(ids: list[str], row_errors: Mapping[int, str], fields: Mapping[str, Field]) -> Iterator[str]:
    """What is worth saying about a whole catalog: repeated ids, unreadable rows, unfetched images."""
    repeated = len(ids) - len(set(ids))
    if repeated:
        yield f"{repeated:,} product(s) repeat an id; every row is kept as a product of its own."
    if row_errors:
        row, reason = next(iter(row_errors.items()))
        yield f"{len(row_errors):,} row(s) could not be read and stay as failed (row {row + 1:,}: {reason})."
    for known in fields.values():
        if known.role is Role.IGNORED and known.why.startswith("addresses of images"):
            yield f"Column '{known.name}' is left out: {known.why}."
