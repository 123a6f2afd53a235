"""What precision can be promised from some confidence on, and how many more products it would take where none can.

A promise is about products like the held-out ones: with a certainty of 95 %, of all that are accepted at least the share
``precision`` is right. Three things make it hold, where the plain rule "the lowest threshold whose lower bound passes" does not:

1. *Many thresholds are tried, one is taken.* Among thousands of lower bounds some are too high by luck, and the lowest
   threshold that passes is likely to be one of those. So thresholds are tested in a fixed order and the first that fails ends
   it (fixed-sequence testing; Angelopoulos et al. 2021, *Learn then Test*): the chance that any threshold passes wrongly is 5 %
   in all. The order starts where the confidences themselves, without the answers, say that the test has the most power.
2. *Near-duplicates are not independent.* Ten colours of one shirt are right or wrong together, so they count as fewer: numbers
   are divided by the design effect 1 + ρ (m - 1), with m the mean group size a product meets and ρ how alike the products of a
   group are right or wrong (Kish 1965; exact intervals on effective sizes: Korn & Graubard 1998). Where hardly any is wrong, ρ
   cannot be seen: there it is what it is over all products, and where nothing is wrong anywhere, 1.
3. *Equal confidences are accepted or reviewed together.*
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, bdtrik, betaincinv

CERTAINTY = 0.95
"""How sure a promise is: one-sided."""
STEPS = 200
"""Thresholds that are tested at most, evenly spaced over the products: each test more could end the sequence sooner."""
_WRONG_GROUPS = 5
"""Groups with something wrong that say as much of how alike products of a group are as was thought before."""
_AS_GOOD = 0.999
_MOST_FACTOR = 1e6


@dataclass(frozen=True)
class Ranking:
    """Held-out products from the surest down; arrays [K] with one entry a distinct confidence.

    ``confidence`` falls. ``accepted`` products are at least as sure, ``right`` of them are right, and they count as
    ``effective`` independent ones (at most ``accepted``); ``expected`` is how probable they are to be right, on average.
    ``total`` products were ranked.
    """

    confidence: np.ndarray
    accepted: np.ndarray
    right: np.ndarray
    effective: np.ndarray
    expected: np.ndarray
    total: int

    @classmethod
    def of(
        cls,
        confidence: np.ndarray,
        right: np.ndarray,
        groups: np.ndarray | None = None,
        probable: np.ndarray | None = None,
    ) -> Ranking:
        """From float [N] in 0–1, bool [N], and the group of near-duplicates of each product, int [N] (None: all alone).

        ``probable`` float [N]: how probable each is to be right, where ``confidence`` is of something else.
        """
        order = np.argsort(-confidence, kind="stable")
        sorted_confidence, hits = confidence[order], right[order].astype(bool)
        counts = np.arange(1, len(order) + 1)
        effective = counts.astype(np.float64)
        if groups is not None and len(order):
            effective = counts / design_effects(~hits, groups[order])
        ends = np.flatnonzero(np.append(sorted_confidence[1:] < sorted_confidence[:-1], True)[: len(order)])
        return cls(
            sorted_confidence[ends],
            counts[ends],
            np.cumsum(hits)[ends],
            effective[ends],
            (np.cumsum(sorted_confidence if probable is None else probable[order]) / counts)[ends],
            len(order),
        )

    def bounds(self, certainty: float = CERTAINTY, factor: float = 1.0) -> np.ndarray:
        """[K]: the lower bound of each threshold's precision, had there been ``factor`` times as many products like these."""
        right = self.right * factor * self.effective / self.accepted
        return lower_bound(right, factor * self.effective, certainty)


