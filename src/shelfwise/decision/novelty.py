"""Which products are unlike anything known: a score, and from where on a person should look.

There are no unknown products to learn from. But every held-out product can be looked at as if its own kind had never been seen:
its kind's outcomes are taken out of what the classifiers say, and its kind's products out of those that are remembered. What
tells these looks from the ordinary ones, by logistic regression, tells new kinds of products from known ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import expit, log_expit, xlogy

from shelfwise.fusion.base import deal_groups

LEAST_PRODUCTS = 60
"""Fewer held-out products than this teach nothing about what is new."""
_LEAST_KINDS = 3
_STRENGTH = 0.005
"""Of the penalty on weights, in units of the mean loss."""
_LARGEST = 5.0
"""Signals are cut at so many standard deviations."""
_DECIMALS = 6
_TINY = 1e-9
UNKNOWN_REASON = "unlike anything the model knows"


def signal_names(classifiers: Sequence[str], recognises: bool, views: Sequence[str]) -> list[str]:
    """What a model's novelty is made of: the columns of ``score_signals``, then how unfamiliar a product is to the recogniser,
    where there is one, and two distances in each of ``views``."""
    doubts = [f"doubt {name}" for name in classifiers]
    distances = [f"{what} {name}" for name in views for what in ("distance", "spread")]
    return [*doubts, "doubt", "disagreement", *(["unfamiliarity"] if recognises else []), *distances]


def score_signals(
    logits: np.ndarray, present: np.ndarray, probabilities: np.ndarray, exclusive: bool
) -> np.ndarray:
    """float64 [N, classifiers + 2]: what classifiers' calibrated logits [classifiers, N, outcomes], their presence and the fused
    probabilities [N, outcomes] say of how new products are; higher is newer, NaN where a classifier is absent.

    Columns: each classifier's doubt, the negative logarithm of its largest probability; that of the fused ones; and how far
    classifiers differ (generalised Jensen–Shannon divergence, Lin 1991).
    """
    classifiers, products = present.shape
    signals = np.full((products, classifiers + 2), np.nan)
    count = np.maximum(present.sum(0), 1)
    mixed, own = np.zeros(logits.shape[1:]), np.zeros(products)
    for which, (mine, here) in enumerate(zip(logits, present, strict=True)):
        logs = mine[here] if exclusive else log_expit(mine[here])
        signals[here, which] = -logs.max(1)
        if classifiers > 1:
            chances = np.exp(logs)
            mixed[here] += chances
            own[here] += _entropy(chances, exclusive)
    signals[:, classifiers] = -np.log(np.maximum(probabilities.max(1), _TINY))
    # One classifier agrees with itself.
    signals[:, classifiers + 1] = (
        _entropy(mixed / count[:, None], exclusive) - own / count if classifiers > 1 else 0.0
    )
    return signals


def _entropy(chances: np.ndarray, exclusive: bool) -> np.ndarray:
    """Of rows of probabilities, in nats; of labels by themselves the sum of each one's."""
    found = -xlogy(chances, chances).sum(1)
    return found if exclusive else found - xlogy(1 - chances, 1 - chances).sum(1)


@dataclass(frozen=True, eq=False)
class NoveltyRule:
    """How signals become one number, and from where on a product is unlike anything known.

    ``means``, ``spreads`` and ``weights`` float64 [signals]; ``bias`` is such that a novelty of 0.5 is the threshold. ``share``
    (0–1) of the known products may be taken for unknown; with 0 none are flagged. ``separation`` is the AUROC between
    held-out products and the same as if their kinds were new, ``basis`` how many they are.
    """

    names: tuple[str, ...]
    means: np.ndarray
    spreads: np.ndarray
    weights: np.ndarray
    bias: float
    share: float
    separation: float
    basis: int

    def novelty(self, signals: np.ndarray) -> np.ndarray:
        """float64 [N], 0–1, of signals [N, signals]: 0.5 and above is unlike anything known."""
        return np.round(expit(self._scaled(signals) @ self.weights + self.bias), _DECIMALS)

    def flags(self, novelty: np.ndarray) -> np.ndarray:
        """bool [N]: which products a person should see."""
        return (novelty >= 0.5) & (self.share > 0)

    def _scaled(self, signals: np.ndarray) -> np.ndarray:
        return _scaled(signals, self.means, self.spreads)


