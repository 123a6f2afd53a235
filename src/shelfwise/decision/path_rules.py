"""From which confidence on paths are accepted, whole or cut short, so that every promise about them holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from shelfwise.decision.evidence import Evidence
from shelfwise.decision.routing import AcceptRule, fit_accept_rule, strictest


@dataclass(frozen=True)
class Kept:
    """The rule of some answers, which keeps the promise about them (``own``) and those ``of_levels``, by level from 0."""

    rule: AcceptRule
    own: AcceptRule
    of_levels: Mapping[int, AcceptRule]

    @property
    def obstacle(self) -> int | None:
        """The level whose promise cannot be given and so keeps everything from being accepted; None where there is none."""
        if not self.own.possible:
            return None
        return next((level for level, rule in self.of_levels.items() if not rule.possible), None)


@dataclass(frozen=True)
class PartRules:
    """The rules of one part of the answers, such as a department: of ``whole`` paths and, by depth, of those that stop there."""

    whole: Kept
    stops: Mapping[int, Kept] = field(default_factory=dict)

    @property
    def all(self) -> Sequence[Kept]:
        """Those of whole paths first."""
        return (self.whole, *self.stops.values())


@dataclass(frozen=True, eq=False)
class HeldOutPaths:
    """Held-out products whose paths are ``lengths`` int64 [N] levels long, and the precisions of ``levels``, by level from 0."""

    evidence: Evidence
    lengths: np.ndarray
    levels: Mapping[int, float]
    certainty: float

    def part_rules(self, rows: np.ndarray, precision: float, back_off: bool) -> PartRules:
        """The rules of the products ``rows``, of which the share ``precision`` is to be right as far as their answers are given.

        Whole paths and those that stop at one level make disjoint piles, and each keeps every promise by itself: so all of them
        together do, whatever the mixture.
        """
        whole = self.evidence.whole
        kept = self._fit(rows, whole.confidence[rows], whole.right[rows], precision, range(self._depth))
        left, stops = rows[whole.confidence[rows] < kept.rule.threshold], {}
        for depth in range(self._depth - 1, 0, -1) if back_off else ():
            longer = left[self.lengths[left] > depth]
            sure = self.evidence.level_confidence[longer, depth - 1]
            right = self.evidence.level_right[longer, depth - 1]
            stops[depth] = self._fit(longer, sure, right, precision, range(depth))
            left = np.setdiff1d(left, longer[sure >= stops[depth].rule.threshold], assume_unique=True)
        return PartRules(kept, stops)

    def right_at(self, rows: np.ndarray, level: int) -> np.ndarray:
        """bool: whether the path of each of ``rows`` is right down to ``level`` (from 0); one that ends above, if it is right."""
        evidence = self.evidence
        return np.where(
            self.lengths[rows] > level, evidence.level_right[rows, level], evidence.whole.right[rows]
        )

    @property
    def _depth(self) -> int:
        return self.evidence.level_confidence.shape[1]

    def _fit(
        self, rows: np.ndarray, sure: np.ndarray, right: np.ndarray, precision: float, reached: range
    ) -> Kept:
        """One rule for all promises: by how ``sure`` each answer is as given, and whether it is ``right``."""
        promise, groups = partial(fit_accept_rule, certainty=self.certainty), self.evidence.groups[rows]
        own = promise(sure, right, precision, groups)
        of_levels = {}
        for level, wanted in self.levels.items():
            if level in reached:
                likely = self.evidence.level_confidence[rows, level]
                probable = np.where(self.lengths[rows] > level, likely, sure)
                of_levels[level] = promise(sure, self.right_at(rows, level), wanted, groups, probable)
        return Kept(strictest([own, *of_levels.values()], sure, right), own, of_levels)