def design_effects(wrong: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """[N], at least 1: of how many products one counts as one, among the first 1, 2, … N of them.

    ``wrong`` bool [N], ``groups`` int [N]. 1 + ρ (m - 1), with m the mean size of a product's group among those taken, and ρ the
    intraclass correlation: the covariance of two products of one group, over the variance. Few groups with something wrong say
    little of it: it is drawn towards that of all products, and that towards 1. Otherwise the surest products, of which none is
    wrong, would all count in full, and luck would be taken for certainty.
    """
    wrong = wrong.astype(np.float64)
    met, met_wrong = _met_before(groups, wrong)
    taken = np.arange(1, len(wrong) + 1)
    rate = np.cumsum(wrong) / taken
    pairs = np.cumsum(2 * met)
    # Of each ordered pair within a group: both wrong; and the number of wrong ones over both places.
    both = np.cumsum(2 * wrong * met_wrong)
    either = np.cumsum(met_wrong + wrong * met)
    covariance = both - 2 * rate * either + rate**2 * pairs
    spread = pairs * rate * (1 - rate)
    likeness = np.divide(covariance, spread, out=np.zeros(len(wrong)), where=spread > 0).clip(0.0, 1.0)
    seen = np.cumsum((wrong > 0) & (met_wrong == 0))
    everywhere = _shrunk(likeness[-1:], seen[-1:], 1.0)
    return np.asarray(1 + _shrunk(likeness, seen, everywhere) * pairs / taken)


def _shrunk(likeness: np.ndarray, seen: np.ndarray, before: np.ndarray | float) -> np.ndarray:
    """What is thought of a likeness measured on ``seen`` groups with something wrong, where ``before`` was thought of it."""
    return (seen * likeness + _WRONG_GROUPS * before) / (seen + _WRONG_GROUPS)


def lower_bound(right: npt.ArrayLike, accepted: npt.ArrayLike, certainty: float = CERTAINTY) -> np.ndarray:
    """One-sided lower bound of a proportion of ``right`` among ``accepted`` (Clopper & Pearson 1934), of any size > 0."""
    right, accepted = np.asarray(right, np.float64), np.asarray(accepted, np.float64)
    some = right > 0
    bound = betaincinv(np.where(some, right, 1.0), np.maximum(accepted - right, 0.0) + 1, 1 - certainty)
    return np.asarray(np.where(some, bound, 0.0))


def lowest_promised(ranking: Ranking, precision: float, certainty: float = CERTAINTY) -> int | None:
    """Where in ``ranking`` the last threshold stands that is promised to hold ``precision``; None where there is none."""
    if not len(ranking.confidence):
        return None
    tested = _tested(ranking)
    power = _power(ranking, precision, certainty)[tested]
    # Where many are as good, neither the smallest, which one mistake fails, nor the boldest.
    start = int(np.median(np.flatnonzero(power >= _AS_GOOD * power.max())))
    passes = ranking.bounds(certainty)[tested[start:]] >= precision
    passed = len(passes) if passes.all() else int(passes.argmin())
    return int(tested[start + passed - 1]) if passed else None


def _power(ranking: Ranking, precision: float, certainty: float) -> np.ndarray:
    """[K]: how probable it is that each threshold passes, were confidences right: the answers are not looked at."""
    independent = ranking.effective.astype(np.int64)
    most_chance = binomial_isf(1 - certainty, independent, precision)
    return np.asarray(bdtrc(most_chance, independent, np.minimum(ranking.expected, 1.0)))


def binomial_isf(chance: float, trials: np.ndarray, probability: float) -> np.ndarray:
    """The least number of successes that are surpassed with ``chance`` (above 0, below 1) or less; 0 < ``probability`` < 1, and
    ``trials`` are int64 [N]. As ``scipy.stats.binom.isf``, which takes half a second to import."""
    with np.errstate(invalid="ignore"):
        found = np.nan_to_num(np.ceil(bdtrik(1 - chance, np.maximum(trials, 1), probability)))
    found = np.clip(found, 0, trials)
    for _ in range(
        2
    ):  # the inverse is a root that was searched for: it may lie a hair on the wrong side of a whole number
        lower = np.maximum(found - 1, 0)
        found = np.where(bdtrc(lower, trials, probability) <= chance, lower, found)
    return np.where(bdtrc(found, trials, probability) > chance, found + 1, found)


def _tested(ranking: Ranking) -> np.ndarray:
    """int64: ascending places of the thresholds to be tested."""
    wanted = np.linspace(0, ranking.total, STEPS + 1)[1:]
    return np.unique(np.searchsorted(ranking.accepted, wanted).clip(0, len(ranking.accepted) - 1))


def products_needed(precision: float, certainty: float = CERTAINTY) -> int:
    """How many held-out predictions, all right, the promise of ``precision`` takes at the least.

    >>> products_needed(0.95)
    59
    """
    if precision >= 1:
        raise ValueError(
            "expected a precision below 1: no number of products can promise that nothing is ever wrong"
        )
    return int(np.ceil(np.log(1 - certainty) / np.log(precision)))


def factor_needed(ranking: Ranking, precision: float, certainty: float = CERTAINTY) -> float | None:
    """How many times as many products like these it would take to promise ``precision`` for some threshold; None where no number
    would do, because even the surest are wrong too often."""
    if precision >= 1 or not ranking.total or ranking.bounds(certainty, _MOST_FACTOR).max() < precision:
        return None
    low, high = 0.0, np.log(_MOST_FACTOR)
    for _ in range(40):
        middle = (low + high) / 2
        enough = ranking.bounds(certainty, np.exp(middle)).max() >= precision
        low, high = (low, middle) if enough else (middle, high)
    return float(np.exp(high))


def _met_before(groups: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float64 [N]: how many earlier entries are of the same group, and how many of those are wrong."""
    order = np.argsort(groups, kind="stable")
    first = np.append(True, groups[order][1:] != groups[order][:-1])
    start = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    before = np.cumsum(wrong[order]) - wrong[order]
    met, met_wrong = np.empty(len(order)), np.empty(len(order))
    met[order] = np.arange(len(order)) - start
    met_wrong[order] = before - before[start]
    return met, met_wrong
