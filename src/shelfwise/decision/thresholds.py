"""Thresholds of label sets: from which probability on a label is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from scipy.special import expit

ThresholdKind = Literal["fixed", "one", "per_label"]
THRESHOLD_KINDS: tuple[ThresholdKind, ...] = get_args(ThresholdKind)
"""``fixed``: 0.5 for all labels. ``one``: the one for all labels that is best on held-out products. ``per_label``: each label's
own, drawn to the shared one as far as the label is rare."""
Metric = Literal["micro", "macro"]
"""What is made best: F1 over all labels of all products together, or the mean of every label's own F1."""

_GRID = expit(np.linspace(-8, 8, 641))
"""Thresholds that are tried, evenly spaced in log-odds."""
_SHRINKAGE = 20.0
"""A label's own products count as against this many positive ones that stand for all labels."""
_MOST_ROUNDS = 50
_FEW = 4
"""Times the true labels: so many of the largest probabilities are sorted first, and so many times more where that settles
nothing."""


@dataclass(frozen=True, eq=False)
class LabelThresholds:
    """A label is given from its threshold on: ``values`` is float [labels], or [] where all labels share one.

    With ``at_least_one`` a product for which no label reaches its threshold gets the most probable one.
    """

    values: np.ndarray
    at_least_one: bool = False

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LabelThresholds)
            and self.at_least_one == other.at_least_one
            and np.array_equal(self.values, other.values)
        )

    def __hash__(self) -> int:
        return hash((self.at_least_one, self.values.tobytes()))

    @classmethod
    def shared(cls, value: float, at_least_one: bool = False) -> Self:
        """One threshold for all labels."""
        return cls(np.array(value, dtype=np.float64), at_least_one)

    def given(self, probabilities: np.ndarray) -> np.ndarray:
        """bool [N, labels]: which labels each product gets, from probabilities [N, labels].

        A product of which nothing is known (all its probabilities are zero) gets none of necessity.
        """
        given = probabilities >= self.values
        if self.at_least_one and probabilities.shape[1]:
            empty = np.flatnonzero(~given.any(1) & (probabilities > 0).any(1))
            given[empty, probabilities[empty].argmax(1)] = True
        return given


HALF = LabelThresholds.shared(0.5)
"""As if probabilities were right, and a label that is missing as bad as one too many."""


def fit_thresholds(
    kind: ThresholdKind,
    probabilities: np.ndarray,
    truth: np.ndarray,
    metric: Metric = "micro",
    at_least_one: bool = False,
) -> LabelThresholds:
    """The thresholds of this ``kind`` with the best F1 on ``probabilities`` and ``truth`` (0 or 1), both [N, labels].

    They must be of products that nothing else was fitted on. 0.5 where there is no positive to learn from. Every label's own
    threshold is the best of ``_GRID``, for the micro-F1 of all labels together (Dinkelbach's method, exact on what it is
    given) or for its own F1, on its own products and on ``_SHRINKAGE`` positive ones that are spread as those of all labels.
    """
    if kind == "fixed" or not (truth > 0).any():
        return LabelThresholds.shared(0.5, at_least_one)
    if kind == "one" and metric == "micro":
        return LabelThresholds.shared(best_micro_f1_threshold(probabilities, truth), at_least_one)
    counts = _Counts.of(probabilities, truth)
    if kind == "one":
        return LabelThresholds.shared(float(_GRID[counts.macro_f1().argmax()]), at_least_one)
    shrunk = counts.shrunk(_SHRINKAGE)
    best = shrunk.best_for_micro() if metric == "micro" else shrunk.best_for_macro()
    return LabelThresholds(_GRID[best], at_least_one)


