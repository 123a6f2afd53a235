"""The rules of one model in one setting: which products are accepted, how much of their answers, and why not the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from shelfwise.decision.routing import AcceptRule

Decision = Literal["accept", "review"]
STOPPED = "stopped at level"
"""How the reason of a path begins that is accepted cut short."""
LEFT_OUT = "left out as not sure enough"
"""How the reason of a label set begins that is accepted without some of its labels."""


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
    """What was asked for of the whole answers, of a department, a level or a label, and the rule that it comes to.

    ``rule`` has the threshold of whole answers, and what was accepted of the held-out products, answers cut short among them.
    ``place``: of the rule in the router, or of a level its depth from 1; names can be alike. ``obstacle``: the rule that says why
    the promise cannot be given; None where it can.
    """

    about: Literal["whole", "department", "level", "label"]
    name: str
    rule: AcceptRule
    place: int = 0
    obstacle: AcceptRule | None = None


@dataclass(frozen=True)
class Router:
    """Routes the answers of one model.

    There is one rule for all answers, or one for each department or label (``rule_of`` [outcomes or labels] says which).
    ``stops``: depth → the rules of stopping there, one beside each of ``rules``, deepest first. ``asked``: what was asked for of
    paths; without it every rule is a promise. ``obstacles``: place of a rule → the promise about a level for which nothing is
    accepted by that rule.
    """

    rules: tuple[AcceptRule, ...]
    names: tuple[str, ...]
    rule_of: np.ndarray
    about: Literal["whole", "department", "label"] = "whole"
    stops: Mapping[int, tuple[AcceptRule, ...]] = field(default_factory=dict)
    drops_labels: bool = False
    labelled_per_held_out: float = 1.0
    asked: tuple[Promise, ...] = ()
    obstacles: Mapping[int, Promise] = field(default_factory=dict)

    @classmethod
    def of_rule(cls, rule: AcceptRule, outcomes: int) -> Router:
        """One rule for all answers."""
        return cls((rule,), ("",), np.zeros(outcomes, np.int64))

    def whole_answers(self) -> Router:
        """The same rules, but no answer is cut short."""
        return replace(self, stops={}, drops_labels=False)

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Everything that was asked for, whole answers first."""
        return self.asked or tuple(
            Promise(self.about, name, rule, place, None if rule.possible else rule)
            for place, (name, rule) in enumerate(zip(self.names, self.rules, strict=True))
        )

    def route_paths(
        self, outcomes: np.ndarray, lengths: np.ndarray, confidence: np.ndarray, levels: np.ndarray
    ) -> RoutedPaths:
        """Paths, all arrays [N], of so many levels, with the probability (0–1) of each level, [N, at least the deepest]."""
        rules = self.rule_of[outcomes]
        accepted = confidence >= _thresholds(self.rules)[rules]
        depth, reasons = lengths.copy(), [""] * len(outcomes)
        for level, stopping in self.stops.items():
            if level > levels.shape[1]:
                continue
            stops = ~accepted & (level < lengths) & (levels[:, level - 1] >= _thresholds(stopping)[rules])
            accepted |= stops
            depth[stops] = level
            for row in np.flatnonzero(stops).tolist():
                reasons[row] = f"{STOPPED} {level}"
        left = np.flatnonzero(~accepted)
        for row, rule, sure in zip(
            left.tolist(), rules[left].tolist(), confidence[left].tolist(), strict=True
        ):
            reasons[row] = self._not_accepted(rule, sure, "confidence")
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
            return Routed("review", self._not_accepted(0, confidence, "confidence"))
        sure = [self.sure_label(label, p) for label, p in zip(given, probabilities, strict=True)]
        if all(sure):
            return Routed("accept", "")
        left = [names[place] for place, good in enumerate(sure) if not good]
        if self.drops_labels and any(sure):
            kept = tuple(place for place, good in enumerate(sure) if good)
            return Routed("accept", f"{LEFT_OUT}: {', '.join(left)}", kept)
        place = sure.index(False)
        told = self._not_accepted(int(self.rule_of[given[place]]), probabilities[place], f"'{names[place]}'")
        more = f", and {len(left) - 1} more" if len(left) > 1 else ""
        return Routed("review", told + more)

    def sure_label(self, label: int, probability: float) -> bool:
        """Whether the label's own rule accepts it at this probability."""
        return bool(probability >= self.rules[self.rule_of[label]].threshold)

    def _not_accepted(self, place: int, value: float, what: str) -> str:
        rule, obstacle = self.rules[place], self.obstacles.get(place)
        if obstacle is not None:
            return f"{obstacle.name}: {obstacle.rule.impossible(self.labelled_per_held_out)}"
        if not rule.possible:
            return rule.impossible(self.labelled_per_held_out)
        return f"{what} {value:.3f} is below {rule.threshold:.3f}"


def _thresholds(rules: Sequence[AcceptRule]) -> np.ndarray:
    return np.array([rule.threshold for rule in rules])
