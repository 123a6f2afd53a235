"""Takes features that were computed elsewhere into this machine's cache, so that training here need not compute them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shelfwise.batch.manifest import finished_files
from shelfwise.batch.places import place_of
from shelfwise.encoders.feature_cache import FeatureCache
from shelfwise.errors import ShelfwiseError
from shelfwise.features.layout import FEATURES, KEY, Origin, read_origins
from shelfwise.features.request import KIND
from shelfwise.precision import precision
from shelfwise.progress import Reporter

_ROWS = 2_048
"""Rows at a time: what fits into one file of the cache."""


@dataclass
class TakenIn:
    """Distinct vectors that are new in the cache, that were there, and that were left out because they hold no numbers."""

    new: int = 0
    there: int = 0
    unusable: int = 0


def fill_cache(folder: str, reporter: Reporter) -> TakenIn:
    """Put the vectors of a folder of features (a path or a URI) into the feature cache.

    Shards that are finished are taken, also where others are not. Vectors are believed to be what they say they are: take
    folders from people you trust. Raises ShelfwiseError for a folder of anything else, and where the cache is full.
    """
    place = place_of(folder)
    names = finished_files(place, KIND)
    taken = TakenIn()
    caches: dict[str, FeatureCache] = {}
    here = str(precision()).removeprefix("torch.")
    with reporter.stage("Filling the cache", total=None) as stage:
        for name in names:
            try:
                file = place.parquet(name)
                for one, origin in _origins(file, f"{folder.rstrip('/')}/{name}").items():
                    if origin.precision != here:
                        reporter.say(
                            f"{one} was computed in {origin.precision}; this machine computes in {here} and will not use it"
                        )
                    if origin.cache not in caches:
                        caches[origin.cache] = FeatureCache(origin.cache)
                    _take_in(file, one, caches[origin.cache], taken)
            except (pa.ArrowException, UnicodeDecodeError) as error:
                raise ShelfwiseError(
                    f"'{Path(folder, name)}' is damaged ({error}); delete it and run `shelfwise features` again"
                ) from error
            stage.advance(file.metadata.num_rows)
    return taken


def _origins(file: pq.ParquetFile, name: str) -> dict[str, Origin]:
    origins = read_origins(file.schema_arrow)
    if origins is None:
        raise ShelfwiseError(
            f"expected a file that `shelfwise features` wrote, but '{name}' has other columns"
        )
    return origins


def _take_in(file: pq.ParquetFile, name: str, cache: FeatureCache, taken: TakenIn) -> None:
    """The vectors of one input. Raises ShelfwiseError where they do not belong to this cache, or it is full."""
    width = file.schema_arrow.field(name + FEATURES).type.list_size
    if cache.width not in (None, width):
        raise ShelfwiseError(
            f"expected vectors of {cache.width} numbers for '{name}', got {width}; the folder was not written by "
            "`shelfwise features`"
        )
    for batch in file.iter_batches(_ROWS, columns=[name + FEATURES, name + KEY]):
        keys = batch.column(name + KEY).to_pylist()
        vectors = batch.column(name + FEATURES)
        rows = {key: row for row, key in enumerate(keys) if key is not None and vectors[row].is_valid}
        new = {key: row for key, row in rows.items() if key not in cache}
        matrix = (
            vectors.take(pa.array(list(new.values()), pa.int64())).flatten().to_numpy().reshape(-1, width)
        )
        usable = np.isfinite(matrix).all(axis=1)
        kept = [key for key, good in zip(new, usable, strict=True) if good]
        cache.put(kept, matrix[usable])
        taken.there += len(rows) - len(new)
        taken.unusable += len(new) - len(kept)
        taken.new += len(kept)
        if kept and kept[-1] not in cache:
            raise ShelfwiseError(
                "the feature cache took no more, for it is full or its disk is; raise SHELFWISE_CACHE_GB, or free some space"
            )
