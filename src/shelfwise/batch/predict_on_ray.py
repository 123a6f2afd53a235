"""Predictions on a Ray cluster: each machine gets the model's files and predicts pieces of the catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shelfwise.batch.blocks import Make
from shelfwise.batch.on_ray import Actors, ClusterJob, fill_on_ray, need_ray
from shelfwise.batch.packed import PackedFolder
from shelfwise.batch.pieces import cut_sources, find_fields, find_sources
from shelfwise.batch.places import is_uri
from shelfwise.batch.predict import PredictSummary
from shelfwise.batch.workers import BatchPredictor, Job
from shelfwise.decision.ruling import Ruling
from shelfwise.errors import ShelfwiseError
from shelfwise.progress import Reporter

if TYPE_CHECKING:
    from shelfwise.batch.request import PredictRequest


def check_request(request: PredictRequest) -> None:
    """Refuse, before any work, what Ray cannot do. Raises MissingDependencyError, ShelfwiseError."""
    need_ray()
    if not is_uri(request.output) and not request.to_folder:
        raise ShelfwiseError(
            f"--engine ray writes a folder of shards: expected a name that ends in a slash, got '{request.output}'"
        )


MakePredictor = Callable[[Job], Make]


@dataclass(frozen=True)
class SentPrediction:
    """Predicting, as work for machines; ``job.request.model`` is replaced by where they have put ``model``."""

    job: Job
    model: PackedFolder
    make_predictor: MakePredictor

    def maker(self) -> Make:
        """The model, loaded. Raises ModelFolderError."""
        with self.model.unpacked() as folder:
            request = replace(self.job.request, model=folder)
            return self.make_predictor(replace(self.job, request=request))


def predict_on_ray(
    request: PredictRequest,
    reporter: Reporter,
    ruling: Ruling | None = None,
    make_predictor: MakePredictor = BatchPredictor,
) -> PredictSummary:
    """Write the folder that the local engine writes, by ``request.workers`` actors; see `fill_on_ray`."""
    sources = find_sources(request.catalogs)
    identity = replace(request.identity(ruling, files=[]), files=tuple(source.identity for source in sources))
    work = SentPrediction(Job(request, ruling, threads=1), PackedFolder.of(request.model), make_predictor)
    fields = find_fields(sources, id=request.id)
    job = ClusterJob(work, request.output, fields, request.images, identity.kind.counts)
    pieces = cut_sources(sources, request.shard_rows)
    filled = fill_on_ray(job, identity, pieces, Actors(request.workers, request.address), reporter)
    return PredictSummary.of_folder(Path(request.output), filled)
