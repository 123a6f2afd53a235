"""What the best recipe is worth on products that no trial saw, beside the recipe it started from, and what may be luck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfwise.decision.confidence import decide
from shelfwise.ensemble import calibrated_logits, fused_probabilities, label_probabilities
from shelfwise.learning.fusing import Fused
from shelfwise.search.bench import Bench

_RESAMPLES = 2_000


@dataclass(frozen=True)
class Interval:
    """A figure, and between which values it lies with 95 % confidence."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class AsideScores:
    """Scores (micro-F1 of labels, or share of whole paths right) on ``products`` in ``groups`` that were kept aside."""

    products: int
    groups: int
    start: Interval
    best: Interval
    gain: Interval

    @property
    def sure(self) -> bool:
        """Whether the best recipe is better than the start by more than luck explains."""
        return self.gain.low > 0


@dataclass(frozen=True)
class Counts:
    """Per product float64 [N]: ``hits`` and ``of``, whose sums' quotient is the score (micro-F1: 2 × right labels, given and true
    labels; paths: right, 1)."""

    hits: np.ndarray
    of: np.ndarray


def count_right(bench: Bench, fused: Fused, logits: np.ndarray, present: np.ndarray) -> Counts:
    """What the model that ``Scorer.final`` gave answers right among the products aside; logits [classifiers, N, outcomes]."""
    scaled = calibrated_logits(logits, fused.calibration, bench.target.exclusive)
    together = fused.policy.combine(scaled, present)
    known = np.asarray(present.any(0))
    probabilities = fused_probabilities(bench.target, fused.calibration, together, known)
    by_label = label_probabilities(bench.target, fused.label_wise, probabilities, scaled, present)
    decided = decide(bench.target, probabilities, fused.calibration, by_label)
    truth = bench.answers[bench.aside]
    if decided.chosen.ndim == 1:
        return Counts((decided.right(truth) & known).astype(float), np.ones(len(truth)))
    given, true = decided.chosen & known[:, None], truth > 0
    return Counts(2.0 * (given & true).sum(1), (given.sum(1) + true.sum(1)).astype(float))


def compare(start: Counts, best: Counts, groups: np.ndarray, seed: int) -> AsideScores:
    """Both scores and their difference, with percentile intervals from bootstrap samples of whole groups (int64 [N]): the
    same samples for both, so that products hard for either do not blur the difference."""
    numbers = np.unique(groups, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    sums = np.stack([np.bincount(numbers, one, count) for one in (start.hits, start.of, best.hits, best.of)])
    random = np.random.default_rng(seed)
    drawn = np.array([_drawn(sums, random.integers(count, size=count)) for _ in range(_RESAMPLES)])
    whole = _drawn(sums, np.arange(count))
    edges = np.quantile(drawn, [0.025, 0.975], axis=0)
    first, second, gain = (
        Interval(float(whole[one]), float(edges[0, one]), float(edges[1, one])) for one in range(3)
    )
    return AsideScores(len(groups), count, first, second, gain)


def _drawn(sums: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """[3]: the start's score, the best's and their difference on the groups ``chosen``."""
    totals = sums[:, chosen].sum(1)
    start = totals[0] / totals[1] if totals[1] else 0.0
    best = totals[2] / totals[3] if totals[3] else 0.0
    return np.array([start, best, best - start])
