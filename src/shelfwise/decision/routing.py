"""Routing: which predictions are accepted, and which a person sees."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shelfwise.decision.promise import CERTAINTY, Ranking, factor_needed, lowest_promised, products_needed

_LEAST_MORE = 0.05
"""By which share of the held-out products a promise is missed is not known more closely: it was told of one more product."""


@dataclass(frozen=True)
class AcceptRule:
    """Accept at confidence ``threshold`` and above; infinite where no threshold can promise ``precision``.

    ``basis`` is how many held-out predictions it was chosen on, ``held`` the precision measured on those accepted, and
    ``coverage`` the share accepted. ``factor`` is how many times as many products the promise would take where it cannot be
    given: 1 where some threshold alone would hold it, but not those tested before; None where it is given, or no number would do.
    ``certainty``: how sure the promise is.
    """

    precision: float
    threshold: float
    basis: int
    held: float
    coverage: float
    factor: float | None = None
    certainty: float = CERTAINTY

    @property
    def possible(self) -> bool:
        """Whether anything can be accepted."""
        return bool(np.isfinite(self.threshold))

    def impossible(self, labelled_per_held_out: float = 1.0) -> str:
        """Why nothing is accepted, and how many more labelled products it would take, of which one in so many is held out."""
        said = f"no confidence held a precision of {self.precision:g} on the {self.basis:,} held-out products"
        if self.precision >= 1:
            return f"{said}, and no number of products can promise that nothing is ever wrong"
        if self.factor == 1:
            luck = "some would by themselves, which may be luck where so many are tried"
            return f"{said}: {luck}; more labelled products would tell"
        if self.factor is not None:
            more = round_up(max(self.factor - 1, _LEAST_MORE) * max(self.basis, 1) * labelled_per_held_out)
            return f"{said}; that takes about {more:,} more labelled products like these"
        least = max(products_needed(self.precision, self.certainty) - self.basis, 0) * labelled_per_held_out
        if least:
            surer = ", and surest answers that are wrong less often" if self.basis else ""
            return f"{said}; that takes at least {round_up(least):,} more labelled products{surer}"
        return (
            f"{said}; its surest answers are wrong too often, and more products alone would not change that"
        )


def fit_accept_rule(
    confidence: np.ndarray,
    right: np.ndarray,
    precision: float,
    groups: np.ndarray | None = None,
    probable: np.ndarray | None = None,
    certainty: float = CERTAINTY,
) -> AcceptRule:
    """The rule that accepts most and is promised to hold ``precision``; see `promise` for what that means.

    ``confidence`` float [N] and ``right`` bool [N] are of held-out products that nothing else was fitted on, ``groups`` int [N]
    their groups of near-duplicates (None: all alone). Equal confidences stay on one side. ``probable`` float [N]: how probable
    each is to be right, where that is not ``confidence``. ``certainty`` (0–1): how sure the promise is, one-sided.
    """
    ranking = Ranking.of(confidence, right, groups, probable)
    place = lowest_promised(ranking, precision, certainty)
    if place is None:
        passed = ranking.total > 0 and bool(ranking.bounds(certainty).max() >= precision)
        factor = 1.0 if passed else factor_needed(ranking, precision, certainty)
        return AcceptRule(precision, float("inf"), ranking.total, 0.0, 0.0, factor, certainty)
    accepted = int(ranking.accepted[place])
    return AcceptRule(
        precision,
        float(ranking.confidence[place]),
        ranking.total,
        float(ranking.right[place] / accepted),
        float(accepted / ranking.total),
        certainty=certainty,
    )


def strictest(rules: list[AcceptRule], confidence: np.ndarray, right: np.ndarray) -> AcceptRule:
    """The first rule with the highest threshold of all, so that it keeps the promises of all; where one of them cannot be given,
    nothing is accepted.

    ``confidence`` float [N] and ``right`` bool [N] are those of the first rule.
    """
    threshold = max(rule.threshold for rule in rules)
    if threshold == rules[0].threshold:
        return rules[0]
    accepted = confidence >= threshold
    return replace(
        rules[0],
        threshold=threshold,
        held=float(right[accepted].mean()) if accepted.any() else 0.0,
        coverage=float(accepted.mean()) if len(accepted) else 0.0,
    )


def round_up(count: float) -> int:
    """A whole number of two digits and zeros, no smaller than ``count``: what is estimated is not told to the last product.

    >>> round_up(17), round_up(2861.4)
    (17, 2900)
    """
    whole = int(np.ceil(max(count, 0)))
    step = 10 ** max(len(str(whole)) - 2, 0)
    return -(-whole // step) * step
