"""From a catalog of any size to a prediction file or folder: one row a product, same order, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shelfwise.batch.blocks import BlockMaker, Engine, Predictor, Tally
from shelfwise.batch.folder import SHARD_ROWS, Batches, Filled, fill_folder
from shelfwise.batch.manifest import Identity
from shelfwise.batch.output import explain_os_error
from shelfwise.batch.remarks import BatchInterrupted, Remarks
from shelfwise.batch.write import PredictionWriter
from shelfwise.catalog import Catalog
from shelfwise.decision.ruling import Ruling
from shelfwise.errors import ShelfwiseError
from shelfwise.profiling import timed, timed_items
from shelfwise.progress import Reporter, Silent


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
    def of_folder(cls, output: Path, filled: Filled) -> PredictSummary:
        """The summary of a complete folder."""
        return cls.of(output, filled.tally, filled.shards, filled.found)

    @classmethod
    def of(cls, output: Path, tally: Tally, shards: int = 0, found: int = 0) -> PredictSummary:
        """The summary of what ``tally`` counted."""
        return cls(output, tally["accept"], tally["review"], tally["failed"], tally["ruled"], shards, found)

    @property
    def products(self) -> int:
        """Rows of the file, which are the rows of the catalog."""
        return self.accept + self.review + self.failed


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
    or the disk fails midway, BatchInterrupted on Ctrl-C; what was finished is then kept beside
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
        raise BatchInterrupted(f"interrupted; {_kept(writer)}") from error
    except ShelfwiseError as error:
        if writer.partial is None:
            raise
        raise type(error)(f"{error} ({_kept(writer)})") from error
    except OSError as error:
        raise ShelfwiseError(f"{explain_os_error(error)} ({_kept(writer)})") from error
    return PredictSummary.of(writer.output, tally)


def predict_to_folder(
    categorizer: Predictor,
    batches: Batches,
    folder: Path,
    identity: Identity,
    *,
    reporter: Reporter | None = None,
    ruling: Ruling | None = None,
    engine: Engine | None = None,
    shard_rows: int = SHARD_ROWS,
) -> PredictSummary:
    """Write one prediction a product into ``folder``; `fill_folder` says how, and what it raises."""
    maker = engine or BlockMaker(categorizer, ".parquet", ruling)
    filled = fill_folder(batches, folder, identity, maker, reporter=reporter, shard_rows=shard_rows)
    return PredictSummary.of_folder(folder, filled)


def _kept(writer: PredictionWriter) -> str:
    """What is left of an unfinished prediction."""
    if writer.partial is None:
        return "no predictions were written"
    return f"{writer.rows:,} products written to {writer.partial} are complete"
