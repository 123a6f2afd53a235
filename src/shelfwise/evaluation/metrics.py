"""The figures that say how good predictions are, as pure functions of what was true and what was predicted.

Every F1, precision and recall is computed from `CategoryCounts`, so one label a product and several labels a
product share one definition. Where a ratio is 0 / 0 it is 0, as scikit-learn's ``zero_division=0``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np

from shelfwise.errors import ShelfwiseError

_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True)
class CategoryCounts:
    """How often each of C categories was true, was predicted, and was both (int64 arrays [C])."""

    categories: tuple[Hashable, ...]
    true: np.ndarray
    predicted: np.ndarray
    right: np.ndarray

    @property
    def precision(self) -> np.ndarray:
        """float64 [C], 0–1: share of a category's predictions that were right; 0 where never predicted."""
        return _ratio(self.right, self.predicted)

    @property
    def recall(self) -> np.ndarray:
        """float64 [C], 0–1: share of a category's products that were found; 0 where it has none."""
        return _ratio(self.right, self.true)

    @property
    def f1(self) -> np.ndarray:
        """float64 [C], 0–1: harmonic mean of precision and recall."""
        return _ratio(2 * self.right, self.true + self.predicted)


def count_categories(truth: Sequence[Hashable], predicted: Sequence[Hashable]) -> CategoryCounts:
    """Counts for one category a product, both sequences of length N.

    A prediction of None means none was made: it counts against the true category's recall and against no
    precision.
    """
    check_lengths(truth=truth, predicted=predicted)
    return _from_counters(
        Counter(truth),
        Counter(p for p in predicted if p is not None),
        Counter(t for t, p in zip(truth, predicted, strict=True) if t == p),
    )


def count_label_sets(
    truth: Sequence[Iterable[Hashable]], predicted: Sequence[Iterable[Hashable]]
) -> CategoryCounts:
    """Counts for any number of labels a product; order and repetition within a product mean nothing."""
    check_lengths(truth=truth, predicted=predicted)
    true_sets, predicted_sets = list(map(set, truth)), list(map(set, predicted))
    return _from_counters(
        Counter(chain.from_iterable(true_sets)),
        Counter(chain.from_iterable(predicted_sets)),
        Counter(label for t, p in zip(true_sets, predicted_sets, strict=True) for label in t & p),
    )


def count_label_matrix(truth: np.ndarray, predicted: np.ndarray) -> CategoryCounts:
    """Counts for labels given as two bool matrices [N, L]; category j is column j, occurring or not."""
    truth, predicted = np.asarray(truth, dtype=bool), np.asarray(predicted, dtype=bool)
    if truth.ndim != 2 or truth.shape != predicted.shape:
        raise ShelfwiseError(
            f"Expected two label matrices of one shape [products, labels], got {truth.shape} and "
            f"{predicted.shape}. "
            "Pass the truth and the prediction of the same products over the same labels."
        )
    return CategoryCounts(
        tuple(range(truth.shape[1])),
        truth.sum(axis=0),
        predicted.sum(axis=0),
        (truth & predicted).sum(axis=0),
    )


def micro_precision(counts: CategoryCounts) -> float:
    """Share of all predicted categories that were right, 0–1."""
    return _single_ratio(counts.right.sum(), counts.predicted.sum())


def micro_recall(counts: CategoryCounts) -> float:
    """Share of all true categories that were predicted, 0–1."""
    return _single_ratio(counts.right.sum(), counts.true.sum())


def micro_f1(counts: CategoryCounts) -> float:
    """F1 of all decisions pooled, 0–1; the accuracy where all have one category and one prediction."""
    return _single_ratio(2 * counts.right.sum(), counts.true.sum() + counts.predicted.sum())


def macro_f1(counts: CategoryCounts) -> float:
    """Mean F1 over the categories counted, 0–1: the rare weigh as much as the frequent."""
    return float(counts.f1.mean()) if len(counts.categories) else 0.0


def weighted_f1(counts: CategoryCounts) -> float:
    """Mean F1 over categories, weighted by how often each is true, 0–1 (the MWPD 2020 challenge's figure)."""
    return _single_ratio((counts.f1 * counts.true).sum(), counts.true.sum())


def accuracy(truth: Sequence[Hashable], predicted: Sequence[Hashable]) -> float:
    """Share of products whose prediction equals the truth, 0–1; 0 for no products."""
    check_lengths(truth=truth, predicted=predicted)
    return _single_ratio(sum(t == p for t, p in zip(truth, predicted, strict=True)), len(truth))


