"""What an evaluation found, as one record: it goes to JSON and comes back, and the report is made from it.

Keys are stable: a key is never renamed or given another meaning without a new ``format_version``. All shares,
accuracies, F1s and confidences are 0–1. A category is a list of names: a path, or one label.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError

from shelfwise.errors import ShelfwiseError
from shelfwise.evaluation.calibration_records import Calibration
from shelfwise.evaluation.category_records import CategoryScore, Confusion, Histogram
from shelfwise.evaluation.promise_records import Promises
from shelfwise.evaluation.records import MaybeNumber, Record
from shelfwise.evaluation.score_records import (
    Baseline,
    CoveragePoint,
    Gain,
    Headline,
    LabelSetScores,
    LevelBaseline,
    PathScores,
    Routes,
)
from shelfwise.whole_files import write_whole

FUSED = "fused"
"""The key under which the whole model stands beside its single inputs' classifiers."""


class CurvePoint(Record):
    """One epoch of training one part (an input's classifier, the fusion …)."""

    part: str
    epoch: int
    loss: MaybeNumber = None
    metric: MaybeNumber = None


class DataFacts(Record):
    """Where the figures come from: without these no figure is worth anything."""

    catalogs: list[str]
    """Names of the files evaluated on."""
    products: int
    """Rows in them, with those that have no category."""
    split: str
    """How these products were kept apart from those trained on, in words."""
    seed: int | None = None
    command: str = ""
    model: str = ""
    """Name of the model folder."""
    shelfwise_version: str = ""
    groups: int | None = None
    """Groups of near-duplicates among the products evaluated."""
    remembered: int = 0
    """Products evaluated that the model was trained on, as far as it remembers those: they make figures too good."""
    training_products: int | None = None
    training_curve: list[CurvePoint] = Field(default_factory=list)
    curve_metric: str = "validation metric"
    """What ``metric`` of the training curve is."""
    notes: list[str] = Field(default_factory=list)


class Evaluation(Record):
    """Everything one evaluation found, on which products, and how it was made."""

    format_version: Literal[1] = 1
    target: Literal["path", "label_set"]
    headline: Headline
    products: int
    """Products scored: those with a true category."""
    unlabelled: int
    """Products without one, left out."""
    unseen_products: int
    """Products with a true category that training never saw; they count, and as a rule as wrong."""
    unseen_categories: int
    categories: int
    """Different true categories among the products scored."""
    levels: list[LevelBaseline]
    """Empty for label sets."""
    baseline: Baseline
    classifiers: dict[str, PathScores | LabelSetScores]
    """`FUSED` first, then each classifier alone, the best first. One may read several inputs: of the preset `auto`, `words` and
    `early` do."""
    gain: Gain | None = None
    """Over the best of the others; None where there is none, and in records of earlier versions."""
    routes: Routes
    coverage_curve: list[CoveragePoint]
    calibration: Calibration
    per_category: list[CategoryScore]
    """All true or predicted categories, those with most products first."""
    misclassified: list[CategoryScore]
    """Categories with the largest share missed, the worst first; those training never saw are left out."""
    misclassified_minimum: int
    """Products a category must have to be ranked among the misclassified."""
    confusions: list[Confusion]
    histogram: Histogram
    promises: Promises | None = None
    """None in records of earlier versions."""
    data: DataFacts

    @property
    def fused(self) -> PathScores | LabelSetScores:
        """The whole model's scores."""
        return self.classifiers[FUSED]

    @property
    def best_input(self) -> str | None:
        """Name of the classifier that alone has the best headline figure, whatever it reads; None where none was scored alone."""
        return next((name for name in self.classifiers if name != FUSED), None)

    def to_json(self, path: Path | str) -> None:
        """Write to a file that is either complete or not there."""
        write_atomically(Path(path), self.model_dump_json(indent=1) + "\n")

    @classmethod
    def from_json(cls, path: Path | str) -> Self:
        """Read what `to_json` wrote. Raises ShelfwiseError where the file is not such a record."""
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except (OSError, ValidationError) as error:
            why = str(error)
            if isinstance(error, ValidationError):
                first = error.errors(include_url=False)[0]
                why = f"{'.'.join(map(str, first['loc']))} {first['msg']}".strip()
            raise ShelfwiseError(
                f"Expected an evaluation written by `shelfwise evaluate --json` (format 1), "
                f"but {path} cannot be read as one: {why}. Run the evaluation again with this version."
            ) from error


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text beside ``path`` and rename it into place, so no reader ever sees half a file.

    Raises ShelfwiseError, and leaves nothing behind, where the folder cannot be written or the disk is full.
    """
    try:
        write_whole(path, text)
    except OSError as error:
        raise ShelfwiseError(
            f"Expected to write {path}, but: {error.strerror or error}. "
            "Free some space or choose another place."
        ) from error
