"""Where the predictions go wrong: the categories missed most, and the pairs mistaken for each other most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from shelfwise.evaluation.category_records import Category
from shelfwise.evaluation.metrics import CategoryCounts, check_lengths

PAIRS_LIMIT = 12
EXAMPLES_LIMIT = 4
"""Products shown for each confused pair."""


@dataclass(frozen=True)
class ConfusedPair:
    """A true category and what was predicted in its place: in how many products, and in which rows to look.

    ``rows`` holds a few of those products, those predicted with the highest confidence first: a confident
    mistake is the most telling, and often a wrong label in the catalog.
    """

    truth: Category
    predicted: Category
    products: int
    rows: tuple[int, ...]


def most_misclassified(
    counts: CategoryCounts, *, minimum: int, limit: int, known: Collection[Category] | None = None
) -> list[int]:
    """Indices into ``counts`` of the categories with the largest share of missed products, the worst first.

    Wirojwatanakul & Wangperawong 2019, tables 2 and 4. Only categories with at least ``minimum`` true
    products are ranked: of one product, one missed says little. Nor are those outside of ``known``, where
    given: what training never saw is missed as a matter of course, and would crowd out what can be mended.
    Categories of which nothing is missed are left out; equal shares go by the number missed, then by name.
    """
    missed = counts.true - counts.right
    ranked = [
        int(i)
        for i in np.flatnonzero((counts.true >= max(minimum, 1)) & (missed > 0))
        if known is None or counts.categories[i] in known
    ]
    ranked.sort(key=lambda i: (-missed[i] / counts.true[i], -missed[i], str(counts.categories[i])))
    return ranked[:limit]


def confused_paths(
    truth: Sequence[Category],
    predicted: Sequence[Category],
    confidence: np.ndarray,
    *,
    limit: int = PAIRS_LIMIT,
    examples: int = EXAMPLES_LIMIT,
) -> list[ConfusedPair]:
    """The (true, predicted) pairs of paths that occur most often; failed products confuse nothing."""

    def pairs(row: int) -> list[tuple[Category, Category]]:
        wrong = bool(predicted[row]) and predicted[row] != truth[row]
        return [(truth[row], predicted[row])] if wrong else []

    check_lengths(truth=truth, predicted=predicted, confidence=confidence)
    return _rank(pairs, confidence, limit, examples)


def confused_labels(
    truth: Sequence[Category],
    predicted: Sequence[Category],
    confidence: np.ndarray,
    *,
    limit: int = PAIRS_LIMIT,
    examples: int = EXAMPLES_LIMIT,
) -> list[ConfusedPair]:
    """The pairs (label missed, label wrongly given) that occur together in most products."""

    def pairs(row: int) -> list[tuple[Category, Category]]:
        true, given = set(truth[row]), set(predicted[row])
        return [((missed,), (extra,)) for missed in sorted(true - given) for extra in sorted(given - true)]

    check_lengths(truth=truth, predicted=predicted, confidence=confidence)
    return _rank(pairs, confidence, limit, examples)


def _rank(
    pairs_of: Callable[[int], list[tuple[Category, Category]]],
    confidence: np.ndarray,
    limit: int = PAIRS_LIMIT,
    examples: int = EXAMPLES_LIMIT,
) -> list[ConfusedPair]:
    # Counted first and looked up after: only the listed pairs' rows are ever held.
    total = range(len(confidence))
    times = Counter(pair for row in total for pair in pairs_of(row))
    worst = sorted(times, key=lambda pair: (-times[pair], pair))[:limit]
    rows: dict[tuple[Category, Category], list[int]] = {pair: [] for pair in worst}
    for row in total:
        for pair in pairs_of(row):
            if pair in rows:
                rows[pair].append(row)
    return [
        ConfusedPair(
            truth=pair[0],
            predicted=pair[1],
            products=times[pair],
            rows=tuple(sorted(rows[pair], key=lambda row: (-confidence[row], row))[:examples]),
        )
        for pair in worst
    ]
