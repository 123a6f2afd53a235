"""How probable it is that a given set of labels belongs to another product, where labels are decided one by one.

The same as `label_noise`, for sets that are too many to each have a probability: a set is taken as what the classifiers expect
or, with a probability that is the noise, as one drawn blindly from the catalog's. How likely drawn ones are found is seen by
holding each product beside sets of others.

Judged are sets and not single labels: a label that nothing in the inputs tells (who a gift is for) is as odd to classifiers as a
wrong one, but a set that belongs to another product is odd in nearly all its labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from shelfwise.decision.label_noise import LEAST_GAIN, MOST_ROWS, blind_share, loss_of

_LOG_SHARPNESS = np.arange(-4.0, 2.1, 0.25)
_SETS = 200
"""So many sets of others each product is held beside."""
_DOUBT = 0.3
"""A label's lift is of its probability and so much of its rate: no label can make a set impossible by itself."""
_MOST_LOG_RATIO = 50.0
_LIKELIEST = 0.1
_AT_ONCE = 4_000


@dataclass(frozen=True)
class SetNoise:
    """``share`` (0–1) of the sets that look drawn blindly; ``wrong`` float64 [N], 0–1: the probability that each was;
    ``agreement`` (0–1): how many sets the classifiers find likelier than nine in ten of other products' sets. Sets of which no
    label is known do not count, and are wrong with probability 0."""

    share: float
    wrong: np.ndarray
    agreement: float


def fit_set_noise(probabilities: np.ndarray, given: np.ndarray, known: np.ndarray, seed: int = 0) -> SetNoise:
    """From held-out ``probabilities`` and labels ``given`` (bool), both [N, labels]; ``known``, bool [labels]: those that the
    classifiers know anything of. No noise where there is nothing to fit on."""
    judged = np.flatnonzero((given & known).any(1))
    wrong = np.zeros(len(given))
    if len(judged) < 2:
        return SetNoise(0.0, wrong, 0.0)
    own, others = _scores(probabilities, given, known, judged, seed)
    some = np.random.default_rng(seed).permutation(len(judged))[:MOST_ROWS]
    own_of_some, others_of_some = own[some], others[some]

    def profile(log_sharpness: float) -> tuple[float, float]:
        """The best share for this sharpness, and the loss there."""
        right = _ratio(own_of_some, others_of_some, log_sharpness)
        share = blind_share(right, 1.0)
        return loss_of((1 - share) * right + share), share

    sharpness = _first_valley(lambda place: profile(place)[0])
    loss, share = profile(sharpness)
    without = min(loss_of(_ratio(own_of_some, others_of_some, place)) for place in _LOG_SHARPNESS)
    if (without - loss) * len(some) < LEAST_GAIN:
        share = 0.0
    wrong[judged] = share / (share + (1 - share) * _ratio(own, others, sharpness))
    agreement = float(((others >= own[:, None]).mean(1) < _LIKELIEST).mean())
    return SetNoise(share, wrong, agreement)


def _first_valley(loss: Callable[[float], float]) -> float:
    """The least sharpness (log) from which the loss rises. There may be a deeper valley behind: the sharper the classifiers are
    taken to be, the more sets look drawn blindly that they only do not know."""
    before = np.inf
    for place in _LOG_SHARPNESS.tolist():
        here = loss(place)
        if here > before:
            return float(place - (_LOG_SHARPNESS[1] - _LOG_SHARPNESS[0]))
        before = here
    return float(_LOG_SHARPNESS[-1])


def _ratio(own: np.ndarray, others: np.ndarray, log_sharpness: float) -> np.ndarray:
    """float64 [N]: how much likelier the own set is than one of another product."""
    sharp = np.float32(np.exp(log_sharpness))
    log_ratio = sharp * own - logsumexp(sharp * others, axis=1) + np.log(others.shape[1])
    found: np.ndarray = np.exp(np.clip(log_ratio, -_MOST_LOG_RATIO, _MOST_LOG_RATIO))
    return found


def _scores(
    probabilities: np.ndarray, given: np.ndarray, known: np.ndarray, judged: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """float64 [judged] of each product's own set, and float32 [judged, sets] of sets of others: the mean over a set's known
    labels of how much likelier the classifiers find the label of this product than of any (log)."""
    weights = (given & known).astype(np.float32)
    weights /= np.maximum(weights.sum(1, keepdims=True), 1)
    rate = np.maximum(given.mean(0), 1 / max(len(given), 1)).astype(np.float32)
    beside = np.random.default_rng(seed).permutation(judged)[:_SETS]
    own, others = np.empty(len(judged)), np.empty((len(judged), len(beside)), np.float32)
    for start in range(0, len(judged), _AT_ONCE):
        rows = judged[start : start + _AT_ONCE]
        lifts = np.log((probabilities[rows] + _DOUBT * rate) / ((1 + _DOUBT) * rate))
        own[start : start + _AT_ONCE] = (lifts * weights[rows]).sum(1)
        others[start : start + _AT_ONCE] = lifts @ weights[beside].T
    return own, others
