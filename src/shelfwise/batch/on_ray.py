"""Predictions on a cluster, by Ray Data: machines each hold the model and predict pieces; a lost one costs its pieces only."""

from __future__ import annotations

import logging
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from shelfwise.batch.blocks import Tally
from shelfwise.batch.folder import kept, prediction_folder
from shelfwise.batch.manifest import Identity, Manifest, Shard, shard_name
from shelfwise.batch.pieces import Piece, cut_sources, find_fields, find_sources, read_piece
from shelfwise.batch.places import is_uri, place_of
from shelfwise.batch.predict import PredictionInterrupted, PredictSummary
from shelfwise.batch.workers import BatchPredictor, Job
from shelfwise.catalog.catalog import SCAN_ROWS
from shelfwise.catalog.fields import Field
from shelfwise.decision.ruling import Ruling
from shelfwise.errors import MissingDependencyError, ShelfwiseError
from shelfwise.progress import Reporter

if TYPE_CHECKING:
    from shelfwise.batch.request import PredictRequest
    from shelfwise.categorizer import Categorizer

HOW_TO_INSTALL = "pip install 'shelfwise[ray]'"
START_WITHIN_S = 120
"""On a busy machine a cluster of one takes its time."""


def check_request(request: PredictRequest) -> None:
    """Refuse, before any work, what Ray cannot do. Raises MissingDependencyError, ShelfwiseError."""
    if find_spec("ray") is None:
        raise MissingDependencyError(f"--engine ray needs Ray; install it with: {HOW_TO_INSTALL}")
    if not is_uri(request.output) and not request.to_folder:
        raise ShelfwiseError(
            f"--engine ray writes a folder of shards: expected a name that ends in a slash, got '{request.output}'"
        )


@dataclass(frozen=True)
class PackedModel:
    """The files of a model folder, so that machines need no disk in common with the one that sends them."""

    files: dict[str, bytes]

    @classmethod
    def of(cls, folder: Path) -> PackedModel:
        """Everything directly in ``folder``, and one folder down. Raises OSError."""
        found = [file for pattern in ("*", "*/*") for file in folder.glob(pattern) if file.is_file()]
        return cls({file.relative_to(folder).as_posix(): file.read_bytes() for file in found})

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """A folder that holds them, for as long as it is needed."""
        with tempfile.TemporaryDirectory(prefix="shelfwise-model-") as folder:
            for name, content in self.files.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)  # a copy that only this process reads
            yield Path(folder)


MakePredictor = Callable[[Job], Any]


@dataclass(frozen=True)
class ClusterJob:
    """What every machine needs to know; ``job.request.model`` is replaced by where it has put ``model``."""

    job: Job
    model: PackedModel
    fields: dict[str, Field]
    make_predictor: MakePredictor = BatchPredictor


class PieceWorker:
    """The actor: loads the model once, then predicts one piece after the other and writes its shard."""

    def __init__(self, sent: Any) -> None:
        """``sent``: Ray's reference to a `ClusterJob`, which it sends to each machine once."""
        import ray

        job: ClusterJob = ray.get(sent)
        with job.model.unpacked() as folder:
            request = replace(job.job.request, model=folder)
            self._predict = job.make_predictor(replace(job.job, request=request))
        self._job = job
        self._place = place_of(request.output)

    def __call__(self, pieces: dict[str, Any]) -> dict[str, Any]:
        """Columns of pieces → columns of finished shards. Done again, it writes the same file again."""
        names = list(Piece.__dataclass_fields__)
        done = [
            asdict(
                self._write(Piece(**{name: _plain(value) for name, value in zip(names, row, strict=True)}))
            )
            for row in zip(*(pieces[name] for name in names), strict=True)
        ]
        return {name: [shard[name] for shard in done] for name in Shard.__dataclass_fields__}

    def _write(self, piece: Piece) -> Shard:
        tables, tally = [], Tally()
        for batch in read_piece(piece, SCAN_ROWS, self._job.fields, self._job.job.request.images):
            block = self._predict(batch)
            tables.append(block.payload)
            tally += block.tally
        if tally.products != piece.rows:
            raise ShelfwiseError(
                f"'{piece.source}' has changed: expected {piece.rows:,} products from row {piece.first + 1:,} on, "
                f"got {tally.products:,}"
            )
        size = self._place.save(shard_name(piece.shard), pa.concat_tables(tables))
        return Shard(
            number=piece.shard,
            file=shard_name(piece.shard),
            source=piece.source,
            rows=piece.rows,
            accept=tally.accept,
            review=tally.review,
            failed=tally.failed,
            ruled=tally.ruled,
            bytes=size,
        )


