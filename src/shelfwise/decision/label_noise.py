"""How probable it is that a given label is wrong, told apart from labels that are merely hard to predict.

A label is taken as drawn in one of two ways: as the classifiers expect, or, with a probability that is the noise,
blindly from all categories. Noise and the classifiers' temperature are fitted together to held-out scores: without the
noise in it, the temperature has to explain labels that nothing explains, and every probability becomes meek. It is the
noise layer of Goldberger & Ben-Reuven 2017 (*Training deep neural networks using a noise adaptation layer*) with one
number in it, fitted after training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import expit, log_softmax

_LOG_TEMPERATURES = (-2.0, 2.0)
_LOG_ODDS = (-9.0, 3.0)
"""The noise is looked for between .0001 and .95."""
_MOST_ROWS = 20_000
"""More products than this make two numbers no more certain."""
_TINY = 1e-12
_GRID = 9
_STEPS, _STOP = 200, 1e-6
_STARTS = ((0.0, 0.0, -4.0), (0.7, 0.0, -2.0))


@dataclass(frozen=True)
class LabelNoise:
    """``share`` (0–1) of the labels that look drawn blindly; ``sharpness``, what log-probabilities are multiplied by to be
    calibrated for the others."""

    share: float
    sharpness: float

    def expected(self, probabilities: np.ndarray) -> np.ndarray:
        """float64 [N, categories]: the probabilities without the noise, rows sum to 1."""
        return np.exp(log_softmax(np.log(np.maximum(probabilities, _TINY)) * self.sharpness, axis=1))

    def wrong(self, probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
        """float64 [N], 0–1: the probability that each label ``given`` (int [N]) was drawn blindly.

        ``probabilities`` [N, categories] are those it was fitted on, or of other products.
        """
        own = self.expected(probabilities)[np.arange(len(given)), given]
        blind = self.share / probabilities.shape[1]
        return blind / np.maximum(blind + (1 - self.share) * own, _TINY)


def fit_label_noise(probabilities: np.ndarray, given: np.ndarray, seed: int = 0) -> LabelNoise:
    """By maximum likelihood on held-out ``probabilities`` [N, categories], rows sum to 1, and labels ``given`` int [N].

    No noise where there is nothing to fit on.
    """
    if not len(given) or probabilities.shape[1] < 2:
        return LabelNoise(0.0, 1.0)
    some = np.random.default_rng(seed).permutation(len(given))[:_MOST_ROWS]
    logs, labels = np.log(np.maximum(probabilities[some], _TINY)).astype(np.float64), given[some]
    rows, blind = np.arange(len(labels)), 1 / probabilities.shape[1]

    def profile(log_sharpness: float) -> tuple[float, float]:
        """The best share for this sharpness, and the loss there."""
        own = np.exp(log_softmax(logs * np.exp(log_sharpness), axis=1)[rows, labels])
        share = _blind_share(own, blind)
        return -float(np.log(np.maximum((1 - share) * own + share * blind, _TINY)).mean()), share

    # The loss may have two valleys, noise or meek probabilities: each is looked into.
    grid = np.linspace(*_LOG_TEMPERATURES, _GRID)
    best = int(np.argmin([profile(place)[0] for place in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)])
    found = scipy.optimize.minimize_scalar(
        lambda place: profile(place)[0], bounds=bounds, method="bounded", options={"xatol": 1e-3}
    )
    return LabelNoise(profile(found.x)[1], float(np.exp(found.x)))


def _blind_share(own: np.ndarray, blind: float) -> float:
    """The share (0–1) of a mixture, ``blind`` the density of what is drawn blindly and ``own`` [N] that of the rest, by
    expectation-maximisation: the likelihood has one peak."""
    share = 0.05
    for _ in range(_STEPS):
        before, wrong = share, share * blind / np.maximum(share * blind + (1 - share) * own, _TINY)
        share = float(wrong.mean())
        if abs(share - before) < _STOP:
            break
    return share


@dataclass(frozen=True)
class YesNoNoise:
    """The same for labels that are each a question of yes or no: the ``share`` of the answers that look drawn by lot,
    yes as often as the label occurs; calibrated are log-odds times ``scale`` plus ``shift``."""

    share: float
    scale: float
    shift: float

    def wrong(self, probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
        """float64 [N, labels], 0–1: the probability that each answer (bool, there or not) is not what the product is:
        drawn by lot, and the other way than would be expected."""
        yes = expit(_log_odds(probabilities) * self.scale + self.shift)
        own, rate = np.where(given, yes, 1 - yes), given.mean(0)
        blind = self.share * np.where(given, rate, 1 - rate)
        return blind / np.maximum(blind + (1 - self.share) * own, _TINY) * (1 - own)


def fit_yes_no_noise(probabilities: np.ndarray, given: np.ndarray, seed: int = 0) -> YesNoNoise:
    """By maximum likelihood on held-out ``probabilities`` and labels ``given`` (bool), both [N, labels]."""
    if not given.size or given.all() or not given.any():
        return YesNoNoise(0.0, 1.0, 0.0)
    some = np.random.default_rng(seed).permutation(len(given))[: max(1, 20 * _MOST_ROWS // given.shape[1])]
    odds, labels, rate = _log_odds(probabilities[some]), given[some], given.mean(0)
    blind = np.where(labels, rate, 1 - rate)

    def loss(values: np.ndarray) -> float:
        share = expit(values[2])
        yes = expit(odds * np.exp(values[0]) + values[1])
        own = np.where(labels, yes, 1 - yes)
        return float(-np.log(np.maximum((1 - share) * own + share * blind, _TINY)).mean())

    found = min(
        (
            scipy.optimize.minimize(
                loss,
                np.array(start),
                method="Nelder-Mead",
                bounds=[_LOG_TEMPERATURES, (-5.0, 5.0), _LOG_ODDS],
                options={"xatol": 1e-3, "fatol": 1e-7, "maxiter": 300},
            )
            for start in _STARTS
        ),
        key=lambda one: float(one.fun),
    )
    return YesNoNoise(float(expit(found.x[2])), float(np.exp(found.x[0])), float(found.x[1]))


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities, 1e-7, 1 - 1e-7)
    return np.log(clipped) - np.log1p(-clipped)
