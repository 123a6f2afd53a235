"""From a catalog of any size to a prediction file: one row a product, same order, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shelfwise.batch.output import explain_os_error
from shelfwise.batch.write import PredictionWriter
from shelfwise.catalog import Catalog
from shelfwise.errors import ShelfwiseError
from shelfwise.predictions import Prediction
from shelfwise.progress import Reporter, Silent


class Predictor(Protocol):
    """What is needed of a fitted `Categorizer`."""

    @property
    def multilabel_(self) -> bool: ...

    def predict(self, catalog: Catalog, reporter: Reporter = ...) -> list[Prediction]: ...


@dataclass(frozen=True)
class PredictSummary:
    """How many products were predicted, how many of them went which way, and where the file is."""

    output: Path
    accept: int
    review: int
    failed: int

    @property
    def products(self) -> int:
        """Rows of the file, which are the rows of the catalog."""
        return self.accept + self.review + self.failed


class PredictionInterrupted(KeyboardInterrupt):
    """Ctrl-C during a prediction; the message says what is kept."""


class _OnceReporter(Silent):
    """Passes each remark on once: every batch would repeat it. Stages inside a batch are not shown."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._said: set[str] = set()

    def say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._reporter.say(message)


def predict_to_file(
    categorizer: Predictor,
    batches: Iterable[Catalog],
    output: Path | str,
    *,
    reporter: Reporter | None = None,
) -> PredictSummary:
    """Write one prediction a product of ``batches`` (`Catalog.scan`), in their order, to ``output``.

    The file appears only when it is complete; see `PredictionWriter`. A product that cannot be read or
    categorized is a row with the decision ``failed`` and its reason. Raises ShelfwiseError where the catalog
    or the disk fails midway, PredictionInterrupted on Ctrl-C; what was finished is then kept beside
    ``output`` and the message names it.
    """
    reporter = Silent() if reporter is None else reporter
    once = _OnceReporter(reporter)
    decisions: Counter[str] = Counter()
    writer = PredictionWriter(output, categorizer.multilabel_)
    try:
        with writer, reporter.stage("Predicting", total=None) as stage:
            for batch in batches:
                for note in batch.notes:
                    once.say(note)
                predictions = categorizer.predict(batch, reporter=once)
                writer.write(predictions)
                decisions.update(prediction.decision for prediction in predictions)
                stage.advance(len(predictions))
    except KeyboardInterrupt as error:
        raise PredictionInterrupted(f"interrupted; {_kept(writer)}") from error
    except ShelfwiseError as error:
        if writer.partial is None:
            raise
        raise type(error)(f"{error} ({_kept(writer)})") from error
    except OSError as error:
        raise ShelfwiseError(f"{explain_os_error(error)} ({_kept(writer)})") from error
    return PredictSummary(writer.output, decisions["accept"], decisions["review"], decisions["failed"])


def _kept(writer: PredictionWriter) -> str:
    """What is left of an unfinished prediction."""
    if writer.partial is None:
        return "no predictions were written"
    return f"{writer.rows:,} products written to {writer.partial} are complete"
