"""Ways to decide label sets that a model keeps side by side, so that one can be changed for another without training again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from shelfwise.decision.calibration import fit_scale_and_shift
from shelfwise.decision.confidence import set_log_odds
from shelfwise.decision.evidence import DECIMALS, Answered
from shelfwise.decision.promise import CERTAINTY
from shelfwise.decision.routing import AcceptRule, fit_accept_rule
from shelfwise.decision.thresholds import (
    THRESHOLD_KINDS,
    LabelThresholds,
    Metric,
    ThresholdKind,
    fit_thresholds,
)
from shelfwise.fusion.base import deal_groups
from shelfwise.taxonomy.targets import LabelTarget

_FOLDS = 4


@dataclass(frozen=True)
class LabelRule:
    """Which labels are given, how sure that makes of the whole set (``set_scale``, ``set_shift``: see ``decide``), and which
    sets are accepted."""

    thresholds: LabelThresholds
    set_scale: float
    set_shift: float
    accept: AcceptRule


def fit_label_rules(
    target: LabelTarget,
    probabilities: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    precision: float,
    metric: Metric = "micro",
    at_least_one: bool = False,
    seed: int = 0,
    certainty: float = CERTAINTY,
    by_label: np.ndarray | None = None,
    beyond: np.ndarray | None = None,
) -> tuple[dict[ThresholdKind, LabelRule], dict[ThresholdKind, Answered]]:
    """A rule for every kind of threshold, from probabilities [N, outcomes] and true labels, 0 or 1 [N, labels]; and the whole
    sets of these products that it rests on. ``by_label`` [N, labels]: the labels' probabilities, where they are not just sums of
    the sets'. ``beyond`` bool [N]: products that have other labels besides, so that no set is all of them; None: none has.

    They must be of products that nothing else was fitted on. Confidence and the accept rule are fitted on sets that thresholds
    of other ``groups`` (int64 [N]) decided: many thresholds fitted to the same products would make their sets look better than
    they are. ``precision`` is what the accept rule promises of whole sets, with ``certainty``.
    """
    folds = deal_groups(groups, _FOLDS, seed)
    chances = target.label_probabilities(probabilities) if by_label is None else by_label
    rules: dict[ThresholdKind, LabelRule] = {}
    answered: dict[ThresholdKind, Answered] = {}
    for kind in THRESHOLD_KINDS:
        thresholds = fit_thresholds(kind, chances, labels, metric, at_least_one)
        given = thresholds.given(chances)
        for fold in range(_FOLDS):
            inside, outside = folds == fold, folds != fold
            if not (inside.any() and outside.any()):
                continue
            others = fit_thresholds(kind, chances[outside], labels[outside], metric, at_least_one)
            given[inside] = others.given(chances[inside])
        odds = set_log_odds(target, probabilities, by_label, given)
        right = (given == (labels > 0)).all(1)
        right = right if beyond is None else right & ~beyond
        scale, shift = fit_scale_and_shift(odds, right.astype(np.float64))
        # An empty set is never accepted: it counts as one that is wrong and least sure.
        confidence = np.round(np.where(given.any(1), expit(scale * odds + shift), 0.0), DECIMALS)
        answered[kind] = Answered(confidence, right & given.any(1))
        accept = fit_accept_rule(confidence, answered[kind].right, precision, groups, certainty=certainty)
        rules[kind] = LabelRule(thresholds, scale, shift, accept)
    return rules, answered
