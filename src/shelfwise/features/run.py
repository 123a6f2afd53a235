"""Computes features as asked: in this process, in several, or on a cluster; all write the same folder."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shelfwise.batch.blocks import Block
from shelfwise.batch.folder import Filled, fill_folder
from shelfwise.batch.manifest import Identity, file_identity
from shelfwise.batch.on_ray import Actors, ClusterJob, fill_on_ray
from shelfwise.batch.pieces import cut_sources, find_fields, find_sources
from shelfwise.batch.request import WITH_IMAGES_ROWS
from shelfwise.batch.workers import WorkerPool, share_of_threads
from shelfwise.catalog.catalog import SCAN_ROWS, Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.fetching.first import FetchFirst
from shelfwise.catalog.fields import Field
from shelfwise.catalog.locate import find_files
from shelfwise.features.backbones import PackedBackbones
from shelfwise.features.choosing import FeatureInput, choose_inputs
from shelfwise.features.maker import FeatureJob, FeatureMaker
from shelfwise.features.request import FeatureRequest, FeatureSummary
from shelfwise.progress import Reporter


@dataclass(frozen=True)
class Plan:
    """A request, and what the catalog and the backbones make of it."""

    request: FeatureRequest
    fields: Mapping[str, Field]
    inputs: tuple[FeatureInput, ...]
    identity: Identity

    @property
    def rows_at_once(self) -> int:
        """Products a batch: of texts many, which are then grouped by length; of images less, which take minutes."""
        return WITH_IMAGES_ROWS if any(one.role is Role.IMAGE for one in self.inputs) else SCAN_ROWS

    def batches(self, rows: int, skip: int) -> Iterable[Catalog]:
        """The products without the first ``skip``, ``rows`` at a time. Raises CatalogError."""
        asked = self.request
        return Catalog.scan(
            *asked.catalogs, rows=rows, skip=skip, images_dir=asked.images, fields=self.fields
        )

    def cluster_job(self) -> ClusterJob:
        """What machines of a cluster are told. Raises MissingDependencyError."""
        asked = self.request
        packed = PackedBackbones.of(asked.backbones)
        work = FeatureJob(self.inputs, asked.backbones, asked.fetch, threads=1, packed=packed)
        return ClusterJob(work, asked.output, self.fields, asked.images, self.identity.kind.counts)


def compute_features(request: FeatureRequest, reporter: Reporter) -> FeatureSummary:
    """Compute as asked. Raises ShelfwiseError, and BatchInterrupted on Ctrl-C."""
    request.check()
    if request.engine == "ray":
        sources = find_sources(request.catalogs)
        plan = make_plan(
            request, find_fields(sources, **request.roles), [source.identity for source in sources]
        )
        actors = Actors(request.workers, request.address, request.gpus)
        pieces = cut_sources(sources, request.shard_rows)
        filled = fill_on_ray(plan.cluster_job(), plan.identity, pieces, actors, reporter)
    else:
        fields = next(iter(Catalog.scan(*request.catalogs, rows=1, **request.roles))).fields
        files = [file_identity(file.path) for file in find_files(request.catalogs)]
        plan = make_plan(request, fields, files)
        filled = (_fill if request.workers == 1 else _fill_with_workers)(plan, reporter)
    return FeatureSummary.of(request.output, filled, plan.inputs)


def make_plan(
    request: FeatureRequest, fields: Mapping[str, Field], files: Iterable[Mapping[str, object]]
) -> Plan:
    """``fields``: what the catalog's columns are for; ``files``: what a manifest knows its files by.

    Raises CatalogError where no column can be read, MissingDependencyError where a backbone is not there.
    """
    inputs = choose_inputs(fields, request.inputs, request.backbones)
    return Plan(request, fields, inputs, request.identity(files, inputs))


def _fill(plan: Plan, reporter: Reporter) -> Filled:
    request, maker = plan.request, FeatureMaker(plan.inputs, plan.request.backbones)
    gc.freeze()  # what is loaded by now stays, and need not be looked through for garbage
    with FetchFirst(request.fetch, reporter) as images_first:

        def engine(batches: Iterable[Catalog]) -> Iterator[Block]:
            return map(maker, images_first.batches(batches, plan.inputs))

        return fill_folder(
            lambda skip: plan.batches(plan.rows_at_once, skip),
            Path(request.output),
            plan.identity,
            engine,
            reporter=reporter,
            shard_rows=request.shard_rows,
        )


def _fill_with_workers(plan: Plan, reporter: Reporter) -> Filled:
    request = plan.request
    threads = share_of_threads(request.workers)
    job = FeatureJob(plan.inputs, request.backbones, request.fetch, threads)
    with WorkerPool(job, request.workers, threads) as pool:
        return fill_folder(
            lambda skip: plan.batches(plan.rows_at_once, skip),
            Path(request.output),
            plan.identity,
            pool.blocks,
            reporter=reporter,
            shard_rows=request.shard_rows,
        )
