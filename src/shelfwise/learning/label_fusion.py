"""Whether label sets are fused label by label, too, and by what: fitted on held-out products, taken where it helps there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfwise.decision.calibration import fit_scale_and_shift
from shelfwise.fusion import build_policy
from shelfwise.fusion.label_wise import LabelWise, label_logits
from shelfwise.learning.quality import best_micro_f1
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget
from shelfwise.training.side_by_side import threads

_POLICY = {
    "kind": "policy_network",
    "widths": [200],
    "learning_rate": 3e-3,
    "epochs": 40,
    "patience": 12,
}
"""Pools and ridge regression do no better here than the sums over sets. A network that learns as fast as those of sets do is now
and then given up before it is any good: on three splits of H&M it gained .0022, .0001 and .0037 of micro-F1 held out, the
slower and wider one .0021, .0029 and .0024 (in the test .0036, .0048 and .0027; .0036, .0074 and .0017)."""
NAME = "label by label too"


@dataclass(frozen=True)
class LabelFusion:
    """``label_wise``: fitted on all held-out products. ``by_label``: float [N, labels], their probabilities, cross-fitted.
    ``score``: micro-F1 of these at the best single threshold."""

    label_wise: LabelWise
    by_label: np.ndarray
    score: float


def fuse_labels(
    target: LabelTarget,
    logits: np.ndarray,
    present: np.ndarray,
    truth: np.ndarray,
    trusted: np.ndarray,
    groups: np.ndarray,
    by_set: np.ndarray,
    random_labels: float,
    seed: int,
) -> LabelFusion | None:
    """From tempered logits [classifiers, N, sets]; None where held out it is no better than ``by_set`` [N, labels], what the
    fused sets give, or nothing can be learned.

    It is judged by ``truth`` (int64 [N]) and learns from what is ``trusted`` of it.
    """
    known = np.flatnonzero(trusted != UNLABELLED)
    answers = target.members[trusted[known]]
    said = label_logits(target.members, logits)
    policy = build_policy(_POLICY, exclusive=False)
    with threads(1):  # layers as small as a policy's only wait for each other on more
        crossed = policy.cross_fit(said[:, known], present[:, known], answers, groups[known], seed)
        fused = policy.combine(said, present)
    fused[known] = crossed
    scale, shift = fit_scale_and_shift(crossed, answers)
    label_wise = LabelWise(target.members, policy, scale, shift, random_labels)
    by_label = label_wise.average(by_set, fused, present)
    judged = truth != UNLABELLED
    labels = target.members[truth[judged]]
    score = best_micro_f1(by_label[judged], labels)
    return LabelFusion(label_wise, by_label, score) if score > best_micro_f1(by_set[judged], labels) else None
