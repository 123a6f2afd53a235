"""What confidence is worth: how accurate the surest predictions are, and whether a stated 90 % means 90 %."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfwise.evaluation.metrics import check_confidence, check_lengths, confidence_bins


@dataclass(frozen=True)
class CoverageCurve:
    """Accepting everything at or above a falling confidence: arrays [K], one entry a distinct confidence.

    ``coverage`` (0–1, rising) is the share of products accepted, ``value`` (0–1) the accuracy, or another
    ratio, among those.
    """

    confidence: np.ndarray
    coverage: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class ReliabilityBin:
    """The products whose confidence lies in (lower, upper]: how many, how sure, and how often right (0–1)."""

    lower: float
    upper: float
    products: int
    mean_confidence: float
    accuracy: float


def accuracy_by_coverage(confidence: np.ndarray, right: np.ndarray) -> CoverageCurve:
    """Accuracy among the accepted as the confidence asked for falls.

    ``confidence`` float [N] in 0–1, ``right`` bool [N]. Products of equal confidence are accepted together,
    so the curve does not depend on the products' order.
    """
    confidence, right = check_confidence(confidence, right)
    return ratio_by_coverage(confidence, right.astype(float), np.ones(len(right)))


def ratio_by_coverage(
    confidence: np.ndarray, numerator: np.ndarray, denominator: np.ndarray
) -> CoverageCurve:
    """``sum(numerator) / sum(denominator)`` (float [N] each) among the accepted as confidence falls.

    With (2 · shared, true + predicted) it is the micro-F1. 0 where the denominator is 0.
    """
    check_lengths(confidence=confidence, numerator=numerator, denominator=denominator)
    confidence = np.asarray(confidence, dtype=float)
    order = np.argsort(-confidence, kind="stable")
    ends = _tie_ends(confidence[order])
    top, bottom = np.cumsum(numerator[order])[ends], np.cumsum(denominator[order])[ends]
    value = np.divide(top, bottom, out=np.zeros(len(ends)), where=bottom > 0)
    return CoverageCurve(confidence[order][ends], (ends + 1) / max(len(confidence), 1), value)


def area_under_risk_coverage(confidence: np.ndarray, right: np.ndarray) -> float:
    """Mean error rate over accepting the 1, 2, … N surest products, 0–1, lower is better (AURC).

    Geifman, Uziel & El-Yaniv 2019. Within products of equal confidence every order is as good as another, so
    errors are spread evenly over them: the expectation over all those orders. 0 for no products.
    """
    confidence, right = check_confidence(confidence, right)
    if len(confidence) == 0:
        return 0.0
    order = np.argsort(-confidence, kind="stable")
    ends = _tie_ends(confidence[order])
    sizes = np.diff(ends, prepend=-1)
    wrong_at_end = np.cumsum(~right[order])[ends]
    wrong_in_group = np.diff(wrong_at_end, prepend=0)
    expected_wrong = np.cumsum(np.repeat(wrong_in_group / sizes, sizes))
    return float((expected_wrong / np.arange(1, len(order) + 1)).mean())


def coverage_at_precision(confidence: np.ndarray, right: np.ndarray, precision: float) -> float:
    """The largest share (0–1) of products whose surest part is right at least to ``precision``; 0 where there is none.

    ``confidence`` float [N] in 0–1, ``right`` bool [N]. The threshold is chosen with the answers known: no rule can do better.
    """
    curve = accuracy_by_coverage(confidence, right)
    kept = curve.coverage[curve.value >= precision]
    return float(kept[-1]) if len(kept) else 0.0


def reliability_bins(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> list[ReliabilityBin]:
    """Equal-width bins of confidence with the accuracy found in each; empty bins are left out."""
    count, confidence_sum, right_sum = confidence_bins(confidence, right, bins)
    return [
        ReliabilityBin(
            lower=index / bins,
            upper=(index + 1) / bins,
            products=int(count[index]),
            mean_confidence=float(confidence_sum[index] / count[index]),
            accuracy=float(right_sum[index] / count[index]),
        )
        for index in np.flatnonzero(count)
    ]


def thin(curve: CoverageCurve, points: int) -> CoverageCurve:
    """At most ``points`` entries of a curve, even over coverage, the first and the last always kept."""
    if len(curve.coverage) <= points:
        return curve
    wanted = np.linspace(curve.coverage[0], curve.coverage[-1], points)
    keep = np.unique(np.searchsorted(curve.coverage, wanted).clip(0, len(curve.coverage) - 1))
    return CoverageCurve(curve.confidence[keep], curve.coverage[keep], curve.value[keep])


def _tie_ends(falling: np.ndarray) -> np.ndarray:
    """Index of the last entry of each run of equal values."""
    if len(falling) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.append(np.flatnonzero(np.diff(falling) != 0), len(falling) - 1)
