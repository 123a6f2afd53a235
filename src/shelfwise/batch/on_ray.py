"""Work on a cluster, by Ray Data: machines each load what it takes and do pieces; a lost one costs its pieces only."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

from shelfwise.batch.blocks import Tally, Work
from shelfwise.batch.folder import Filled, held_folder, saying_what_is_kept
from shelfwise.batch.manifest import Identity, Manifest, Shard, shard_name
from shelfwise.batch.pieces import Piece, read_piece
from shelfwise.batch.places import is_uri, place_of
from shelfwise.catalog.catalog import SCAN_ROWS
from shelfwise.catalog.fields import Field
from shelfwise.errors import MissingDependencyError, ShelfwiseError
from shelfwise.progress import Reporter

HOW_TO_INSTALL = "pip install 'shelfwise[ray]'"
START_WITHIN_S = 120
"""On a busy machine a cluster of one takes its time."""
CONNECT_WITHIN_S = 20.0
_HOW_TO_REACH = "start one with `ray start --head`, or leave --address out"


def need_ray() -> None:
    """Raise MissingDependencyError where Ray is not installed."""
    if find_spec("ray") is None:
        raise MissingDependencyError(f"--engine ray needs Ray; install it with: {HOW_TO_INSTALL}")


@dataclass(frozen=True)
class Actors:
    """Who works: so many actors of one core and ``gpus`` GPUs each, on the cluster at ``address`` (None: one started here)."""

    count: int
    address: str | None = None
    gpus: float = 0.0


@dataclass(frozen=True)
class ClusterJob:
    """What every machine needs to know: what to make, of columns that mean what, and where to put it.

    ``images``: where image paths start, if not at the catalog file's folder. ``counts``: what products are counted by.
    """

    work: Work
    output: str
    fields: Mapping[str, Field]
    images: Path | None
    counts: tuple[str, ...]


class PieceWorker:
    """The actor: loads what the work takes once, then makes one piece after the other and writes its shard."""

    def __init__(self, sent: Any) -> None:
        """``sent``: Ray's reference to a `ClusterJob`, which it sends to each machine once."""
        import ray

        self._job: ClusterJob = ray.get(sent)
        self._make = self._job.work.maker()
        self._place = place_of(self._job.output)

    def __call__(self, pieces: dict[str, Any]) -> dict[str, Any]:
        """Columns of pieces → columns of finished shards' lines. Done again, it writes the same file again."""
        names = list(Piece.__dataclass_fields__)
        done = [
            self._write(Piece(**{name: _plain(value) for name, value in zip(names, row, strict=True)})).line()
            for row in zip(*(pieces[name] for name in names), strict=True)
        ]
        return {name: [line[name] for line in done] for name in done[0]}

    def _write(self, piece: Piece) -> Shard:
        tables, tally = [], Tally()
        for batch in read_piece(piece, SCAN_ROWS, self._job.fields, self._job.images):
            block = self._make(batch)
            tables.append(block.payload)
            tally += block.tally
        if tally.products != piece.rows:
            raise ShelfwiseError(
                f"'{piece.source}' has changed: expected {piece.rows:,} products from row {piece.first + 1:,} on, "
                f"got {tally.products:,}"
            )
        size = self._place.save(shard_name(piece.shard), pa.concat_tables(tables))
        return Shard(piece.shard, piece.source, tally, size)


def fill_on_ray(
    job: ClusterJob, identity: Identity, pieces: Sequence[Piece], actors: Actors, reporter: Reporter
) -> Filled:
    """Write the shards and the manifest that `fill_folder` writes, in whatever order they are finished.

    A killed actor is started again and its piece is done again.
    Raises ShelfwiseError where the catalog, the place or the cluster fails, BatchInterrupted on Ctrl-C.
    """
    with nullcontext() if is_uri(job.output) else held_folder(Path(job.output)):
        manifest = Manifest(place_of(job.output), identity)
        found = manifest.tally.products
        missing = [piece for piece in pieces if piece.shard not in manifest.shards]
        with saying_what_is_kept(manifest):
            if missing:
                total = sum(piece.rows for piece in missing)
                with cluster(actors), reporter.stage(identity.kind.doing, total) as stage:
                    for shard in _finished(job, missing, actors):
                        manifest.add(shard)
                        stage.advance(shard.rows)
            if not manifest.complete:
                manifest.finish()
        return Filled.of(manifest, found)


@contextmanager
def cluster(actors: Actors) -> Iterator[None]:
    """Connect to the cluster that is asked for, or use the one that this process is connected to, or start one here."""
    # What goes wrong is raised; that an actor's arguments are kept apart is no news to a user.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    if ray.is_initialized():
        yield
        return
    _refuse_silent(actors.address)
    os.environ.setdefault("RAY_raylet_start_wait_time_s", str(START_WITHIN_S))
    wanted: dict[str, Any] = {"address": actors.address}
    if actors.address is None:
        wanted = {"num_cpus": actors.count + 1, "include_dashboard": False}
    try:
        ray.init(**wanted, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises Exception itself where a node does not start; told as ours
        what = " ".join(str(error).split())
        advice = "try again when the machine is less busy, or use the local engine with --workers"
        if actors.address is not None:
            advice = _HOW_TO_REACH
        raise ShelfwiseError(f"no Ray cluster can be reached or started: {what:.300}; {advice}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _refuse_silent(address: str | None) -> None:
    """Raise ShelfwiseError where nothing listens at a ``host:port``: Ray would try for many minutes without a word."""
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_WITHIN_S).close()
    except (OSError, OverflowError) as error:
        raise ShelfwiseError(f"no Ray cluster answers at {address}: {error}; {_HOW_TO_REACH}") from error


def _finished(job: ClusterJob, pieces: Sequence[Piece], actors: Actors) -> Iterator[Shard]:
    """Every piece's shard when it is done. Raises ShelfwiseError for what a machine raised.

    Ray Data starts killed actors again and does their pieces again, as often as it takes.
    """
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # or it tells of every execution
    # Ray would wait for a GPU for ever.
    there = ray.cluster_resources().get("GPU", 0.0)
    if there < actors.gpus:
        raise ShelfwiseError(
            f"expected a cluster with {actors.gpus:g} GPU for each worker, but it has {there:g} in all; leave --gpus out, or "
            "start Ray on machines that have some"
        )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    rows = [asdict(piece) for piece in pieces]
    lines = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        PieceWorker,
        fn_constructor_args=(ray.put(job),),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=actors.count),
        num_cpus=1,
        num_gpus=actors.gpus or None,
    )
    try:
        for row in lines.iter_rows():
            shard = Shard.read({name: _plain(value) for name, value in row.items()}, job.counts)
            assert shard is not None, "a machine of this version writes lines that this version reads"
            yield shard
    except ray.exceptions.RayError as error:
        raise ShelfwiseError(f"the cluster could not finish: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """The last line that says what went wrong on the machine that it went wrong on."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:400] if lines else type(error).__name__


def _plain(value: Any) -> Any:
    """A Python number or text of what may be NumPy's."""
    return value.item() if hasattr(value, "item") else value
