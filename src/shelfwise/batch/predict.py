"""From a catalog of any size to a prediction file: one row a product, same order, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shelfwise.batch.blocks import Block, BlockMaker, Engine, Predictor, Tally
from shelfwise.batch.output import explain_os_error
from shelfwise.batch.write import PredictionWriter
from shelfwise.catalog import Catalog
from shelfwise.decision.ruling import Ruling
from shelfwise.errors import ShelfwiseError
from shelfwise.profiling import timed, timed_items
from shelfwise.progress import Reporter, Silent

_NUMBERS = re.compile(r"\d[\d,]*")


@dataclass(frozen=True)
class PredictSummary:
    """How many products were predicted, how many of them went which way, and where the file or folder is.

    ``shards``: the files of a folder; ``found``: products whose predictions an earlier run had left there.
    """

    output: Path
    accept: int
    review: int
    failed: int
    ruled: int = 0
    """Products that fell under a rule."""
    shards: int = 0
    found: int = 0

    @classmethod
    def of(cls, output: Path, tally: Tally, shards: int = 0, found: int = 0) -> PredictSummary:
        """The summary of what ``tally`` counted."""
        return cls(output, tally.accept, tally.review, tally.failed, tally.ruled, shards, found)

    @property
    def products(self) -> int:
        """Rows of the file, which are the rows of the catalog."""
        return self.accept + self.review + self.failed


class PredictionInterrupted(KeyboardInterrupt):
    """Ctrl-C during a prediction; the message says what is kept."""


class Remarks:
    """Passes each remark on once, for every block would repeat it.

    Notes of a catalog count from its start ("3 product(s) have an empty id"): one is said when it first comes, and
    by `finish` again where its numbers have grown.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._said: set[str] = set()
        self._notes: dict[str, str] = {}

    def hear(self, block: Block) -> None:
        """Say what is new in a block."""
        for note in block.notes:
            form = _NUMBERS.sub("#", note)
            if form not in self._notes:
                self._say(note)
            self._notes[form] = note
        for message in block.said:
            self._say(message)

    def finish(self) -> None:
        """Say the last state of what was said with other numbers."""
        for note in self._notes.values():
            self._say(note)

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._reporter.say(message)


def predict_to_file(
    categorizer: Predictor,
    batches: Iterable[Catalog],
    output: Path | str,
    *,
    reporter: Reporter | None = None,
    ruling: Ruling | None = None,
    engine: Engine | None = None,
) -> PredictSummary:
    """Write one prediction a product of ``batches`` (`Catalog.scan`), in their order, to ``output``.

    ``ruling``: rules that act on each prediction after the model. ``engine``: who predicts, where it is not
    ``categorizer`` in this process; it must give blocks for the file's format.

    The file appears only when it is complete; see `PredictionWriter`. A product that cannot be read or
    categorized is a row with the decision ``failed`` and its reason. Raises ShelfwiseError where the catalog
    or the disk fails midway, PredictionInterrupted on Ctrl-C; what was finished is then kept beside
    ``output`` and the message names it.
    """
    reporter = Silent() if reporter is None else reporter
    remarks, tally = Remarks(reporter), Tally()
    writer = PredictionWriter(output, categorizer.multilabel_)
    engine = engine or BlockMaker(categorizer, writer.output.suffix.lower(), ruling)
    try:
        with writer, reporter.stage("Predicting", total=None) as stage:
            for block in engine(timed_items(batches, "read")):
                remarks.hear(block)
                with timed("write"):
                    writer.append(block.payload, block.tally.products)
                tally += block.tally
                stage.advance(block.tally.products)
        remarks.finish()
    except KeyboardInterrupt as error:
        raise PredictionInterrupted(f"interrupted; {_kept(writer)}") from error
    except ShelfwiseError as error:
        if writer.partial is None:
            raise
        raise type(error)(f"{error} ({_kept(writer)})") from error
    except OSError as error:
        raise ShelfwiseError(f"{explain_os_error(error)} ({_kept(writer)})") from error
    return PredictSummary.of(writer.output, tally)


def _kept(writer: PredictionWriter) -> str:
    """What is left of an unfinished prediction."""
    if writer.partial is None:
        return "no predictions were written"
    return f"{writer.rows:,} products written to {writer.partial} are complete"
