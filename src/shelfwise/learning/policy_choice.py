"""Which late fusion policy a model takes: the one that scores best on products it was not fitted on, or a blend of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from shelfwise.fusion.blend import Blend
from shelfwise.fusion.policies import Policy, Single
from shelfwise.learning.policy_trials import Judges, try_policies
from shelfwise.learning.quality import Quality
from shelfwise.progress import Reporter
from shelfwise.recipe.fusion import FusionRecipe
from shelfwise.taxonomy.targets import Target

Measure = Callable[[np.ndarray], float]
"""Fused logits [N, outcomes] of the held-out products → how good they are, 0–1."""


@dataclass(frozen=True)
class Chosen:
    """The policy, fitted on all held-out products; its cross-fitted logits [N, outcomes] of them; every candidate's score by
    name; the name of the one taken."""

    policy: Policy
    fused: np.ndarray
    scores: dict[str, float]
    told: str


@dataclass(frozen=True)
class _Candidate:
    score: float
    policies: tuple[Policy, ...]
    fused: np.ndarray

    def policy(self) -> Policy:
        return self.policies[0] if len(self.policies) == 1 else Blend.of(self.policies)


def choose_policy(
    recipe: FusionRecipe,
    target: Target,
    names: Sequence[str],
    judges: Judges,
    truth: np.ndarray,
    reporter: Reporter,
) -> Chosen:
    """By the answers ``truth``, the best of the recipe's policies and their blend; the best single classifier of ``names`` where
    it is better than all of them by more than one standard error: few held-out products must not let luck decide."""
    quality = Quality(target)

    def measure(fused: np.ndarray) -> float:
        return quality(fused, truth)

    singles = [Single(judges.exclusive, which) for which in range(len(names))]
    scores = {
        name: measure(single.combine(judges.logits, judges.present))
        for name, single in zip(names, singles, strict=True)
    }
    favourite = max(range(len(names)), key=lambda which: scores[names[which]])
    single = singles[favourite]
    if len(names) == 1:
        return Chosen(single, single.combine(judges.logits, judges.present), scores, names[0])
    tried = [
        _Candidate(measure(fused), (policy,), fused)
        for policy, fused in try_policies(recipe.policies, judges, reporter)
    ]
    scores |= {one.policy().name: one.score for one in tried}
    best = max(tried, key=lambda one: one.score)
    if recipe.blend:
        best = _blended(best, tried, measure)
    policy = best.policy()
    scores[policy.name] = best.score
    alone = scores[names[favourite]]
    margin = np.sqrt(alone * (1 - alone) / max(len(truth), 1))
    if best.score < alone - margin:
        return Chosen(single, single.combine(judges.logits, judges.present), scores, names[favourite])
    return Chosen(policy, best.fused, scores, policy.name)


def _blended(best: _Candidate, tried: Sequence[_Candidate], measure: Measure) -> _Candidate:
    """``best``, and with it whichever policy makes the mean of their logits better, until none does: ensemble selection without
    replacement (Caruana et al. 2004). The mean of near equals is seldom worse than either, in what is right and in how sure
    it is of it; which of them is the best by a hair is chance. Blends that the recipe names stay as they are."""
    others = [one for one in tried if not isinstance(one.policies[0], Blend)]
    while not isinstance(best.policies[0], Blend):
        wider = [_with(best, one, measure) for one in others if one.policies[0] not in best.policies]
        better = max(wider, key=lambda one: one.score, default=best)
        if better.score <= best.score:
            break
        best = better
    return best


def _with(best: _Candidate, one: _Candidate, measure: Measure) -> _Candidate:
    count = len(best.policies)
    fused = (best.fused * count + one.fused) / (count + 1)
    return _Candidate(measure(fused), (*best.policies, *one.policies), fused)
