"""What is made of a catalog of any size, as a folder of Parquet files; a run that was killed goes on where it stopped."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shelfwise.batch.blocks import Block, Engine, Tally
from shelfwise.batch.manifest import Identity, Manifest, Shard, shard_name
from shelfwise.batch.output import explain_os_error
from shelfwise.batch.remarks import BatchInterrupted, Remarks
from shelfwise.catalog import Catalog
from shelfwise.errors import ShelfwiseError
from shelfwise.locking import holding
from shelfwise.profiling import timed, timed_items
from shelfwise.progress import Reporter, Silent
from shelfwise.whole_files import part_of, publish

SHARD_ROWS = 1 << 16
"""Products a file: what a kill costs at most, and few enough files for a billion products."""
LOCK_FILE = ".lock"
Batches = Callable[[int], Iterable[Catalog]]
"""How many products of the catalog are not wanted → batches of the others (``Catalog.scan`` with ``skip``)."""


@dataclass(frozen=True)
class Filled:
    """What a complete folder holds. ``found``: products that earlier runs had left there."""

    tally: Tally
    shards: int
    found: int

    @classmethod
    def of(cls, manifest: Manifest, found: int) -> Filled:
        """What the folder of ``manifest`` holds."""
        return cls(manifest.tally, len(manifest.shards), found)


@contextlib.contextmanager
def held_folder(folder: Path) -> Iterator[Path]:
    """The folder, made where there is none and held by this process alone.

    Raises ShelfwiseError where another process is writing into it, or where it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ShelfwiseError(
            f"expected a folder '{folder}' to write in, but it cannot be made: {error.strerror}; choose another"
        ) from error
    with holding(folder / LOCK_FILE) as mine:
        if not mine:
            raise ShelfwiseError(
                f"the folder '{folder}' cannot be written, or another process is writing into it; wait for that to end, "
                "or choose another folder"
            )
        yield folder


def fill_folder(
    batches: Batches,
    folder: Path,
    identity: Identity,
    engine: Engine,
    *,
    reporter: Reporter | None = None,
    shard_rows: int = SHARD_ROWS,
) -> Filled:
    """Write one row a product, in the catalog's order, as ``part-000000.parquet`` and so on into ``folder``.

    ``engine`` makes them; its blocks are tables. A shard holds products of one catalog file, at most ``shard_rows`` of them. It
    appears only when it is complete and on the disk, and is then recorded in the manifest; called again with the same
    ``identity``, only what is missing is made. Raises ShelfwiseError where the folder is another catalog's, and where
    the catalog or the disk fails midway; BatchInterrupted on Ctrl-C.
    """
    reporter = Silent() if reporter is None else reporter
    with held_folder(folder):
        manifest = Manifest(folder, identity)
        found = manifest.tally.products
        if found:
            reporter.say(f"'{folder}' already holds {found:,} of the {identity.kind.name}")
        if not manifest.complete:
            run = _Run(folder, manifest, shard_rows, Remarks(reporter))
            with saying_what_is_kept(manifest), reporter.stage(identity.kind.doing, total=None) as stage:
                stage.advance(found)
                for rows in run.through(batches, engine):
                    stage.advance(rows)
    return Filled.of(manifest, found)


@contextlib.contextmanager
def saying_what_is_kept(manifest: Manifest) -> Iterator[None]:
    """Every error on the way is told together with what is finished by then: ShelfwiseError, or BatchInterrupted."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise BatchInterrupted(f"interrupted; {_kept(manifest)}") from error
    except ShelfwiseError as error:
        raise type(error)(f"{error} ({_kept(manifest)})") from error
    except OSError as error:
        raise ShelfwiseError(f"{explain_os_error(error)} ({_kept(manifest)})") from error


def _kept(manifest: Manifest) -> str:
    """What an unfinished folder holds, and how to go on."""
    done = manifest.tally.products
    if not done:
        return f"no {manifest.kind.name} were written"
    return f"{done:,} products in {manifest.place} are complete; the same command again goes on from there"


@dataclass(frozen=True)
class _Piece:
    """Consecutive products of one shard. ``source``: the catalog file they are from."""

    shard: int
    source: str
    products: int


def cut(batches: Iterable[Catalog], shard_rows: int, shard: int = 0) -> Iterator[tuple[_Piece, Catalog]]:
    """Batches cut where shards end: after ``shard_rows`` products, and with each catalog file."""
    filled, file = 0, -1
    for batch in batches:
        here = int(batch.file_of[0])
        if file not in (-1, here) and filled:
            shard, filled = shard + 1, 0
        file, start = here, 0
        while start < len(batch):
            stop = min(len(batch), start + shard_rows - filled)
            part = batch if (start, stop) == (0, len(batch)) else batch.take(np.arange(start, stop))
            yield _Piece(shard, batch.sources[here], len(part)), part
            filled, start = filled + len(part), stop
            if filled == shard_rows:
                shard, filled = shard + 1, 0


class _Run:
    """One run into a folder, from the first shard that is missing to the last."""

    def __init__(self, folder: Path, manifest: Manifest, shard_rows: int, remarks: Remarks) -> None:
        self._folder, self._manifest, self._shard_rows = folder, manifest, shard_rows
        self._remarks = remarks
        self._asked: deque[_Piece] = deque()
        """What was given to the engine and has not come back."""

    def through(self, batches: Batches, engine: Engine) -> Iterator[int]:
        """Write what is missing; how many products each step came to."""
        shard: _OpenShard | None = None
        try:
            for block in engine(self._missing(batches)):
                self._remarks.hear(block)
                piece = self._asked.popleft()
                if shard is not None and shard.piece.shard != piece.shard:
                    self._finish(shard)
                    shard = None
                with timed("write"):
                    shard = shard or _OpenShard(self._folder, piece, _table(block).schema)
                    shard.append(block)
                yield block.tally.products
            if shard is not None:
                self._finish(shard)
                shard = None
        finally:
            if shard is not None:
                shard.drop()
        self._manifest.finish()
        self._remarks.finish()

    def _missing(self, batches: Batches) -> Iterator[Catalog]:
        done = self._manifest.prefix
        skipped = sum(shard.rows for shard in done)
        for piece, part in cut(timed_items(batches(skipped), "read"), self._shard_rows, len(done)):
            if piece.shard not in self._manifest.shards:
                self._asked.append(piece)
                yield part

    def _finish(self, shard: _OpenShard) -> None:
        with timed("write"):
            self._manifest.add(shard.publish())


class _OpenShard:
    """One Parquet file under way, in a hidden file of the folder."""

    def __init__(self, folder: Path, piece: _Piece, schema: pa.Schema) -> None:
        self.piece = piece
        self._path = folder / shard_name(piece.shard)
        self._part = part_of(self._path)
        self._tally = Tally()
        self._writer = pq.ParquetWriter(self._part, schema)

    def append(self, block: Block) -> None:
        self._writer.write_table(_table(block))
        self._tally += block.tally

    def publish(self) -> Shard:
        """Give the file its name, once it is on the disk; what the manifest says of it."""
        self._writer.close()
        size = self._part.stat().st_size
        publish(self._part, self._path)
        return Shard(self.piece.shard, self.piece.source, self._tally, size)

    def drop(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):
            self._writer.close()
        self._part.unlink(missing_ok=True)


def _table(block: Block) -> pa.Table:
    assert isinstance(block.payload, pa.Table), "blocks of a folder are made for Parquet files"
    return block.payload