@dataclass(frozen=True)
class _Counts:
    """At each threshold of the grid: labels given, and given rightly, float [labels, grid]; and positives, float [labels]."""

    given: np.ndarray
    hits: np.ndarray
    positives: np.ndarray

    @classmethod
    def of(cls, probabilities: np.ndarray, truth: np.ndarray) -> Self:
        reached = np.searchsorted(
            _GRID, probabilities, side="right"
        )  # how many thresholds each probability reaches
        given: list[np.ndarray] = []
        hits: list[np.ndarray] = []
        for label in range(probabilities.shape[1]):
            for found, weights in ((given, None), (hits, truth[:, label] > 0)):
                at = np.bincount(reached[:, label], weights, minlength=len(_GRID) + 1)
                found.append(at[::-1].cumsum()[::-1][1:])
        positives = (truth > 0).sum(0).astype(np.float64)
        return cls(np.array(given, np.float64), np.array(hits, np.float64), positives)

    def shrunk(self, strength: float) -> _Counts:
        """With ``strength`` positive products besides that are spread as those of all labels, and as many others to each."""
        share = strength / self.positives.sum()
        return _Counts(
            self.given + share * self.given.sum(0),
            self.hits + share * self.hits.sum(0),
            self.positives + strength,
        )

    def macro_f1(self) -> np.ndarray:
        """[grid]: the mean F1 of the labels that have positives."""
        known = self.positives > 0
        f1 = 2 * self.hits[known] / (self.given[known] + self.positives[known, None])
        return np.asarray(f1.mean(0))

    def best_for_macro(self) -> np.ndarray:
        """int64 [labels]: where in the grid each label's own F1 is best."""
        return np.asarray((2 * self.hits / (self.given + self.positives[:, None])).argmax(1))

    def best_for_micro(self) -> np.ndarray:
        """int64 [labels]: where in the grid the F1 of all labels together is best.

        F1 = 2 Σ hits / (Σ given + Σ positives) is a ratio of sums over labels: the best ratio f is the one at which no choice
        of thresholds makes 2 Σ hits - f Σ given larger than f Σ positives, and that sum each label makes large by itself.
        """
        ratio, labels = 0.0, np.arange(len(self.positives))
        best = np.zeros(len(labels), np.int64)
        for _ in range(_MOST_ROUNDS):
            best = (2 * self.hits - ratio * self.given).argmax(1)
            better = (
                2 * self.hits[labels, best].sum() / (self.given[labels, best].sum() + self.positives.sum())
            )
            if better <= ratio:
                break
            ratio = better
        return best


def best_micro_f1_threshold(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The one threshold with the best micro-F1 on ``probabilities`` and ``truth`` (0 or 1), both [N, labels].

    Equal probabilities stay on one side; 0.5 where there is no positive. The threshold lies half way to the next
    lower probability.
    """
    scores, hits = probabilities.ravel(), truth.ravel() > 0
    positives = int(hits.sum())
    if not positives:
        return 0.5
    looked_at = _FEW * positives
    while looked_at < len(scores) and not np.isnan(least := np.partition(scores, -looked_at)[-looked_at]):
        largest = scores >= least
        threshold, f1, at_the_end = _best_threshold(scores[largest], hits[largest], positives)
        # Giving more labels than these cannot be better, had it every hit.
        if not at_the_end and f1 >= 2 * positives / (largest.sum() + 1 + positives):
            return threshold
        looked_at *= _FEW
    return _best_threshold(scores, hits, positives)[0]


def _best_threshold(scores: np.ndarray, hits: np.ndarray, positives: int) -> tuple[float, float, bool]:
    """The threshold for micro-F1, the F1, and whether all ``scores`` reach it; there are ``positives`` among these and others."""
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], hits[order]
    f1 = 2 * np.cumsum(hits) / (np.arange(1, len(scores) + 1) + positives)
    last_of_ties = np.append(scores[1:] < scores[:-1], True)
    best = int(np.argmax(np.where(last_of_ties, f1, -1.0)))
    at_the_end = best + 1 == len(scores)
    following = scores.dtype.type(0) if at_the_end else scores[best + 1]
    middle = (scores[best] + following) / 2
    # Between neighbouring floats there is no middle: it may round down to the one that must stay below.
    return float(middle if middle > following else scores[best]), float(f1[best]), at_the_end