def most_frequent(counts: Mapping[_Name, int]) -> _Name:
    """The category with the largest count: the answer of one who knows nothing. Ties go by name."""
    if not counts:
        raise ShelfwiseError(
            "Expected at least one category to choose from, got none. Pass categories and their counts."
        )
    return min(counts, key=lambda category: (-counts[category], str(category)))


def confidence_bins(
    confidence: np.ndarray, right: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Products, sum of confidence, number right (float64 [bins] each) in equal-width bins of (lower, upper].

    ``confidence`` float [N] in 0–1, ``right`` bool [N]. A confidence of exactly 0 falls into the first bin.
    """
    confidence, right = check_confidence(confidence, right)
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins).astype(np.float64)
    return count, np.bincount(index, confidence, bins), np.bincount(index, right.astype(np.float64), bins)


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Mean distance between confidence and accuracy over equal-width bins, weighted by products, 0–1.

    Guo et al. 2017, *On Calibration of Modern Neural Networks*, equation 3. 0 for no products.
    """
    _, confidence_sum, right_sum = confidence_bins(confidence, right, bins)
    return _single_ratio(np.abs(confidence_sum - right_sum).sum(), len(confidence))


def adaptive_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """As `expected_calibration_error`, in bins of equally many products, 0–1.

    Where most products are almost sure, bins of equal width put nearly all of them into one (Nixon et al. 2019, *Measuring
    Calibration in Deep Learning*). Products of equal confidence fall into one bin. 0 for no products.
    """
    confidence, right = check_confidence(confidence, right)
    if not len(confidence):
        return 0.0
    edges = np.quantile(confidence, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    index = np.searchsorted(edges, confidence, side="left")
    gaps = np.bincount(index, confidence, bins) - np.bincount(index, right.astype(np.float64), bins)
    return float(np.abs(gaps).sum() / len(confidence))


def brier_score(confidence: np.ndarray, right: np.ndarray) -> float:
    """Mean squared distance of the confidence from 1 where right and 0 where wrong, 0–1, lower is better."""
    confidence, right = check_confidence(confidence, right)
    return _single_ratio(((confidence - right) ** 2).sum(), len(confidence))


def bootstrap_interval(
    numerator: np.ndarray,
    denominator: np.ndarray,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of ``sum(numerator) / sum(denominator)`` over products drawn anew with replacement.

    Both are float arrays [N], one entry a product: (right, 1) gives accuracy; (2 · shared, true + predicted)
    gives micro-F1. Products with equal entries are drawn together by one multinomial draw, which is the same
    distribution as drawing products one by one and costs nothing on large catalogs. Entries are taken as
    independent: of near-duplicates pass one a group (``intervals.of_groups``). Efron 1979.
    """
    check_lengths(numerator=numerator, denominator=denominator)
    if len(numerator) == 0:
        return 0.0, 0.0
    pairs, count = np.unique(
        np.stack([numerator, denominator], axis=1).astype(float), axis=0, return_counts=True
    )
    generator = np.random.default_rng(seed)
    total = int(count.sum())
    drawn = np.empty(resamples)
    for index in range(resamples):
        top, bottom = generator.multinomial(total, count / total) @ pairs
        drawn[index] = _single_ratio(top, bottom)
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def check_lengths(**sequences: Sequence | np.ndarray) -> None:
    """Refuse sequences that cannot be about the same products, naming each and its length."""
    lengths = {name: len(sequence) for name, sequence in sequences.items()}
    if len(set(lengths.values())) > 1:
        came = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ShelfwiseError(
            f"Expected one entry a product in each of these, got {came}. "
            "Pass them for the same products, in one order."
        )


def check_confidence(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays (float64 [N], bool [N]); refuses unequal lengths and confidences outside 0–1."""
    check_lengths(confidence=confidence, right=right)
    confidence, right = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=bool)
    bad = ~((confidence >= 0) & (confidence <= 1))
    if bad.any():
        row = int(np.argmax(bad))
        raise ShelfwiseError(
            f"A confidence must be between 0 and 1; product {row} has {confidence[row]}. "
            "Pass calibrated probabilities, not scores."
        )
    return confidence, right


def _from_counters(
    true: Mapping[Hashable, int], predicted: Mapping[Hashable, int], right: Mapping[Hashable, int]
) -> CategoryCounts:
    categories = tuple(dict.fromkeys([*true, *predicted]))
    columns = [
        np.array([counter.get(c, 0) for c in categories], dtype=np.int64)
        for counter in (true, predicted, right)
    ]
    return CategoryCounts(categories, *columns)


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.zeros(len(top)), where=bottom > 0)


def _single_ratio(top: float, bottom: float) -> float:
    return float(top / bottom) if bottom > 0 else 0.0
