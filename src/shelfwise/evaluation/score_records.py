"""The records of how good answers are: of each classifier, of what is accepted and reviewed, and of what needs no model."""

from __future__ import annotations

from typing import Literal

from shelfwise.evaluation.category_records import Category
from shelfwise.evaluation.records import MaybeNumber, Record


class Headline(Record):
    """The one figure to remember, with its 95 % interval over groups of near-duplicates: exact of a share, bootstrap of a
    micro-F1."""

    name: str
    value: float
    low: float
    high: float


class Gain(Record):
    """By how much the whole model's headline figure is above that of the classifier that is best alone, with its 95 % interval
    (bootstrap over groups of near-duplicates, the same draws for both)."""

    over: str
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
