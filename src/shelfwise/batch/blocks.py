"""One batch of products becomes one block of predictions, ready to be appended to a file, in whichever process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from shelfwise.batch.rows import Payload, encode_predictions
from shelfwise.catalog import Catalog
from shelfwise.decision.ruling import Ruling
from shelfwise.predictions import Prediction
from shelfwise.profiling import Spent, timed
from shelfwise.progress import Reporter, Silent


class Predictor(Protocol):
    """What is needed of a fitted `Categorizer`."""

    @property
    def multilabel_(self) -> bool: ...

    def predict(self, catalog: Catalog, reporter: Reporter = ...) -> list[Prediction]: ...


@dataclass(frozen=True)
class Tally:
    """How many products there were, and which way they went. ``ruled``: those that fell under a rule."""

    accept: int = 0
    review: int = 0
    failed: int = 0
    ruled: int = 0

    @property
    def products(self) -> int:
        """All of them."""
        return self.accept + self.review + self.failed

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.accept + other.accept,
            self.review + other.review,
            self.failed + other.failed,
            self.ruled + other.ruled,
        )


@dataclass(frozen=True)
class Block:
    """The predictions of one batch as its file holds them, and what was said of them.

    ``notes``: the catalog's, which count from its start; ``said``: the model's, of this batch. ``stages``: the time that
    another process spent on it, where a profile is wanted.
    """

    payload: Payload
    tally: Tally
    notes: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    stages: dict[str, Spent] = field(default_factory=dict)


Engine = Callable[[Iterable[Catalog]], Iterator[Block]]
"""Batches → a block each, in their order."""


@dataclass(frozen=True)
class BlockMaker:
    """Predicts with one model in this process. ``suffix``: the ending of the file that blocks are for."""

    categorizer: Predictor
    suffix: str
    ruling: Ruling | None = None

    def __call__(self, batches: Iterable[Catalog]) -> Iterator[Block]:
        """The engine that works on one batch after the other."""
        return map(self.make, batches)

    def make(self, batch: Catalog) -> Block:
        """One prediction a product, in the batch's order."""
        heard = _Heard()
        predictions = self.categorizer.predict(batch, reporter=heard)
        if self.ruling is not None:
            with timed("rules"):
                predictions = self.ruling.apply(batch, predictions)
        with timed("write"):
            payload = encode_predictions(predictions, self.suffix, self.categorizer.multilabel_)
        ways = Counter(one.decision for one in predictions)
        ruled = sum(one.rule is not None for one in predictions)
        tally = Tally(ways["accept"], ways["review"], ways["failed"], ruled)
        return Block(payload, tally, tuple(batch.notes), tuple(heard.said))


class _Heard(Silent):
    """Keeps remarks for the process that can tell them. Stages inside a batch are not shown."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)
