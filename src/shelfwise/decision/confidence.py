"""From probabilities per outcome to one answer a product, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit

_TINY = 1e-6


class SetCalibration(Protocol):
    """What is needed to decide label sets."""

    @property
    def threshold(self) -> float: ...
    @property
    def set_scale(self) -> float: ...
    @property
    def set_shift(self) -> float: ...


class Outcomes(Protocol):
    """The part of a target that matters here."""

    @property
    def multilabel(self) -> bool: ...


@dataclass(frozen=True)
class Decided:
    """Answers for N products.

    ``chosen``: int64 [N], the outcome (paths), or bool [N, labels]. ``confidence``: float [N], the probability that the
    answer as given is right. ``set_logits``: float [N], for label sets the uncalibrated log-odds behind it.
    """

    chosen: np.ndarray
    confidence: np.ndarray
    set_logits: np.ndarray

    def right(self, truth: np.ndarray) -> np.ndarray:
        """bool [N]: whether the whole answer is the truth (int64 [N], or 0 and 1 [N, labels])."""
        if self.chosen.ndim == 1:
            return self.chosen == truth
        return (self.chosen == (truth > 0)).all(1)


def decide(target: Outcomes, probabilities: np.ndarray, calibration: SetCalibration) -> Decided:
    """The most probable path of each product, or the labels at or above the threshold.

    ``probabilities`` is [N, outcomes]. A label set's confidence is that of all its labels being right and none missing,
    as if they were independent, corrected by what held-out products showed.
    """
    if not target.multilabel:
        chosen = probabilities.argmax(1)
        return Decided(chosen, probabilities[np.arange(len(chosen)), chosen], np.zeros(len(chosen)))
    given = probabilities >= calibration.threshold
    sure = np.where(given, probabilities, 1 - probabilities)
    log_all = np.log(np.clip(sure, _TINY, 1.0)).sum(1)
    logits = log_all - np.log1p(-np.minimum(np.exp(log_all), 1 - _TINY))
    return Decided(given, expit(calibration.set_scale * logits + calibration.set_shift), logits)
