"""A catalog of Parquet files cut into pieces that any machine can predict by itself, one shard each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from shelfwise.batch.manifest import file_identity
from shelfwise.batch.places import is_uri, open_uri
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.fields import Field
from shelfwise.catalog.locate import find_files
from shelfwise.catalog.read_parquet import DAMAGED
from shelfwise.errors import CatalogError

HEAD_ROWS = 2_000


@dataclass(frozen=True)
class Piece:
    """``rows`` products from ``first`` on of the file ``source`` (a path or a URI).

    ``shard`` is the number of the shard they become, ``before`` how many products of the catalog come before the file.
    """

    shard: int
    source: str
    first: int
    rows: int
    before: int


@dataclass(frozen=True)
class Source:
    """One Parquet file: how many products it holds, and what a manifest knows it by."""

    name: str
    rows: int
    identity: dict[str, Any]


def find_sources(catalogs: Sequence[str]) -> list[Source]:
    """The Parquet files that paths, globs and URIs stand for, in order. Raises CatalogError for other files."""
    names: list[str] = []
    for name in catalogs:
        names += _remote(name) if is_uri(name) else [str(file.path.resolve()) for file in find_files([name])]
    sources = [_source(name) for name in dict.fromkeys(names)]
    if not sum(source.rows for source in sources):
        raise CatalogError(f"{', '.join(catalogs)}: no products; expected at least one row.")
    return sources


def cut_sources(sources: Sequence[Source], shard_rows: int) -> list[Piece]:
    """The same shards as `batch.folder` writes: at most ``shard_rows`` products, never of two files."""
    pieces: list[Piece] = []
    before = 0
    for source in sources:
        for first in range(0, source.rows, shard_rows):
            rows = min(shard_rows, source.rows - first)
            pieces.append(Piece(len(pieces), source.name, first, rows, before))
        before += source.rows
    return pieces


def find_fields(sources: Sequence[Source], **roles: Any) -> dict[str, Field]:
    """What the columns are for, by the first rows; ``roles``: what is known, as in `Catalog.scan`. Raises CatalogError."""
    local = [source.name for source in sources if not is_uri(source.name)]
    if local:
        return next(iter(Catalog.scan(*local, **roles))).fields
    first = next(source for source in sources if source.rows)
    with _copied(Piece(0, first.name, 0, min(first.rows, HEAD_ROWS), 0)) as copy:
        return next(iter(Catalog.scan(copy, **roles))).fields


def read_piece(
    piece: Piece, rows: int, fields: Mapping[str, Field], images: Path | None
) -> Iterator[Catalog]:
    """Its products, at most ``rows`` at a time. Raises CatalogError, and OSError where the network fails."""
    if is_uri(piece.source):
        with _copied(piece) as copy:
            before = piece.before + piece.first
            yield from Catalog.scan(copy, rows=rows, before=before, fields=fields, images_dir=images)
        return
    left = piece.rows
    batches = Catalog.scan(
        piece.source, rows=rows, skip=piece.first, before=piece.before, fields=fields, images_dir=images
    )
    for batch in batches:
        part = batch if len(batch) <= left else batch.take(np.arange(left))
        yield part
        left -= len(part)
        if not left:
            return


def _remote(uri: str) -> list[str]:
    files, path = open_uri(uri)
    prefix = uri[: len(uri) - len(path)] if uri.endswith(path) else f"{uri.split('://')[0]}://"
    info = files.get_file_info(path)
    if info.type == pafs.FileType.NotFound:
        raise CatalogError(f"{uri}: no such file or folder. Check the spelling.")
    if info.is_file:
        return [uri]
    inside = files.get_file_info(pafs.FileSelector(path))
    names = sorted(
        one.path
        for one in inside
        if one.is_file and one.base_name.endswith((".parquet", ".pq")) and one.base_name[0] not in "._"
    )
    if not names:
        raise CatalogError(f"{uri}: the folder holds no Parquet file.")
    return [f"{prefix}{name}" for name in names]


def _source(name: str) -> Source:
    if not name.lower().endswith((".parquet", ".pq")):
        raise CatalogError(
            f"{name}: --engine ray reads Parquet, which can be cut into pieces without reading it; "
            "use the local engine, or save the catalog as Parquet"
        )
    if not is_uri(name):
        return Source(name, _open(name).metadata.num_rows, file_identity(Path(name)))
    files, path = open_uri(name)
    info = files.get_file_info(path)
    known = {"path": name, "bytes": info.size, "changed_ns": info.mtime_ns, "ends_sha256": ""}
    return Source(name, _open(name).metadata.num_rows, known)


def _open(name: str) -> pq.ParquetFile:
    try:
        if not is_uri(name):
            return pq.ParquetFile(name)
        files, path = open_uri(name)
        return pq.ParquetFile(files.open_input_file(path), pre_buffer=True)
    except DAMAGED as error:
        raise CatalogError(
            f"{name}: not a complete Parquet file ({error}). Get a complete copy of it."
        ) from error


@contextmanager
def _copied(piece: Piece) -> Iterator[Path]:
    """The piece's rows as a Parquet file on this machine, for as long as they are needed."""
    file = _open(piece.source)
    row, stop = 0, piece.first + piece.rows
    with tempfile.TemporaryDirectory(prefix="shelfwise-piece-") as folder:
        copy = Path(folder, Path(piece.source).name)
        with pq.ParquetWriter(copy, file.schema_arrow) as writer:
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                start, end = max(piece.first - row, 0), min(stop - row, count)
                if start < end:
                    writer.write_table(file.read_row_group(group).slice(start, end - start))
                row += count
        yield copy
