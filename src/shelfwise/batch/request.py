"""What a prediction is asked to do, and who does it: this process, several, or a cluster."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from shelfwise.batch.folder import SHARD_ROWS
from shelfwise.batch.manifest import Identity
from shelfwise.batch.output import check_output_folder, refuse_overwriting
from shelfwise.batch.places import is_uri, refuse_cluster_only
from shelfwise.batch.predict import PredictSummary, predict_to_file, predict_to_folder
from shelfwise.batch.write import check_prediction_path
from shelfwise.catalog.catalog import SCAN_ROWS, Catalog
from shelfwise.catalog.fetching.options import FetchOptions
from shelfwise.catalog.locate import find_files
from shelfwise.decision.ruling import Ruling
from shelfwise.encoders.allocator import keep_freed_arrow_memory
from shelfwise.profiling import timed
from shelfwise.progress import Reporter

if TYPE_CHECKING:
    from shelfwise.categorizer import Categorizer

WITH_IMAGES_ROWS = 512
"""Products a batch where the model reads images: between processes their bytes are sent along."""


@dataclass(frozen=True)
class PredictRequest:
    """One prediction: which model, of what, where to, and how.

    ``routing`` and ``coverage``: see ``Categorizer.with_routing`` and ``with_sets``. ``output``: a file, or a folder where it
    ends in a slash or is one already. ``workers``: processes. ``address``: of
    a running Ray cluster, None for one on this machine. ``shard_rows``: most products a file of a folder.
    """

    model: Path
    catalogs: tuple[str, ...]
    output: str
    thresholds: str | None = None
    routing: dict[str, Any] = field(default_factory=dict)
    coverage: float | None = None
    explain: bool = False
    images: Path | None = None
    id: str | None = None
    encoding: str | None = None
    fetch: FetchOptions = field(default_factory=FetchOptions)
    workers: int = 1
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    shard_rows: int = SHARD_ROWS

    @property
    def to_folder(self) -> bool:
        """Whether shards are to be written into a folder."""
        return is_uri(self.output) or self.output.endswith(("/", os.sep)) or Path(self.output).is_dir()

    @property
    def suffix(self) -> str:
        """The ending of the files to be written."""
        return ".parquet" if self.to_folder else Path(self.output).suffix.lower()

    def check(self) -> None:
        """Refuse, before any work, what cannot be written or is not possible together. Raises ShelfwiseError."""
        if self.engine == "ray":
            from shelfwise.batch.predict_on_ray import check_request

            check_request(self)
            return
        refuse_cluster_only(self.address, [self.output, *self.catalogs])
        sources = [file.path for file in find_files(self.catalogs)]
        if self.to_folder:
            check_output_folder(self.output, sources)
        else:
            refuse_overwriting(check_prediction_path(self.output), sources)

    @timed("load the model")
    def categorizer(self) -> Categorizer:
        """The model as it is asked for. Raises ModelFolderError, RecipeError."""
        from shelfwise.categorizer import Categorizer

        # Explanations look into PyTorch classifiers.
        loaded = Categorizer.load(self.model, exported=not self.explain)
        model = loaded.with_thresholds(self.thresholds).with_routing(**self.routing)
        model = model.with_explanations() if self.explain else model
        return model if self.coverage is None else model.with_sets(self.coverage)

    def batches(self, rows: int, skip: int = 0) -> Iterable[Catalog]:
        """The catalog's products without the first ``skip``, ``rows`` at a time. Raises CatalogError."""
        return Catalog.scan(
            *self.catalogs, rows=rows, skip=skip, images_dir=self.images, id=self.id, encoding=self.encoding
        )

    def identity(self, ruling: Ruling | None, files: Sequence[Path] | None = None) -> Identity:
        """What decides the rows of a folder; ``files``: the catalog's, None to find them. Raises OSError."""
        from shelfwise import __version__

        options = {
            "shelfwise": __version__,
            "thresholds": self.thresholds,
            "routing": self.routing,
            "coverage": self.coverage,
            "explain": self.explain,
            "rules": None if ruling is None else repr(ruling.rules),
            "images": None if self.images is None else str(self.images.resolve()),
            "id": self.id,
            "shard_rows": self.shard_rows,
        }
        if self.encoding is not None:  # folders begun before there was such an option go on
            options["encoding"] = self.encoding
        found = [file.path for file in find_files(self.catalogs)] if files is None else files
        return Identity.of(found, self.model, options)


def no_rules(categorizer: Categorizer) -> None:
    """No rules act."""


def run_request(
    request: PredictRequest, reporter: Reporter, rules: Callable[[Categorizer], Ruling | None] = no_rules
) -> PredictSummary:
    """Predict as asked; ``rules`` gives those that act on the model's predictions.

    Raises ShelfwiseError, and BatchInterrupted on Ctrl-C.
    """
    if request.engine == "local" and request.workers > 1:
        _begin_importing(request)
    keep_freed_arrow_memory()
    categorizer = request.categorizer()
    ruling = rules(categorizer)
    if request.engine == "ray":
        from shelfwise.batch.predict_on_ray import predict_on_ray

        return predict_on_ray(request, reporter, ruling)
    # What is loaded by now stays: looking through it for garbage again and again took a fifth of the time.
    gc.freeze()
    if request.workers > 1:
        return _run_with_workers(request, categorizer, reporter, ruling)
    from shelfwise.catalog.fetching.first import FetchFirst

    with FetchFirst(request.fetch, reporter) as images_first:

        def batches(skip: int) -> Iterable[Catalog]:
            return images_first.batches(request.batches(SCAN_ROWS, skip), categorizer.recipe_.inputs)

        if request.to_folder:
            folder = Path(request.output)
            identity = request.identity(ruling)
            return predict_to_folder(
                categorizer,
                batches,
                folder,
                identity,
                reporter=reporter,
                ruling=ruling,
                shard_rows=request.shard_rows,
            )
        return predict_to_file(categorizer, batches(0), request.output, reporter=reporter, ruling=ruling)


def _begin_importing(request: PredictRequest) -> None:
    """Have the workers' imports under way while this process has its own."""
    from shelfwise.batch.process_server import begin_importing
    from shelfwise.batch.workers import share_of_threads
    from shelfwise.engine.manifest import EXPORT_FOLDER
    from shelfwise.engine.runtime import runtime_installed

    exported = (request.model / EXPORT_FOLDER).is_dir() and runtime_installed() and not request.explain
    begin_importing(share_of_threads(request.workers), networks=not exported)


def _run_with_workers(
    request: PredictRequest, categorizer: Categorizer, reporter: Reporter, ruling: Ruling | None
) -> PredictSummary:
    from shelfwise.batch.workers import Job, WorkerPool, share_of_threads

    reads_images = any(one.role == "image" for one in categorizer.recipe_.inputs)
    rows = WITH_IMAGES_ROWS if reads_images else SCAN_ROWS
    threads = share_of_threads(request.workers, categorizer.recipe_.training.threads)
    with WorkerPool(Job(request, ruling, threads), request.workers, threads) as pool:
        if request.to_folder:
            return predict_to_folder(
                categorizer,
                lambda skip: request.batches(rows, skip),
                Path(request.output),
                request.identity(ruling),
                reporter=reporter,
                engine=pool.blocks,
                shard_rows=request.shard_rows,
            )
        return predict_to_file(
            categorizer, request.batches(rows), request.output, reporter=reporter, engine=pool.blocks
        )
