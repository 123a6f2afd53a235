"""Tries late fusion policies on held-out scores, each judged on groups it was not fitted on; side by side where that pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from shelfwise.fusion import build_policy
from shelfwise.fusion.policies import Policy
from shelfwise.progress import Reporter, Stage
from shelfwise.training.side_by_side import Shared, SideBySide, processes_possible, threads

_WORTH_PROCESSES = 4_000_000
"""Held-out numbers (classifiers × products × outcomes) from which on starting processes (some seconds) pays."""

PolicySpec = str | Mapping[str, Any]
"""A policy as recipes name it: its kind, or a mapping of kind and options."""


@dataclass(frozen=True)
class Judges:
    """What policies are fitted on and judged by; shapes as ``Policy.cross_fit`` takes them."""

    exclusive: bool
    logits: np.ndarray
    present: np.ndarray
    truth: np.ndarray
    groups: np.ndarray
    seed: int


Tried = tuple[Policy, np.ndarray]
"""A policy fitted on all held-out products, and its cross-fitted logits [N, outcomes] of them."""


def try_policies(specs: Sequence[PolicySpec], judges: Judges, reporter: Reporter) -> list[Tried]:
    """Every policy of ``specs``, fitted; the same numbers whether it is done in processes or here."""
    processes = min(torch.get_num_threads(), len(specs))
    with reporter.stage("choosing how to fuse", len(specs), "policies") as stage:
        if processes < 2 or not processes_possible() or judges.logits.size < _WORTH_PROCESSES:
            found = []
            for spec in specs:
                found.append(_try(spec, judges))
                stage.advance(1)
            return found
        with SideBySide.working(processes) as pool:
            shared = pool.share(judges)
            for spec in specs:
                pool.submit(_try_elsewhere, spec, shared)
            return list(pool.results(stage))


def _try(spec: PolicySpec, judges: Judges) -> Tried:
    policy = build_policy(spec, judges.exclusive)
    with threads(1):
        fused = policy.cross_fit(judges.logits, judges.present, judges.truth, judges.groups, judges.seed)
    return policy, fused


def _try_elsewhere(spec: PolicySpec, shared: Shared, stage: Stage) -> Tried:
    tried = _try(spec, shared.load())
    stage.advance(1)
    return tried