def predict_on_ray(
    request: PredictRequest,
    categorizer: Categorizer,
    reporter: Reporter,
    ruling: Ruling | None = None,
    make_predictor: MakePredictor = BatchPredictor,
) -> PredictSummary:
    """Write the shards and the manifest that the local engine writes, in whatever order they are finished.

    ``request.workers`` actors of one core each predict; a killed one is started again and its piece is done again.
    Raises ShelfwiseError where the catalog, the place or the cluster fails, PredictionInterrupted on Ctrl-C.
    """
    sources = find_sources(request.catalogs)
    identity = replace(request.identity(ruling, files=[]), files=tuple(source.identity for source in sources))
    fields = find_fields(sources, request.id)
    job = ClusterJob(Job(request, ruling, threads=1), PackedModel.of(request.model), fields, make_predictor)
    if is_uri(request.output):
        return _run(request, identity, job, cut_sources(sources, request.shard_rows), reporter)
    with prediction_folder(Path(request.output)):
        return _run(request, identity, job, cut_sources(sources, request.shard_rows), reporter)


def _run(
    request: PredictRequest, identity: Identity, job: ClusterJob, pieces: list[Piece], reporter: Reporter
) -> PredictSummary:
    manifest = Manifest(place_of(request.output), identity)
    found = manifest.tally.products
    missing = [piece for piece in pieces if piece.shard not in manifest.shards]
    try:
        if missing:
            total = sum(piece.rows for piece in missing)
            with cluster(request), reporter.stage("Predicting", total) as stage:
                for shard in _finished(job, missing, request.workers):
                    manifest.add(shard)
                    stage.advance(shard.rows)
        if not manifest.complete:
            manifest.finish()
    except KeyboardInterrupt as error:
        raise PredictionInterrupted(f"interrupted; {kept(manifest)}") from error
    except ShelfwiseError as error:
        raise type(error)(f"{error} ({kept(manifest)})") from error
    return PredictSummary.of(Path(request.output), manifest.tally, len(manifest.shards), found)


@contextmanager
def cluster(request: PredictRequest) -> Iterator[None]:
    """Connect to the cluster that is asked for, or use the one that this process is connected to, or start one here."""
    import ray

    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_raylet_start_wait_time_s", str(START_WITHIN_S))
    wanted: dict[str, Any] = {"address": request.address}
    if request.address is None:
        wanted = {"num_cpus": request.workers + 1, "include_dashboard": False}
    try:
        ray.init(**wanted, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # where a node does not start, Ray raises nothing narrower
        what = " ".join(str(error).split())
        advice = "try again when the machine is less busy, or use the local engine with --workers"
        if request.address is not None:
            advice = "start one with `ray start --head`, or leave --address out"
        raise ShelfwiseError(f"no Ray cluster can be reached or started: {what:.300}; {advice}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _finished(job: ClusterJob, pieces: list[Piece], workers: int) -> Iterator[Shard]:
    """Every piece's shard when it is done. Raises ShelfwiseError for what a machine raised.

    Ray Data starts killed actors again and does their pieces again, as often as it takes.
    """
    import ray

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    rows = [asdict(piece) for piece in pieces]
    shards = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        PieceWorker,
        fn_constructor_args=(ray.put(job),),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers),
        num_cpus=1,
    )
    try:
        for row in shards.iter_rows():
            yield Shard(**{name: _plain(row[name]) for name in Shard.__dataclass_fields__})
    except ray.exceptions.RayError as error:
        raise ShelfwiseError(f"the cluster could not finish: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """The last line that says what went wrong on the machine that it went wrong on."""
    chain = deque([error], maxlen=1)
    while chain[0].__cause__ is not None:
        chain.append(chain[0].__cause__)
    lines = [line.strip() for line in str(chain[0]).splitlines() if line.strip()]
    return lines[-1][:400] if lines else type(chain[0]).__name__


def _plain(value: Any) -> Any:
    """A Python number or text of what may be NumPy's."""
    return value.item() if hasattr(value, "item") else value
