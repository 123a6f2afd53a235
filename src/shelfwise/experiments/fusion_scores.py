"""The figures of a fusion experiment as pure functions: scores with intervals, missed categories, what one input rescues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from shelfwise.evaluation.intervals import of_groups
from shelfwise.experiments.table import Estimate

RESAMPLES = 1_000
_AT_ONCE = 100
LEVEL = 0.95


@dataclass(frozen=True)
class Bootstrap:
    """Scores of M answers to the same products, and of the same products, or groups of them, drawn anew: [M] and [RESAMPLES, M].

    All answers share the draws, so differences between them are paired (Efron 1979; percentile intervals).
    """

    scores: np.ndarray
    drawn: np.ndarray

    @classmethod
    def of(
        cls, numerators: np.ndarray, denominators: np.ndarray, seed: int, groups: np.ndarray | None = None
    ) -> Bootstrap:
        """From numerators and denominators [M, N] of the score, product by product; 0 where a denominator sums to 0.

        ``groups`` int [N]: whole groups are drawn, because near-duplicates are right or wrong together; None: single products.
        """
        if groups is not None:
            numerators, denominators = (
                np.stack([of_groups(one, groups) for one in each]) for each in (numerators, denominators)
            )
        products = numerators.shape[1]
        random = np.random.default_rng(seed)
        parts = []
        for _ in range(0, RESAMPLES, _AT_ONCE):
            if products:
                times = random.multinomial(products, np.full(products, 1 / products), size=_AT_ONCE).astype(
                    float
                )
            else:
                times = np.zeros((_AT_ONCE, 0))
            parts.append(_ratio(times @ numerators.T, times @ denominators.T))
        return cls(_ratio(numerators.sum(1), denominators.sum(1)), np.concatenate(parts))

    def score(self, place: int) -> Estimate:
        """The score of one answer, 0–1, with its 95 % interval."""
        return _estimate(float(self.scores[place]), self.drawn[:, place])

    def gain(self, place: int, over: int) -> Estimate:
        """How much better one answer's score is than another's, with the interval of the paired difference."""
        difference = float(self.scores[place] - self.scores[over])
        return _estimate(difference, self.drawn[:, place] - self.drawn[:, over])


def _estimate(value: float, drawn: np.ndarray) -> Estimate:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.zeros(np.shape(top)), where=bottom > 0)


@dataclass(frozen=True)
class Missed:
    """One category: of its ``total`` test products ``missed`` were not given it; ``precision``: the share of those given it that
    are in it, None where it was never given."""

    category: int
    missed: int
    total: int
    precision: float | None

    @property
    def share(self) -> float:
        """Of the category's products, those missed."""
        return self.missed / self.total


def most_missed(truth: sp.csr_matrix, given: sp.csr_matrix, most: int = 15) -> list[Missed]:
    """The categories with the largest share of missed products, worst first (tables 2 and 4 of Wirojwatanakul & Wangperawong
    2019, which have no precision); of equal shares the larger category first. ``truth`` and ``given``: bool [N, categories].
    """
    total = _by_category(truth)
    right = _by_category(truth.multiply(given))
    answered = _by_category(given)
    found = [
        Missed(
            int(one),
            int(total[one] - right[one]),
            int(total[one]),
            float(right[one] / answered[one]) if answered[one] else None,
        )
        for one in np.flatnonzero(total)
    ]
    return sorted(found, key=lambda one: (-one.share, -one.total, one.category))[:most]


@dataclass(frozen=True)
class Rescue:
    """What one input finds and no other does: ``products``: how many true categories of products; ``categories``:
    (category, found by it alone, its test products), most found first."""

    name: str
    products: int
    categories: list[tuple[int, int, int]]


def rescues(truth: sp.csr_matrix, given: Mapping[str, sp.csr_matrix], most: int = 10) -> list[Rescue]:
    """For each of ``given`` (bool [N, categories]) the true categories of products that it gives and all others miss."""
    right = {name: truth.multiply(one).tocsr() for name, one in given.items()}
    finders = _added(list(right.values()), truth.shape)
    total = _by_category(truth)
    found = []
    for name, mine in right.items():
        alone = mine.multiply(finders == 1).tocsr() if mine.nnz else mine
        count = _by_category(alone)
        order = sorted(np.flatnonzero(count).tolist(), key=lambda one: (-count[one], one))
        categories = [(one, int(count[one]), int(total[one])) for one in order[:most]]
        found.append(Rescue(name, int(count.sum()), categories))
    return found


def found_by_none(truth: sp.csr_matrix, given: Sequence[sp.csr_matrix]) -> sp.csr_matrix:
    """bool [N, categories]: the true categories of products that none of ``given`` has."""
    finders = _added([truth.multiply(one) for one in given], truth.shape)
    return (truth.astype(np.int32) - (finders > 0).astype(np.int32)).astype(bool).tocsr()


def _added(parts: Sequence[sp.spmatrix], shape: tuple[int, int]) -> sp.csr_matrix:
    total = sp.csr_matrix(shape, dtype=np.int32)
    for part in parts:
        total = total + part.astype(np.int32)
    return total.tocsr()


def _by_category(matrix: sp.spmatrix) -> np.ndarray:
    return np.asarray(matrix.astype(np.int64).sum(0)).ravel()
