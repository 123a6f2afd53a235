"""The catalog: every product with its id and columns, never lost or swapped, and what each column is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.column import INPUT_ROLES, ImageSource, InputColumn, Role
from shelfwise.catalog.fields import SAMPLE_ROWS, Field, Roles, missing_column
from shelfwise.catalog.image_source import ImagesFromWeb, PathImages, WebImages
from shelfwise.catalog.inputs import absent_input, image_input, image_paths, number_input, text_input
from shelfwise.catalog.opening import Opening, Paths, Products, remarks
from shelfwise.catalog.read import join
from shelfwise.catalog.rows import Progress, no_progress, one_array
from shelfwise.errors import CatalogError

READ_ROWS = 1 << 16
SCAN_ROWS = 4_096

Names = str | Iterable[str]


class Catalog:
    """Products in the order of their files; a product's identity is its position, its name for people its id.

    Attributes
    ----------
    table
        Every column as string, float64 (where the source has floats) or list<string>; embedded images by
        their paths.
    ids
        One string a product, exactly as written. Where there is none, the row's number in the whole catalog
        (from 1).
    fields
        Name → ``Field`` (role and why), in the order of the columns.
    row_errors
        Row → why it could not be read. The product is there all the same, with nulls in all columns but the
        id.
    notes
        What was decided or noticed while reading, for a person.
    sources
        The files, in the order read.
    """

    def __init__(
        self,
        table: pa.Table,
        ids: list[str],
        fields: dict[str, Field],
        *,
        row_errors: dict[int, str] | None = None,
        notes: Iterable[str] = (),
        sources: Iterable[str] = (),
        images: Mapping[str, ImageSource] | None = None,
        folders: Sequence[Path] = (Path(),),
        folder_of: np.ndarray | None = None,
        web: WebImages | None = None,
    ) -> None:
        """``images``: embedded ones; ``folders[folder_of[row]]``: where a row's image paths start; ``web``: those
        that were fetched."""
        if len(ids) != table.num_rows:
            raise CatalogError(
                f"Expected one id a product, got {len(ids):,} ids for {table.num_rows:,} products."
            )
        self.table = table
        self.ids = ids
        self.fields = fields
        self.row_errors = row_errors or {}
        self.notes = list(notes)
        self.sources = list(sources)
        self._images = dict(images or {})
        self._web = web
        self._folders = list(folders)
        self._folder_of = np.zeros(len(ids), np.int32) if folder_of is None else folder_of

    @classmethod
    def read(
        cls,
        *paths: Paths,
        images_dir: Paths | None = None,
        id: str | None = None,
        text: Names = (),
        category: Names = (),
        number: Names = (),
        image: Names = (),
        group: str | None = None,
        encoding: str | None = None,
        progress: Progress = no_progress,
    ) -> Catalog:
        """Read whole catalogs: files, folders or globs of CSV, TSV, JSON lines (each also .gz) or Parquet.

        Columns named in ``id`` … ``group`` have that role, the others' roles are guessed. Relative image
        paths start at their catalog file's folder, or at ``images_dir``; images themselves are not read.
        ``encoding`` is that of CSV, TSV and JSON lines; None has it found out. ``progress`` is told how many rows are
        done. Raises CatalogError.
        """
        roles = Roles.of(id, group, text, category, number, image)
        opening = Opening.of(paths, images_dir, roles, None, encoding)
        parts = []
        for part in opening.files.rows(READ_ROWS, image_bytes=False):
            parts.append(part)
            progress(len(part))
        rows = join(parts)
        sample = rows.table.take(np.unique(np.linspace(0, len(rows) - 1, SAMPLE_ROWS).astype(np.int64)))
        fields = opening.fields(sample)
        catalog = cls._of(opening, opening.products(rows, first_row=0), fields)
        catalog.notes += remarks(catalog.ids, catalog.row_errors, fields)
        return catalog

    @classmethod
    def scan(
        cls,
        *paths: Paths,
        rows: int = SCAN_ROWS,
        skip: int = 0,
        before: int = 0,
        images_dir: Paths | None = None,
        id: str | None = None,
        text: Names = (),
        category: Names = (),
        number: Names = (),
        image: Names = (),
        group: str | None = None,
        encoding: str | None = None,
        fields: Mapping[str, Field] | None = None,
        progress: Progress = no_progress,
    ) -> Iterator[Catalog]:
        """The products that ``read`` gives, same order and ids, at most ``rows`` at a time in bounded memory.

        Roles are guessed from the first 2,000 rows, or are those of ``fields`` (columns it does not mention
        are ignored). Files are opened, and CatalogError for what is wrong with them raised, at once. ``skip``:
        products at the start that are not wanted again; ids that are row numbers still count them, and the products
        of other files that come ``before``.
        """
        if rows < 1:
            raise CatalogError(f"Expected at least 1 row a batch, got {rows}.")
        roles = Roles.of(id, group, text, category, number, image)
        opening = Opening.of(paths, images_dir, roles, fields, encoding)
        return cls._batches(opening, rows, skip, before, progress)

    @classmethod
    def _batches(
        cls, opening: Opening, rows: int, skip: int, before: int, progress: Progress
    ) -> Iterator[Catalog]:
        fields = opening.fields(opening.head.table)
        done = before + skip
        for part in opening.files.rows(rows, image_bytes=True, skip=skip):
            for name in part.table.column_names:
                if name not in fields:
                    fields[name] = Field(
                        name, Role.IGNORED, f"first met after row {done:,}, when roles were decided"
                    )
            yield cls._of(opening, opening.products(part, first_row=done), dict(fields))
            done += len(part)
            progress(len(part))

    @classmethod
    def _of(cls, opening: Opening, products: Products, fields: dict[str, Field]) -> Catalog:
        return cls(
            products.table,
            products.ids,
            fields,
            row_errors=products.row_errors,
            notes=opening.notes(),
            sources=opening.sources,
            images=products.images,
            folders=opening.files.folders,
            folder_of=products.folder_of,
        )

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Catalog({len(self):,} products, inputs: {', '.join(self.input_names) or 'none'})"

    @property
    def file_of(self) -> np.ndarray:
        """int32 [products]: which of ``sources`` each product was read from."""
        return self._folder_of

    @property
    def input_names(self) -> list[str]:
        """The columns that are inputs by their role, in order."""
        return [name for name, field in self.fields.items() if field.role in INPUT_ROLES]

    def column(self, name: str) -> pa.Array:
        """A column as one array (large_string above 2 GB). Raises CatalogError, naming the nearest."""
        if name not in self.table.column_names:
            raise CatalogError(missing_column(name, self.table.column_names))
        return one_array(self.table[name])

    def input(self, name: str, role: Role | None = None) -> InputColumn:
        """A column as an input: with ``role``, else with its own (TEXT where that is no input's role).

        Empty cells, white space and words such as "null" are ABSENT; what a NUMBER column holds that is none
        is FAILED, as is everything of a row that could not be read. Images are PRESENT when one is said to
        exist. Raises CatalogError for a column that is not there.
        """
        column = self.column(name)
        own = self.fields[name].role if name in self.fields else Role.IGNORED
        role = role or (own if own in INPUT_ROLES else Role.TEXT)
        if role is Role.NUMBER:
            return number_input(name, column, self.row_errors)
        if role is Role.IMAGE:
            return self._image_input(name, column)
        return text_input(name, role, column, self.row_errors)

    def input_or_absent(self, name: str, role: Role) -> InputColumn:
        """The input, or one that is ABSENT for every product where the catalog has no such column."""
        if name in self.table.column_names:
            return self.input(name, role)
        return absent_input(name, role, len(self), self.row_errors)

    def take(self, rows: np.ndarray) -> Catalog:
        """The given rows (numbers, or a mask), in the given order, as a catalog with the same fields."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        errors = {
            new: self.row_errors[int(old)] for new, old in enumerate(rows) if int(old) in self.row_errors
        }
        columns = [one_array(column).take(pa.array(rows)) for column in self.table.columns]
        return Catalog(
            pa.table(columns, names=self.table.column_names),
            [self.ids[row] for row in rows],
            self.fields,
            row_errors=errors if self.row_errors else {},
            notes=self.notes,
            sources=self.sources,
            images={name: source.take(rows) for name, source in self._images.items()},
            folders=self._folders,
            folder_of=self._folder_of[rows],
            web=self._web,
        )

    def with_fields(self, fields: Mapping[str, Field]) -> Catalog:
        """The same products with some fields replaced. Raises CatalogError for a column that is not there."""
        for name in fields:
            if name not in self.table.column_names:
                raise CatalogError(missing_column(name, self.table.column_names))
        return Catalog(
            self.table,
            self.ids,
            {**self.fields, **fields},
            row_errors=self.row_errors,
            notes=self.notes,
            sources=self.sources,
            images=self._images,
            folders=self._folders,
            folder_of=self._folder_of,
            web=self._web,
        )

    def with_web_images(self, web: WebImages) -> Catalog:
        """The same products, whose images at web addresses are those of ``web`` (see ``fetching.first``)."""
        same = self.with_fields({})
        same._web = web
        return same

    def _image_input(self, name: str, column: pa.Array) -> InputColumn:
        paths = image_paths(column)
        # Whether embedded bytes are there is known only when they are read.
        absent = np.zeros(len(self), bool) if name in self._images else np.asarray(pc.is_null(paths))
        source: ImageSource = PathImages(paths, self._folders, self._folder_of)
        source = self._images.get(name, source)
        if self._web is not None:
            source = ImagesFromWeb(source, paths, self._web)
        return image_input(name, source, absent, self.row_errors)
