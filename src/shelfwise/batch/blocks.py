"""One batch of products becomes one block of a file, ready to be appended to it, in whichever process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from shelfwise.batch.rows import Payload, column_table, encode_predictions, prediction_schema
from shelfwise.catalog import Catalog
from shelfwise.catalog.carried import Carried
from shelfwise.decision.ruling import Ruling
from shelfwise.encoders.open_cache import OpenCaches, kept_open
from shelfwise.predicted_columns import DECISIONS, PredictedColumns
from shelfwise.predictions import Prediction
from shelfwise.profiling import Spent, timed
from shelfwise.progress import Reporter, Silent


class Predictor(Protocol):
    """What is needed of a fitted `Categorizer`."""

    @property
    def multilabel_(self) -> bool: ...

    def predict(self, catalog: Catalog, reporter: Reporter = ...) -> list[Prediction]: ...


@runtime_checkable
class ColumnPredictor(Protocol):
    """One that can do without an object for each product."""

    def predict_columns(
        self, catalog: Catalog, reporter: Reporter = ...
    ) -> Iterable[PredictedColumns] | None: ...


PREDICTION_COUNTS = ("accept", "review", "failed", "ruled")
"""What predictions are counted by: the way they went, and whether they fell under a rule."""


@dataclass(frozen=True)
class Tally:
    """How many products there were, and of how many each thing is true that they are counted by (``counts``)."""

    products: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return self.counts.get(name, 0)

    def __add__(self, other: Tally) -> Tally:
        names = dict.fromkeys([*self.counts, *other.counts])
        return Tally(self.products + other.products, {name: self[name] + other[name] for name in names})


@dataclass(frozen=True)
class Block:
    """What was made of one batch, as its file holds it, and what was said of it.

    ``notes``: the catalog's, which count from its start; ``said``: the model's, of this batch. ``stages``: the time that
    another process spent on it, where a profile is wanted. ``carried``: how many of its products carry each input.
    """

    payload: Payload
    tally: Tally
    notes: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    stages: dict[str, Spent] = field(default_factory=dict)
    carried: Mapping[str, Carried] = field(default_factory=dict)


Make = Callable[[Catalog], Block]
"""A batch → its block."""
Engine = Callable[[Iterable[Catalog]], Iterator[Block]]
"""Batches → a block each, in their order."""


class Work(Protocol):
    """What other processes and machines are to make of batches; it is sent to them, and so holds nothing but values."""

    def maker(self) -> Make:
        """Load what it takes, and make. Raises ShelfwiseError where it cannot be loaded."""
        ...


@dataclass(frozen=True)
class BlockMaker:
    """Predicts with one model in this process. ``suffix``: the ending of the file that blocks are for."""

    categorizer: Predictor
    suffix: str
    ruling: Ruling | None = None
    _caches: OpenCaches = field(default_factory=dict)

    def __call__(self, batches: Iterable[Catalog]) -> Iterator[Block]:
        """The engine that works on one batch after the other."""
        return map(self.make, batches)

    def make(self, batch: Catalog) -> Block:
        """One prediction a product, in the batch's order."""
        heard = _Heard()
        with kept_open(self._caches):
            payload, ways = self._columns(batch, heard) or self._objects(batch, heard)
        tally = Tally(len(batch), {name: ways[name] for name in PREDICTION_COUNTS})
        return Block(payload, tally, tuple(batch.notes), tuple(heard.said), carried=heard.carried)

    def _columns(self, batch: Catalog, heard: _Heard) -> tuple[Payload, Counter[str]] | None:
        """A table without a Python object for each product, several times as fast; None where objects are needed: for rules,
        explanations, and lines of text."""
        if self.suffix != ".parquet" or self.ruling is not None:
            return None
        if not isinstance(self.categorizer, ColumnPredictor):
            return None
        blocks = self.categorizer.predict_columns(batch, reporter=heard)
        if blocks is None:
            return None
        tables, ways = [prediction_schema(self.categorizer.multilabel_).empty_table()], Counter[str]()
        for block in blocks:
            with timed("write"):
                tables.append(column_table(block))
            counts = np.bincount(block.decisions, minlength=len(DECISIONS))
            ways.update(dict(zip(DECISIONS, counts.tolist(), strict=True)))
        return pa.concat_tables(tables), ways

    def _objects(self, batch: Catalog, heard: _Heard) -> tuple[Payload, Counter[str]]:
        predictions = self.categorizer.predict(batch, reporter=heard)
        if self.ruling is not None:
            with timed("rules"):
                predictions = self.ruling.apply(batch, predictions)
        with timed("write"):
            payload = encode_predictions(predictions, self.suffix, self.categorizer.multilabel_)
        ways = Counter[str](one.decision for one in predictions)
        ways["ruled"] = sum(one.rule is not None for one in predictions)
        return payload, ways


class _Heard(Silent):
    """Keeps remarks for the process that can tell them. Stages inside a batch are not shown."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.carried: dict[str, Carried] = {}

    def say(self, message: str) -> None:
        self.said.append(message)

    def carries(self, inputs: Mapping[str, Carried]) -> None:
        self.carried = dict(inputs)
