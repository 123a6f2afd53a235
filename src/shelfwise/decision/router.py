"""The rules of one model in one setting: which products are accepted, how much of their answers, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from shelfwise.decision.routing import AcceptRule

Decision = Literal["accept", "review"]


@dataclass(frozen=True)
class Routed:
    """What becomes of one product. ``kept`` are the positions of the answer's parts (levels, labels) that are handed out."""

    decision: Decision
    reason: str
    kept: int | tuple[int, ...] | None = None
    """Of a path how many levels, of a label set which of the labels given; None for all."""


@dataclass(frozen=True, eq=False)
class RoutedPaths:
    """What becomes of N paths: ``accepted`` bool [N], ``depth`` int64 [N], how many levels are handed out, and why."""

    accepted: np.ndarray
    depth: np.ndarray
    reasons: list[str]


@dataclass(frozen=True)
class Promise:
    """One rule and what it is about: the whole answer, a department, a level, or a label."""

    about: Literal["whole", "department", "level", "label"]
    name: str
    rule: AcceptRule


@dataclass(frozen=True)
class Router:
    """Routes the answers of one model.

    ``whole`` has one rule for all answers, or one for each department or label (``rule_of`` [outcomes or labels] says which).
    ``levels``: depth → the rule of stopping there, deepest first. ``of_labels``: the rules are about single labels.
    """

    rules: tuple[AcceptRule, ...]
    names: tuple[str, ...]
    rule_of: np.ndarray
    about: Literal["whole", "department", "label"] = "whole"
    levels: dict[int, AcceptRule] = field(default_factory=dict)
    level_names: tuple[str, ...] = ()
    drops_labels: bool = False
    labelled_per_held_out: float = 1.0

    @classmethod
    def of_rule(cls, rule: AcceptRule, outcomes: int) -> Router:
        """One rule for all answers."""
        return cls((rule,), ("",), np.zeros(outcomes, np.int64))

    def whole_answers(self) -> Router:
        """The same rules, but no answer is cut short."""
        return replace(self, levels={}, drops_labels=False)

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Every promise made, the whole answer's first."""
        return (
            *(Promise(self.about, name, rule) for name, rule in zip(self.names, self.rules, strict=True)),
            *(Promise("level", self.level_name(depth), rule) for depth, rule in self.levels.items()),
        )

    def level_name(self, depth: int) -> str:
        """What the level ``depth`` (from 1) is called."""
        return self.level_names[depth - 1] if depth <= len(self.level_names) else f"level {depth}"

    def route_paths(
        self, outcomes: np.ndarray, lengths: np.ndarray, confidence: np.ndarray, levels: np.ndarray
    ) -> RoutedPaths:
        """Paths, all arrays [N], of so many levels, with the probability (0–1) of each level, [N, at least the deepest]."""
        rules = self.rule_of[outcomes]
        accepted = confidence >= np.array([rule.threshold for rule in self.rules])[rules]
        depth, reasons = lengths.copy(), [""] * len(outcomes)
        for level, stopping in self.levels.items():
            if level > levels.shape[1]:
                continue
            stops = ~accepted & (level < lengths) & (levels[:, level - 1] >= stopping.threshold)
            accepted |= stops
            depth[stops] = level
            for row in np.flatnonzero(stops).tolist():
                reasons[row] = f"stopped at level {level}"
        left = np.flatnonzero(~accepted)
        for row, rule, sure in zip(
            left.tolist(), rules[left].tolist(), confidence[left].tolist(), strict=True
        ):
            reasons[row] = self._not_accepted(self.rules[rule], sure, "confidence")
        return RoutedPaths(accepted, depth, reasons)

    def route_set(
        self, given: Sequence[int], names: Sequence[str], probabilities: Sequence[float], confidence: float
    ) -> Routed:
        """One set of the labels ``given`` (their numbers), with their names and probabilities, in one order."""
        if not given:
            return Routed("review", "no label is probable enough")
        if self.about != "label":
            [rule] = self.rules
            if confidence >= rule.threshold:
                return Routed("accept", "")
            return Routed("review", self._not_accepted(rule, confidence, "confidence"))
        sure = [self.sure_label(label, p) for label, p in zip(given, probabilities, strict=True)]
        if all(sure):
            return Routed("accept", "")
        left = [names[place] for place, good in enumerate(sure) if not good]
        if self.drops_labels and any(sure):
            kept = tuple(place for place, good in enumerate(sure) if good)
            return Routed("accept", f"left out as not sure enough: {', '.join(left)}", kept)
        place = sure.index(False)
        rule = self.rules[self.rule_of[given[place]]]
        told = self._not_accepted(rule, probabilities[place], f"'{names[place]}'")
        more = f", and {len(left) - 1} more" if len(left) > 1 else ""
        return Routed("review", told + more)

    def sure_label(self, label: int, probability: float) -> bool:
        """Whether the label's own rule accepts it at this probability."""
        return bool(probability >= self.rules[self.rule_of[label]].threshold)

    def _not_accepted(self, rule: AcceptRule, value: float, what: str) -> str:
        if not rule.possible:
            return rule.impossible(self.labelled_per_held_out)
        return f"{what} {value:.3f} is below {rule.threshold:.3f}"
