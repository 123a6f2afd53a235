"""What an evaluation found, as one record: it goes to JSON and comes back, and the report is made from it.

Keys are stable: a key is never renamed or given another meaning without a new ``format_version``. All shares,
accuracies, F1s and confidences are 0–1. A category is a list of names: a path, or one label.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError

from shelfwise.errors import ShelfwiseError
from shelfwise.evaluation.promise_records import Promises
from shelfwise.evaluation.records import MaybeNumber, Record
from shelfwise.whole_files import write_whole

FUSED = "fused"
"""The key under which the whole model stands beside its single inputs' classifiers."""

Category = tuple[str, ...]


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
    training_products: int | None = None
    training_curve: list[CurvePoint] = Field(default_factory=list)
    curve_metric: str = "validation metric"
    """What ``metric`` of the training curve is."""
    notes: list[str] = Field(default_factory=list)


class Headline(Record):
    """The one figure to remember, with its bootstrap 95 % interval over products."""

    name: str
    value: float
    low: float
    high: float


class PathScores(Record):
    """How good one classifier's paths are."""

    level_accuracy: list[float]
    mean_of_levels: float
    whole_path: float
    micro_f1: float
    macro_f1: float
    weighted_f1: float
    level_weighted_f1: list[float]
    hierarchical_precision: float
    hierarchical_recall: float
    hierarchical_f1: float
    mean_common_depth: float
    """Depth of the lowest common ancestor of prediction and truth; the root's is 0."""
    mean_tree_distance: MaybeNumber = None
    """Steps in the tree from prediction to truth, over all products; None in records of earlier versions."""
    mistakes: int | None = None
    """Products whose whole path is not right."""
    mean_common_depth_of_mistakes: MaybeNumber = None
    """None where there are no mistakes."""
    mean_tree_distance_of_mistakes: MaybeNumber = None
    """None where there are no mistakes."""
    answered: float
    """Share of products it gave any path for; the others count as wrong."""

    @property
    def headline(self) -> float:
        """The figure classifiers are compared by: accuracy of the whole path."""
        return self.whole_path


class LabelSetScores(Record):
    """How good one classifier's label sets are."""

    micro_f1: float
    macro_f1: float
    weighted_f1: float
    precision: float
    recall: float
    exact_match: float
    answered: float
    """Share of products it gave any label for."""

    @property
    def headline(self) -> float:
        """The figure classifiers are compared by: micro-F1."""
        return self.micro_f1


class LevelBaseline(Record):
    """One level of the taxonomy, and what always answering its most frequent category would score."""

    name: str
    categories: int
    """Different true categories on this level among the products evaluated."""
    products: int
    """Products whose true path reaches this level."""
    most_frequent: str
    """Empty where having no category on this level is the most frequent."""
    accuracy: float


class Baseline(Record):
    """Always answering the most frequent category: the least a model must beat."""

    category: Category
    score: float
    """Its headline figure: accuracy of the whole path, or micro-F1."""
    counted_in: Literal["training", "evaluation"]
    """Which products "most frequent" was counted in; training's, where their counts are known."""


class RouteScore(Record):
    """The products sent one way: how many, what share of all, and how often right."""

    products: int
    share: float
    accuracy: MaybeNumber
    """Whole path or exact label set right; None for no products."""
    micro_f1: MaybeNumber
    """Label sets only."""


class Routes(Record):
    """What the model decided: accepted without a person, sent to review, or failed."""

    accept: RouteScore
    review: RouteScore
    failed: RouteScore


class CoveragePoint(Record):
    """Accepting everything at or above ``confidence``."""

    confidence: float
    coverage: float
    accuracy: float
    micro_f1: MaybeNumber = None


class Bin(Record):
    """Products whose confidence lies in (lower, upper]."""

    lower: float
    upper: float
    products: int
    mean_confidence: float
    accuracy: float


class LevelCalibration(Record):
    """Whether the confidence down to one level, or of given labels, means what it says."""

    name: str
    cases: int
    expected_calibration_error: float
    brier: float
    mean_confidence: float
    accuracy: float


class Calibration(Record):
    """Whether the confidence means what it says."""

    expected_calibration_error: float
    adaptive_calibration_error: MaybeNumber = None
    """As the other, in bins of equally many products; None in records of earlier versions."""
    brier: float
    area_under_risk_coverage: float
    mean_confidence: float
    accuracy: float
    bins: list[Bin]
    parts: list[LevelCalibration] = Field(default_factory=list)
    """Of paths each level, of label sets all labels given, alternatives and what was answered."""
    coverage_at: dict[str, float] = Field(default_factory=dict)
    """Precision → the largest share of products that could be accepted with it, had the threshold been chosen on these very
    products: what no rule can beat."""


class CategoryScore(Record):
    """One category: how many products, how many missed, and how far its predictions can be trusted."""

    category: Category
    products: int
    missed: int
    predicted: int
    recall: float
    precision: MaybeNumber
    """None where it was never predicted."""
    f1: float
    training_products: int | None
    """None where unknown; 0 where training never saw it."""


class Example(Record):
    """One product behind a confusion; ``row`` counts from 0 in the catalog evaluated."""

    row: int
    truth: Category
    predicted: Category
    confidence: float


class Confusion(Record):
    """A true category and what was predicted in its place."""

    truth: Category
    predicted: Category
    products: int
    share: float
    """Of the true category's products."""
    examples: list[Example]


class Histogram(Record):
    """How many categories have lower[i] to upper[i] products, per bin i (paper A's figure 2)."""

    counted_in: Literal["training", "evaluation"]
    lower: list[int]
    upper: list[int]
    categories: list[int]
    total_categories: int
    smallest: int
    median: float
    largest: int


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
    """`FUSED` first, then each single input's classifier, the best first."""
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
        """Name of the single input whose classifier has the best headline figure; None if none was given."""
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
