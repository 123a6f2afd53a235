"""Sets of categories that hold the true one as often as asked for: what a person chooses from, where one answer is not sure.

Split conformal prediction with the least ambiguous sets (Sadinle, Lei & Wasserman 2019): a category is in the set where its
probability reaches a threshold, and the threshold is the one that as many held-out products' true categories reach as are to be
covered. Categories have thresholds by groups, so that rare and hard ones are covered as often as the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from shelfwise.decision.evidence import DECIMALS, Evidence
from shelfwise.errors import RecipeError
from shelfwise.taxonomy.targets import PathTarget, Target
from shelfwise.taxonomy.tree import Path

LEAST_IN_GROUP = 100
"""A group of categories has a threshold of its own from so many held-out products on: with fewer, luck moves its coverage by more
than two points (the standard deviation at a coverage of 0.95)."""
_LEAST_PROBABLE = 10.0**-DECIMALS
"""What is told as a probability of 0 is in no set."""
_GROWTH = 1 / 2
"""How fast sets come to miss less the more products were learned from: their misses with 1 / products to this power, that of
parametric estimates. From two thirds or three quarters of the products to all, the misses of sets of .9 and .95 were seen to
fall with powers of .5 to .6 on Myntra, of .5 and 0 on H&M. Learning curves of classifiers have powers of .07 to .5 (Hestness et
al. 2017), but one that learned from more is also surer than its better answers warrant."""


@dataclass(frozen=True, eq=False)
class SetRule:
    """A category is in the set from its threshold on.

    ``coverage`` (0–1) was asked for; ``thresholds`` float64 [categories]; ``groups`` int64 [categories], 0 where no group was
    large enough and all categories together decide; ``basis`` int64 [groups]: on how many held-out cases each group's
    threshold rests.
    """

    coverage: float
    thresholds: np.ndarray
    groups: np.ndarray
    basis: np.ndarray

    @classmethod
    def fit(cls, target: Target, evidence: Evidence, coverage: float, learned_from: float = 1.0) -> Self:
        """From the held-out products' true categories. Raises RecipeError where they are too few for ``coverage``.

        ``learned_from`` (0–1]: of what the model's classifiers learned from, the share that those learned from which scored the
        held-out products; see `asked_of_held_out`.
        """
        if not 0 < coverage < 1:
            raise RecipeError(f"expected a coverage between 0 and 1, such as 0.95, got {coverage:g}")
        category = evidence.category[evidence.true]
        probability = evidence.probability[evidence.true]
        count = target.n_outcomes if isinstance(target, PathTarget) else len(target.labels)
        least = least_cases(coverage)
        if len(category) < least:
            raise RecipeError(
                f"a coverage of {coverage:g} takes at least {least:,} held-out products with known categories, and the model has "
                f"{len(category):,}; ask for less, or train on more products"
            )
        cases = np.bincount(category, minlength=count)
        groups = category_groups(target, cases, max(LEAST_IN_GROUP, least), least)
        mine = groups[category]
        asked = asked_of_held_out(coverage, learned_from)
        thresholds = [conformal_threshold(probability, asked)]
        basis = [len(category)]
        for group in range(1, groups.max(initial=0) + 1):
            inside = probability[mine == group]
            thresholds.append(conformal_threshold(inside, asked))
            basis.append(len(inside))
        return cls(coverage, np.array(thresholds)[groups], groups, np.array(basis))

    def sets(self, probabilities: np.ndarray) -> np.ndarray:
        """bool [N, categories]: which categories are in each product's set, from their probabilities [N, categories]."""
        return probabilities >= self.thresholds


def asked_of_held_out(coverage: float, learned_from: float) -> float:
    """The coverage that thresholds have on held-out products where the model is to have ``coverage`` on new ones.

    The classifiers that scored the held-out products learned from a share ``learned_from`` (0–1] of what the model that is handed
    out learned from. So the model misses less, and is surer: with thresholds made for them, its sets would be larger than asked
    for. The misses are taken to fall as learning curves do, by a power of the number of products.

    >>> round(asked_of_held_out(0.9, 1.0), 3), round(asked_of_held_out(0.9, 0.75), 3)
    (0.9, 0.885)
    """
    return max(1 - (1 - coverage) / learned_from**_GROWTH, 0.0)


def least_cases(coverage: float) -> int:
    """How many held-out cases a coverage takes at the least.

    >>> least_cases(0.95)
    19
    """
    return int(np.ceil((1 - 1e-9) / (1 - coverage))) - 1


def conformal_threshold(probabilities: np.ndarray, coverage: float) -> float:
    """From which probability on a category is in the set, so that a new product's true one is with at least ``coverage``.

    ``probabilities`` float [N] are those of held-out products' true categories: of N + 1 exchangeable ones the new one is among
    the ⌈(N + 1) · coverage⌉ largest with that chance (Vovk et al. 2005; the quantile is that of Angelopoulos & Bates 2023). With
    too few of them everything is in the set.
    """
    wanted = max(int(np.ceil((len(probabilities) + 1) * coverage * (1 - 1e-12))), 1)
    if wanted > len(probabilities):
        return _LEAST_PROBABLE
    return max(float(np.sort(probabilities)[len(probabilities) - wanted]), _LEAST_PROBABLE)


def category_groups(target: Target, cases: np.ndarray, least: int, fewest: int) -> np.ndarray:
    """int64 [categories]: groups from 1 on of at least ``least`` of the held-out ``cases``, int64 [categories]; 0 for the rest.

    Of paths, an outcome with enough cases is a group; smaller ones are put together with those under the same parent, what is
    still too small with those under the grandparent, and so on up to the root. What is left there, all of it rare, is one group
    from ``fewest`` cases on: with the frequent ones it would not be covered. Labels with enough cases are groups; smaller
    ones are put together with those that are about as frequent.
    """
    grouped = _tree_groups if isinstance(target, PathTarget) else _groups_by_size
    groups = np.zeros(len(cases), np.int64)
    for number, members in enumerate(grouped(target, cases, least, fewest), start=1):
        groups[members] = number
    return groups


def _tree_groups(target: Target, cases: np.ndarray, least: int, fewest: int) -> list[list[int]]:
    assert isinstance(target, PathTarget)
    found: list[list[int]] = []
    pending: dict[Path, list[int]] = {path: [place] for place, path in enumerate(target.outcomes)}
    for depth in range(target.taxonomy.depth, -1, -1):
        for path in [path for path in pending if len(path) == depth]:
            members = pending.pop(path)
            if cases[members].sum() >= (least if depth else fewest):
                found.append(members)
            elif depth:
                pending[path[:-1]] = [*pending.get(path[:-1], []), *members]
    return found


def _groups_by_size(_target: Target, cases: np.ndarray, least: int, _fewest: int) -> list[list[int]]:
    found: list[list[int]] = []
    pooled: list[int] = []
    for label in map(int, np.argsort(-cases, kind="stable")):
        pooled.append(label)
        if cases[pooled].sum() >= least:
            found.append(pooled)
            pooled = []
    if pooled and found:
        # Too few to stand alone: the rarest join those just above them.
        found[-1] = found[-1] + pooled
    return found
