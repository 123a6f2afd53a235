"""Label sets that are learned as wholes, fused once more label by label: a set that training never saw is put together so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, softmax

from shelfwise.fusion.base import Policy

_FURTHEST = 1e-5
"""Probabilities of labels are kept this far from 0 and 1: no sum over hundreds of sets is surer."""


@dataclass(frozen=True)
class LabelWise:
    """What classifiers of label sets say of each label, fused, and averaged with what the fused sets say of it.

    ``members``: float32 [sets, labels], 1 where a set holds a label. ``policy``: of labels, each for itself. ``scale`` and
    ``shift``: of its logits. ``random_labels``: the share of products whose set looks drawn evenly from all.
    """

    members: np.ndarray
    policy: Policy
    scale: float
    shift: float
    random_labels: float = 0.0

    def averaged(self, by_set: np.ndarray, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Probabilities [N, labels]: the mean of those that the fused sets give, ``by_set`` [N, labels], and of those fused here
        from every classifier's calibrated logits [classifiers, N, sets]. Where one is not ``present``, bool [classifiers, N],
        ``by_set`` alone: with the descriptions hidden from H&M's new products, the mean was a point of micro-F1 worse.
        """
        return self.average(by_set, self.policy.combine(label_logits(self.members, logits), present), present)

    def average(self, by_set: np.ndarray, fused: np.ndarray, present: np.ndarray) -> np.ndarray:
        """``averaged``, from logits [N, labels] that are fused already."""
        share = self.random_labels
        mine = (1 - share) * expit(self.scale * fused + self.shift) + share * self.members.mean(0)
        return np.where(np.all(present, axis=0)[:, None], (by_set + mine) / 2, by_set)


def label_logits(members: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Log-odds of each label float32 [classifiers, N, labels] from logits of sets [classifiers, N, sets]; ``members`` is float32
    [sets, labels]."""
    found = np.empty((*logits.shape[:2], members.shape[1]), np.float32)
    for mine, said in zip(found, logits, strict=True):
        mine[:] = logit(np.clip(softmax(said, axis=1) @ members, _FURTHEST, 1 - _FURTHEST))
    return found
