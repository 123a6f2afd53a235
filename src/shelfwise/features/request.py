"""What computing features is asked to do, and who does it: this process, several, or a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from shelfwise import __version__
from shelfwise.batch.blocks import Tally
from shelfwise.batch.folder import Filled
from shelfwise.batch.manifest import Identity, Kind
from shelfwise.batch.on_ray import need_ray
from shelfwise.batch.output import check_output_folder
from shelfwise.batch.places import refuse_cluster_only
from shelfwise.catalog.fetching.options import FetchOptions
from shelfwise.catalog.locate import find_files
from shelfwise.errors import ShelfwiseError
from shelfwise.features.backbones import Backbones
from shelfwise.features.choosing import FeatureInput
from shelfwise.features.layout import STATES, count_names

SHARD_ROWS = 1 << 14
"""Products a file: 150 MB where an image has 2,288 features, which a worker of a cluster holds in memory."""
KIND = "features"
_FILE_ENDINGS = (".parquet", ".csv", ".jsonl", ".tsv")


@dataclass(frozen=True)
class FeatureRequest:
    """One computation of features: of which columns of what, by which backbones, where to, and how.

    ``inputs``: columns, none for all that the backbones can read. ``roles``: what is known of columns, as in `Catalog.scan`.
    ``output``: a folder. ``workers``: processes, ``address``: of a running Ray cluster, None for one on this machine, ``gpus``:
    for each of its workers. ``shard_rows``: most products a file.
    """

    catalogs: tuple[str, ...]
    output: str
    backbones: Backbones
    inputs: tuple[str, ...] = ()
    roles: Mapping[str, Any] = field(default_factory=dict)
    images: Path | None = None
    fetch: FetchOptions = field(default_factory=FetchOptions)
    workers: int = 1
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    gpus: float = 0.0
    shard_rows: int = SHARD_ROWS

    def check(self) -> None:
        """Refuse, before any work, what cannot be written or is not possible together. Raises ShelfwiseError."""
        if self.output.lower().endswith(_FILE_ENDINGS):
            raise ShelfwiseError(
                f"features are a folder of Parquet files: expected a name such as features/, got '{self.output}'"
            )
        if self.engine == "ray":
            need_ray()
            return
        refuse_cluster_only(self.address, [self.output, *self.catalogs])
        if self.gpus:
            raise ShelfwiseError("--gpus is for --engine ray; a GPU of this machine is used by itself")
        check_output_folder(self.output, [file.path for file in find_files(self.catalogs)])

    def identity(self, files: Iterable[Mapping[str, Any]], inputs: Iterable[FeatureInput]) -> Identity:
        """What decides the rows of the folder; ``files``: what is known of the catalog's. Raises MissingDependencyError."""
        chosen = [(one.name, one.role.value) for one in inputs]
        options = {
            "shelfwise": __version__,
            "inputs": [f"{name} ({role})" for name, role in chosen],
            "images": None if self.images is None else str(self.images.resolve()),
            "id": self.roles.get("id"),
            "shard_rows": self.shard_rows,
        }
        counts = tuple(name for one, _ in chosen for name in count_names(one))
        kind = Kind(KIND, "Computing features", counts)
        return Identity(tuple(dict(file) for file in files), self.backbones.digest(), options, kind)


@dataclass(frozen=True)
class FeatureSummary:
    """How many products there are, how many of them have each input, and where the features are.

    ``inputs``: input → products by state (present, absent, failed). ``found``: products that an earlier run had done.
    """

    output: Path
    products: int
    inputs: dict[str, dict[str, int]]
    shards: int
    found: int

    @classmethod
    def of(cls, output: str, filled: Filled, inputs: Iterable[FeatureInput]) -> FeatureSummary:
        """The summary of a complete folder."""
        counted = {one.name: _by_state(one.name, filled.tally) for one in inputs}
        return cls(Path(output), filled.tally.products, counted, filled.shards, filled.found)


def _by_state(name: str, tally: Tally) -> dict[str, int]:
    return {state: tally[count] for state, count in zip(STATES, count_names(name), strict=True)}
