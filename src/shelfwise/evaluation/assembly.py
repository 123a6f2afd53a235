"""The parts of an `Evaluation` that paths and label sets share, each computed by one small function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from shelfwise.evaluation import curves, hierarchy, metrics, mistakes
from shelfwise.evaluation.calibration_records import Bin, Calibration, LevelCalibration
from shelfwise.evaluation.category_records import Category, CategoryScore, Confusion, Example, Histogram
from shelfwise.evaluation.labelled import LabelledProducts
from shelfwise.evaluation.score_records import CoveragePoint, LevelBaseline, Routes, RouteScore

CURVE_POINTS = 200


@dataclass(frozen=True)
class Marks:
    """How right each of N predictions is.

    ``right`` bool [N]: exactly right. For label sets also ``matched`` and ``sizes``, float [N]: twice the
    labels shared by truth and prediction, and the labels in both together; their sums' ratio is the micro-F1.
    """

    right: np.ndarray
    matched: np.ndarray | None = None
    sizes: np.ndarray | None = None


def level_baselines(
    truth: Sequence[Category], source: Mapping[Category, int], names: Sequence[str]
) -> list[LevelBaseline]:
    """Per level, the accuracy on ``truth`` of always answering what is most frequent in ``source``."""
    baselines = []
    for level, name in enumerate(names):
        values = hierarchy.level_values(truth, level)
        frequency: Counter[str] = Counter()
        for path, count in source.items():
            frequency[hierarchy.level_values([path], level)[0] or hierarchy.NO_CATEGORY] += count
        answer = metrics.most_frequent(frequency)
        present = [value for value in values if value != hierarchy.NO_CATEGORY]
        baselines.append(
            LevelBaseline(
                name=name,
                categories=len(set(present)),
                products=len(present),
                most_frequent=answer,
                accuracy=values.count(answer) / len(values),
            )
        )
    return baselines


def route_scores(decisions: np.ndarray, marks: Marks, as_given: np.ndarray | None = None) -> Routes:
    """How many products each of the decisions [N] took, and how good those products' predictions are.

    ``as_given`` bool [N]: whether accepted predictions are right as they are handed out, where they may be cut short.
    """

    def score(decision: str) -> RouteScore:
        chosen = decisions == decision
        count = int(chosen.sum())
        f1 = accuracy = None
        if count:
            right = marks.right if as_given is None or decision != "accept" else as_given
            accuracy = float(right[chosen].mean())
            if marks.matched is not None and marks.sizes is not None:
                f1 = float(marks.matched[chosen].sum() / marks.sizes[chosen].sum())
        return RouteScore(products=count, share=count / len(decisions), accuracy=accuracy, micro_f1=f1)

    return Routes(accept=score("accept"), review=score("review"), failed=score("failed"))


def coverage_points(confidence: np.ndarray, marks: Marks) -> list[CoveragePoint]:
    """Accuracy, and micro-F1 of label sets, among the accepted, at up to `CURVE_POINTS` coverages."""
    accuracy = curves.thin(curves.accuracy_by_coverage(confidence, marks.right), CURVE_POINTS)
    f1: list[float | None] = [None] * len(accuracy.value)
    if marks.matched is not None and marks.sizes is not None:
        f1 = curves.thin(
            curves.ratio_by_coverage(confidence, marks.matched, marks.sizes), CURVE_POINTS
        ).value.tolist()
    columns = (accuracy.confidence.tolist(), accuracy.coverage.tolist(), accuracy.value.tolist(), f1)
    return [
        CoveragePoint(confidence=c, coverage=v, accuracy=a, micro_f1=f)
        for c, v, a, f in zip(*columns, strict=True)
    ]


COVERAGE_AT = (0.9, 0.95, 0.98, 0.99, 0.995)
"""Precisions at which the largest coverage is told."""


def level_calibration(name: str, confidence: np.ndarray, right: np.ndarray) -> LevelCalibration:
    """Whether the confidence of one level, or of given labels, float [M] in 0–1, means what it says; ``right`` bool [M]."""
    return LevelCalibration(
        name=name,
        cases=len(right),
        expected_calibration_error=metrics.expected_calibration_error(confidence, right),
        brier=metrics.brier_score(confidence, right),
        mean_confidence=float(confidence.mean()) if len(right) else 0.0,
        accuracy=float(right.mean()) if len(right) else 0.0,
    )


def calibration(
    confidence: np.ndarray, right: np.ndarray, parts: Sequence[LevelCalibration] = ()
) -> Calibration:
    """How far the confidence is from the accuracy, and how well it ranks right before wrong."""
    return Calibration(
        expected_calibration_error=metrics.expected_calibration_error(confidence, right),
        adaptive_calibration_error=metrics.adaptive_calibration_error(confidence, right),
        brier=metrics.brier_score(confidence, right),
        area_under_risk_coverage=curves.area_under_risk_coverage(confidence, right),
        mean_confidence=float(confidence.mean()),
        accuracy=float(right.mean()),
        bins=[Bin(**vars(found)) for found in curves.reliability_bins(confidence, right)],
        parts=list(parts),
        coverage_at={
            f"{precision:g}": curves.coverage_at_precision(confidence, right, precision)
            for precision in COVERAGE_AT
        },
    )


def category_scores(
    counts: metrics.CategoryCounts, training: Mapping[Category, int] | None
) -> list[CategoryScore]:
    """One record a category, in the order of ``counts``, whose categories must be tuples of names."""
    precision, recall, f1 = counts.precision, counts.recall, counts.f1
    return [
        CategoryScore(
            category=category,
            products=int(counts.true[i]),
            missed=int(counts.true[i] - counts.right[i]),
            predicted=int(counts.predicted[i]),
            recall=float(recall[i]),
            precision=float(precision[i]) if counts.predicted[i] else None,
            f1=float(f1[i]),
            training_products=None if training is None else training.get(category, 0),
        )
        for i, category in enumerate(counts.categories)
        if isinstance(category, tuple)
    ]


def confusions(
    pairs: Sequence[mistakes.ConfusedPair], products: LabelledProducts, counts: metrics.CategoryCounts
) -> list[Confusion]:
    """The confused pairs with their example products, rows counted in the catalog given."""
    true = dict(zip(counts.categories, counts.true.tolist(), strict=True))
    return [
        Confusion(
            truth=pair.truth,
            predicted=pair.predicted,
            products=pair.products,
            share=pair.products / true[pair.truth],
            examples=[
                Example(
                    row=int(products.rows[row]),
                    truth=products.truth[row],
                    predicted=products.predicted[row],
                    confidence=float(products.confidence[row]),
                )
                for row in pair.rows
            ],
        )
        for pair in pairs
    ]


def products_per_category(
    counts: Mapping[Category, int], counted_in: Literal["training", "evaluation"]
) -> Histogram:
    """Categories by number of products, in bins of 1, 2–4, 5–9, 10–19 …; empty categories are left out."""
    sizes = np.array([count for count in counts.values() if count > 0], dtype=np.int64)
    largest = int(sizes.max())
    steps = [step * 10**power for power in range(len(str(largest))) for step in (1, 2, 5)]
    starts = np.array([step for step in steps if step <= largest], dtype=np.int64)
    found = np.bincount(np.searchsorted(starts, sizes, side="right") - 1, minlength=len(starts))
    first = int(np.flatnonzero(found)[0])
    ends = np.append(
        starts[1:] - 1, steps[len(starts)] - 1 if len(starts) < len(steps) else 10 ** len(str(largest)) - 1
    )
    return Histogram(
        counted_in=counted_in,
        lower=starts[first:].tolist(),
        upper=ends[first:].tolist(),
        categories=found[first:].tolist(),
        total_categories=len(sizes),
        smallest=int(sizes.min()),
        median=float(np.median(sizes)),
        largest=largest,
    )
