"""Which products, and what their columns are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shelfwise.commands.options.common import Names, split_names
from shelfwise.profiling import timed

if TYPE_CHECKING:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.progress import Reporter

Catalogs = Annotated[
    list[str],
    typer.Argument(metavar="CATALOG", help="Files, folders or globs of CSV, TSV, JSON lines or Parquet."),
]


@dataclass(frozen=True)
class ProductSource:
    """What has to be known of a catalog's columns where a trained model knows the rest."""

    images: Annotated[
        Path | None,
        typer.Option(
            "--images", metavar="DIR", help="Where image paths start, if not at the catalog file's folder."
        ),
    ] = None
    id: Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="The column of product ids.")] = (
        None
    )
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding", metavar="NAME", help="The encoding of text files, such as cp1252 (default: found)."
        ),
    ] = None

    def read(
        self, catalogs: Sequence[str], reporter: Reporter, stage: str = "reading the catalog"
    ) -> Catalog:
        """The products of ``catalogs``. Raises CatalogError."""
        from shelfwise.catalog.catalog import Catalog

        with timed("read"), reporter.stage(stage, total=None) as reading:
            return Catalog.read(*catalogs, **self._roles(), progress=reading.advance)

    def _roles(self) -> dict[str, Any]:
        """What was given, as arguments of `Catalog.read`."""
        return {"images_dir": self.images, "id": self.id, "encoding": self.encoding}


@dataclass(frozen=True)
class CatalogRoles(ProductSource):
    """What all of a catalog's columns are for."""

    text: Annotated[Names, typer.Option("--text", metavar="A,B", help="Columns to read as text.")] = None
    category: Annotated[
        Names,
        typer.Option(
            "--category", metavar="A,B", help="Columns to read as one of few values, such as a brand."
        ),
    ] = None
    number: Annotated[Names, typer.Option("--number", metavar="A,B", help="Columns to read as numbers.")] = (
        None
    )
    image: Annotated[Names, typer.Option("--image", metavar="COLUMN", help="The column of images.")] = None
    group: Annotated[
        str | None,
        typer.Option("--group", metavar="COLUMN", help="Products that share its value are kept together."),
    ] = None

    def _roles(self) -> dict[str, Any]:
        return {
            **super()._roles(),
            "text": split_names(self.text),
            "category": split_names(self.category),
            "number": split_names(self.number),
            "image": split_names(self.image),
            "group": self.group,
        }
