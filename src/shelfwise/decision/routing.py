"""Routing: which predictions are accepted, and which a person sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

_CERTAINTY = 0.95
"""How sure the promise is: one-sided."""


@dataclass(frozen=True)
class AcceptRule:
    """Accept at confidence ``threshold`` and above; infinite where no threshold can promise ``precision``.

    ``basis`` is how many held-out predictions it was chosen on, ``held`` the precision measured on those accepted, and
    ``coverage`` the share accepted.
    """

    precision: float
    threshold: float
    basis: int
    held: float
    coverage: float

    @property
    def possible(self) -> bool:
        """Whether anything can be accepted."""
        return bool(np.isfinite(self.threshold))


def fit_accept_rule(confidence: np.ndarray, right: np.ndarray, precision: float) -> AcceptRule:
    """The lowest threshold whose precision has a one-sided Clopper-Pearson lower bound (95 %) of ``precision``.

    ``confidence`` float [N] and ``right`` bool [N] are of held-out products that nothing else was fitted on. Equal
    confidences stay on one side.
    """
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence, hits = confidence[order], right[order]
    accepted = np.arange(1, len(order) + 1)
    correct = np.cumsum(hits)
    # Lower bound of a binomial proportion (Clopper & Pearson 1934).
    bound = np.where(
        correct > 0, beta.ppf(1 - _CERTAINTY, np.maximum(correct, 1), accepted - correct + 1), 0.0
    )
    last_of_ties = (
        np.append(sorted_confidence[1:] < sorted_confidence[:-1], True) if len(order) else np.zeros(0, bool)
    )
    good = np.flatnonzero(last_of_ties & (bound >= precision))
    if not len(good):
        return AcceptRule(precision, float("inf"), len(order), 0.0, 0.0)
    last = good[-1]
    return AcceptRule(
        precision,
        float(sorted_confidence[last]),
        len(order),
        float(correct[last] / accepted[last]),
        float(accepted[last] / len(order)),
    )


def products_needed(precision: float) -> int:
    """How many held-out predictions, all right, the promise of ``precision`` takes at the least.

    >>> products_needed(0.95)
    59
    """
    if precision >= 1:
        raise ValueError(
            "expected a precision below 1: no number of products can promise that nothing is ever wrong"
        )
    return int(np.ceil(np.log(1 - _CERTAINTY) / np.log(precision)))
