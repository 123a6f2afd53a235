"""From probabilities per outcome to one answer a product, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit, logit

from shelfwise.decision.path_decoding import Kind, PathDecoder
from shelfwise.decision.thresholds import LabelThresholds
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

_TINY = 1e-6


class SetCalibration(Protocol):
    """What is needed to decide."""

    @property
    def thresholds(self) -> LabelThresholds:
        """From which probability on a label is given."""
        ...

    @property
    def set_scale(self) -> float:
        """What the log-odds of a whole set are multiplied by."""
        ...

    @property
    def set_shift(self) -> float:
        """What is added to them."""
        ...

    @property
    def decoding(self) -> Kind:
        """How a path is chosen."""
        ...


@dataclass(frozen=True)
class Decided:
    """Answers for N products.

    ``chosen``: int64 [N], the outcome (paths), or bool [N, labels]. ``probabilities``: [N, outcomes of a path target or labels].
    ``confidence``: float [N], the probability that the answer as given is right. ``set_logits``: float [N], for label sets the
    uncalibrated log-odds behind it.
    """

    chosen: np.ndarray
    probabilities: np.ndarray
    confidence: np.ndarray
    set_logits: np.ndarray

    def right(self, truth: np.ndarray) -> np.ndarray:
        """bool [N]: whether the whole answer is the truth (int64 [N] outcomes, or 0 and 1 [N, labels])."""
        if self.chosen.ndim == 1:
            return self.chosen == truth
        return (self.chosen == (truth > 0)).all(1)


def decide(
    target: Target,
    probabilities: np.ndarray,
    calibration: SetCalibration,
    by_label: np.ndarray | None = None,
) -> Decided:
    """The most probable path of each product, or the labels at or above their thresholds.

    ``probabilities`` is [N, outcomes]; ``by_label`` [N, labels] are those of labels, where they are not just sums of the sets'.
    A label set's confidence is its own probability where it is a known outcome, else that of all its labels being right and none
    missing as if they were independent; both corrected by what held-out products showed. Of ``by_label`` see `set_log_odds`.
    """
    if isinstance(target, PathTarget):
        if calibration.decoding == "highest_leaf":
            chosen = probabilities.argmax(1)
        else:
            with np.errstate(divide="ignore"):
                chosen = PathDecoder(target, calibration.decoding)(np.log(probabilities))
        sure = probabilities[np.arange(len(chosen)), chosen]
        return Decided(chosen, probabilities, sure, np.zeros(len(chosen)))
    labels = target.label_probabilities(probabilities) if by_label is None else by_label
    given = calibration.thresholds.given(labels)
    odds = set_log_odds(target, probabilities, by_label, given)
    return Decided(given, labels, expit(calibration.set_scale * odds + calibration.set_shift), odds)


def set_log_odds(
    target: LabelTarget, probabilities: np.ndarray, by_label: np.ndarray | None, given: np.ndarray
) -> np.ndarray:
    """float [N]: log-odds that each set is right, were its labels independent; of a known outcome, its own.

    ``probabilities`` [N, outcomes] and ``given`` bool [N, labels]. ``by_label`` [N, labels]: the labels' probabilities, where
    they are not just sums of the sets'; then a known outcome has the mean of both log-odds, which on H&M tells right sets from
    wrong ones better than either.
    """
    own_share = 1.0 if by_label is None else 0.5
    by_label = target.label_probabilities(probabilities) if by_label is None else by_label
    odds = _log_odds(np.exp(np.log(np.clip(np.where(given, by_label, 1 - by_label), _TINY, 1.0)).sum(1)))
    if target.sets:
        found = [target.set_index.get(tuple(map(int, np.flatnonzero(labels))), -1) for labels in given]
        outcomes = np.array(found, np.int64)
        known = np.flatnonzero(outcomes >= 0)
        own = _log_odds(probabilities[known, outcomes[known]])
        odds[known] = own_share * own + (1 - own_share) * odds[known]
    return odds


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    found: np.ndarray = logit(np.clip(probabilities, _TINY, 1 - _TINY))
    return found
