"""How probable it is that a given label is wrong, told apart from labels that are merely hard to predict.

A label is taken as drawn in one of two ways: as the classifiers expect, or, with a probability that is the noise,
blindly from all categories. Noise and the classifiers' temperature are fitted together to held-out scores: without the
noise in it, the temperature has to explain labels that nothing explains, and every probability becomes meek. It is the
noise layer of Goldberger & Ben-Reuven 2017 (*Training deep neural networks using a noise adaptation layer*) with one
number in it, fitted after training.

What can be known is no more than that classifiers do not explain a label: where they are sure of nothing, labels drawn
blindly and labels that the inputs do not tell look alike. So there is noise only where labels are clearly better
explained with it than without (Akaike 1974).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import log_softmax

_LOG_TEMPERATURES = (-2.0, 2.0)
MOST_ROWS = 20_000
"""More products than this make two numbers no more certain."""
_TINY = 1e-12
_GRID = 9
_STEPS, _STOP = 200, 1e-6
LEAST_GAIN = 1.0
"""Log-likelihood of all labels together that another number must bring to be believed."""
_AT_ONCE = 2_000_000
"""Probabilities that are looked at together: all of 100,000 products and 5,000 categories would be 4 GB a copy."""


@dataclass(frozen=True)
class LabelNoise:
    """``share`` (0–1) of the labels that look drawn blindly; ``sharpness``, what log-probabilities are multiplied by to be
    calibrated for the others."""

    share: float
    sharpness: float

    def expected(self, probabilities: np.ndarray) -> np.ndarray:
        """float64 [N, categories]: the probabilities without the noise, rows sum to 1."""
        return np.exp(log_softmax(np.log(np.maximum(probabilities, _TINY)) * self.sharpness, axis=1))

    def expected_of(self, probabilities: np.ndarray, categories: np.ndarray) -> np.ndarray:
        """float64 [N]: of ``expected``, that of one category (int [N]) of each product."""
        found = np.empty(len(categories))
        step = max(1, _AT_ONCE // max(probabilities.shape[1], 1))
        for start in range(0, len(found), step):
            part = slice(start, start + step)
            some = self.expected(probabilities[part])
            found[part] = some[np.arange(len(some)), categories[part]]
        return found

    def wrong(self, probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
        """float64 [N], 0–1: the probability that each label ``given`` (int [N]) was drawn blindly.

        ``probabilities`` [N, categories] are those it was fitted on, or of other products.
        """
        own = self.expected_of(probabilities, given)
        blind = self.share / probabilities.shape[1]
        return blind / np.maximum(blind + (1 - self.share) * own, _TINY)


def fit_label_noise(probabilities: np.ndarray, given: np.ndarray, seed: int = 0) -> LabelNoise:
    """By maximum likelihood on held-out ``probabilities`` [N, categories], rows sum to 1, and labels ``given`` int [N].

    No noise where there is nothing to fit on.
    """
    if not len(given) or probabilities.shape[1] < 2:
        return LabelNoise(0.0, 1.0)
    some = np.random.default_rng(seed).permutation(len(given))[:MOST_ROWS]
    logs, labels = np.log(np.maximum(probabilities[some], _TINY)).astype(np.float64), given[some]
    rows, blind = np.arange(len(labels)), 1 / probabilities.shape[1]

    def explained(log_sharpness: float) -> np.ndarray:
        sharp: np.ndarray = np.exp(log_softmax(logs * np.exp(log_sharpness), axis=1)[rows, labels])
        return sharp

    def profile(log_sharpness: float) -> tuple[float, float]:
        """The best share for this sharpness, and the loss there."""
        own = explained(log_sharpness)
        share = blind_share(own, blind)
        return loss_of((1 - share) * own + share * blind), share

    # The loss may have two valleys, noise or meek probabilities: each is looked into.
    place = lowest(lambda place: profile(place)[0], _LOG_TEMPERATURES)
    loss, share = profile(place)
    if share > 0:
        meek = lowest(lambda place: loss_of(explained(place)), _LOG_TEMPERATURES)
        if (loss_of(explained(meek)) - loss) * len(labels) < LEAST_GAIN:
            place, share = meek, 0.0
    return LabelNoise(share, float(np.exp(place)))


def loss_of(densities: np.ndarray) -> float:
    """The mean negative log-likelihood."""
    return -float(np.log(np.maximum(densities, _TINY)).mean())


def lowest(loss: Callable[[float], float], between: tuple[float, float]) -> float:
    """Where a loss is lowest, looked for from the lowest place of a grid."""
    grid = np.linspace(*between, _GRID)
    best = int(np.argmin([loss(place) for place in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)])
    found = scipy.optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return float(found.x)


def blind_share(own: np.ndarray, blind: float) -> float:
    """The share (0–1) of a mixture, ``blind`` the density of what is drawn blindly and ``own`` [N] that of the rest, by
    expectation-maximisation: the likelihood has one peak."""
    share = 0.05
    for _ in range(_STEPS):
        before, wrong = share, share * blind / np.maximum(share * blind + (1 - share) * own, _TINY)
        share = float(wrong.mean())
        if abs(share - before) < _STOP:
            break
    return share