def fit_novelty_rule(
    names: Sequence[str],
    known: np.ndarray,
    as_new: np.ndarray,
    kinds: np.ndarray,
    groups: np.ndarray,
    share: float,
    seed: int,
) -> NoveltyRule | None:
    """The rule from signals [N, signals] of held-out products, as they are and as if their kinds (int64 [N]) were new.

    ``groups`` int64 [N] are their groups of near-duplicates. The threshold is set on products that the weights were not
    fitted on. None where there are too few products or kinds.
    """
    if len(known) < LEAST_PRODUCTS or len(np.unique(kinds)) < _LEAST_KINDS:
        return None
    means, spreads = _moments(known)
    here, new = _scaled(known, means, spreads), _scaled(as_new, means, spreads)
    numbers = np.unique(kinds, return_inverse=True)[1]
    importance = 1 / np.sqrt(np.bincount(numbers)[numbers])  # large kinds are not all that may be new
    importance *= len(importance) / importance.sum()
    weights, bias = _logistic(here, new, importance)
    fold = deal_groups(groups, 2, seed)
    held = np.zeros((2, len(known)))
    for part in range(2):
        mine, others = fold == part, fold != part
        if not mine.any() or not others.any():
            return None
        w, b = _logistic(here[others], new[others], importance[others])
        held[:, mine] = here[mine] @ w + b, new[mine] @ w + b
    threshold = float(np.quantile(held[0], 1 - (share or _USUAL_SHARE), method="higher"))
    return NoveltyRule(
        tuple(names),
        means,
        spreads,
        weights,
        bias - threshold,
        share,
        _auroc(held[0], held[1]),
        len(known),
    )


_USUAL_SHARE = 0.02


def _moments(signals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each signal where it is there; (0, 0) where it never is."""
    there = ~np.isnan(signals)
    count = np.maximum(there.sum(0), 1)
    means = np.where(there, signals, 0).sum(0) / count
    squares = np.where(there, signals - means, 0) ** 2
    return means, np.sqrt(squares.sum(0) / count)


def _scaled(signals: np.ndarray, means: np.ndarray, spreads: np.ndarray) -> np.ndarray:
    """Signals in standard deviations from the mean, cut off; 0 where there is none, or where it never varied."""
    steady = spreads > _TINY
    scaled = (signals - means) / np.where(steady, spreads, 1.0)
    return np.where(np.isnan(scaled) | ~steady, 0.0, np.clip(scaled, -_LARGEST, _LARGEST))


def _logistic(known: np.ndarray, new: np.ndarray, importance: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights of 0 or more and a bias that tell ``new`` rows from ``known`` ones.

    No signal may speak against being new: that costs nothing on real catalogs, and holds where new products are newer still.
    """
    rows = np.concatenate([known, new])
    truth = np.repeat([0.0, 1.0], [len(known), len(new)])
    weight = np.concatenate([np.ones(len(known)), importance])
    weight /= weight.sum()

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        score = rows @ values[:-1] + values[-1]
        slope = weight * (expit(score) - truth)
        penalty = _STRENGTH * values[:-1]
        found = float((weight * (np.logaddexp(0, score) - truth * score)).sum() + 0.5 * penalty @ values[:-1])
        return found, np.append(rows.T @ slope + penalty, slope.sum())

    start = np.zeros(rows.shape[1] + 1)
    bounds = [(0.0, None)] * rows.shape[1] + [(None, None)]
    values = scipy.optimize.minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return values[:-1], float(values[-1])


def _auroc(known: np.ndarray, new: np.ndarray) -> float:
    """How often a new one is above a known one (ties count half)."""
    order = np.sort(known)
    below = np.searchsorted(order, new, side="left") + np.searchsorted(order, new, side="right")
    return float(below.mean() / (2 * max(len(known), 1)))
