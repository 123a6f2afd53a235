"""From fused probabilities to the predictions people and programs read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, softmax

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import State
from shelfwise.decision.confidence import Decided
from shelfwise.decision.conformal import SetRule
from shelfwise.decision.novelty import UNKNOWN_REASON
from shelfwise.decision.router import Routed, Router
from shelfwise.encoders.base import Encoded
from shelfwise.ensemble import Ensemble, Prepared
from shelfwise.predictions import Alternative, Prediction
from shelfwise.profiling import timed
from shelfwise.recipe import RoutingRecipe
from shelfwise.strangers import novelty_of
from shelfwise.taxonomy.targets import PathTarget

_MOST_PASSES = 16
"""Above so many alternatives a product's outcomes are sorted instead of searched for the best again and again."""
_DECIMALS = 6
"""Probabilities are given to six decimals: the last bits depend on how many products are computed at once."""


@dataclass(frozen=True)
class Answers:
    """Makes predictions for rows of one catalog. ``prepared`` holds the inputs as read, ``data`` as transformed; ``set_rule`` is
    given where sets of categories are asked for."""

    ensemble: Ensemble
    routing: RoutingRecipe
    catalog: Catalog
    prepared: Prepared
    data: Prepared
    router: Router
    set_rule: SetRule | None = None

    @timed("fuse and decide")
    def predictions(self, rows: np.ndarray, logits: np.ndarray, present: np.ndarray) -> list[Prediction]:
        """Predictions for ``rows``; ``logits`` [classifiers, rows, outcomes] and ``present`` are theirs.

        Numbers are made for all rows together, then turned into Python's own at once: asked for one by one they took longer
        than the classifiers.
        """
        ensemble = self.ensemble
        probabilities = np.round(ensemble.probabilities(logits, present), _DECIMALS)
        decided = ensemble.decide(probabilities, logits, present)
        usable: list[bool] = np.any(present, axis=0).tolist()
        inputs = InputStates(self.prepared)
        confidences: list[float] = np.round(decided.confidence, _DECIMALS).tolist()
        parts, alternatives = self._parts(decided), self._alternatives(decided)
        sets = self._sets(decided)
        novelty, strange = self._novelty(rows, logits, present, probabilities)
        result = []
        for position, row in enumerate(map(int, rows)):
            told = inputs.of(row)
            if row in self.catalog.row_errors:
                result.append(
                    self._failed(row, f"the row could not be read: {self.catalog.row_errors[row]}", told)
                )
            elif not usable[position]:
                result.append(self._failed(row, self._nothing_usable(told), told))
            else:
                routed, answer, confidence, part_confidence = self._routed(
                    int(decided.chosen[position]) if decided.chosen.ndim == 1 else -1,
                    *parts[position],
                    confidences[position],
                )
                if strange[position]:  # a whole answer is shown, however much of it would have been accepted
                    routed = Routed("review", UNKNOWN_REASON)
                    (answer, part_confidence), confidence = parts[position], confidences[position]
                result.append(
                    Prediction(
                        self.catalog.ids[row],
                        answer,
                        confidence,
                        part_confidence,
                        routed.decision,
                        routed.reason,
                        alternatives[position],
                        told,
                        set=None if sets is None else sets[position],
                        novelty=None if novelty is None else novelty[position],
                    )
                )
        return result

    def _novelty(
        self, rows: np.ndarray, logits: np.ndarray, present: np.ndarray, probabilities: np.ndarray
    ) -> tuple[list[float] | None, list[bool]]:
        """How new each product is, None where the model cannot tell, and whether it is unlike anything known."""
        rule = self.ensemble.novelty
        found = novelty_of(self.ensemble, self.prepared, self.data, rows, logits, present, probabilities)
        if rule is None or found is None:
            return None, [False] * len(rows)
        return found.tolist(), rule.flags(found).tolist()

    def _routed(
        self, outcome: int, answer: tuple[str, ...], parts: tuple[float, ...], confidence: float
    ) -> tuple[Routed, tuple[str, ...], float, tuple[float, ...]]:
        """What becomes of one answer, and as much of it as is handed out with its confidence. ``outcome`` is of paths."""
        if isinstance(self.ensemble.target, PathTarget):
            routed = self.router.route_path(outcome, len(answer), confidence, parts)
            if isinstance(routed.kept, int):
                depth = routed.kept
                return routed, answer[:depth], parts[depth - 1], parts[:depth]
            return routed, answer, confidence, parts
        routed = self.router.route_set([self._numbers[name] for name in answer], answer, parts, confidence)
        if isinstance(routed.kept, tuple):
            kept = tuple(parts[place] for place in routed.kept)
            # What is left out is not said to be absent: the set as given is right if its labels are.
            sure = round(float(np.prod(kept)), _DECIMALS)
            return routed, tuple(answer[place] for place in routed.kept), sure, kept
        return routed, answer, confidence, parts

    @cached_property
    def _numbers(self) -> dict[str, int]:
        target = self.ensemble.target
        return (
            {}
            if isinstance(target, PathTarget)
            else {name: place for place, name in enumerate(target.labels)}
        )

    def _sets(self, decided: Decided) -> list[tuple[Alternative, ...]] | None:
        """Per product the categories that its set holds, the most probable first; None where no sets are asked for."""
        if self.set_rule is None:
            return None
        target = self.ensemble.target
        names = target.outcomes if isinstance(target, PathTarget) else [(label,) for label in target.labels]
        rounded = np.round(decided.probabilities, _DECIMALS)
        result = []
        for row, held in zip(rounded, self.set_rule.sets(rounded), strict=True):
            places = np.flatnonzero(held)
            places = places[np.argsort(-row[places], kind="stable")]
            result.append(tuple(Alternative(names[place], float(row[place])) for place in places.tolist()))
        return result

    def _parts(self, decided: Decided) -> list[tuple[tuple[str, ...], tuple[float, ...]]]:
        """Per product: the answer, and one probability per level or label."""
        target = self.ensemble.target
        if isinstance(target, PathTarget):
            by_category = target.category_probabilities(decided.probabilities)
            places = target.ancestors_of_outcomes[
                decided.chosen
            ]  # [N, depth]; short paths repeat their last category
            levels = np.round(np.minimum(np.take_along_axis(by_category, places, axis=1), 1.0), _DECIMALS)
            sure: list[list[float]] = np.minimum.accumulate(levels, axis=1).tolist()
            paths = [target.outcomes[outcome] for outcome in decided.chosen.tolist()]
            return [(path, tuple(row[: len(path)])) for path, row in zip(paths, sure, strict=True)]
        result = []
        for chosen, row in zip(decided.chosen, np.round(decided.probabilities, _DECIMALS), strict=True):
            given = np.flatnonzero(chosen)
            given = given[np.argsort(-row[given], kind="stable")]
            result.append(
                (tuple(target.labels[label] for label in given.tolist()), tuple(row[given].tolist()))
            )
        return result

    def _alternatives(self, decided: Decided) -> list[tuple[Alternative, ...]]:
        """Per product: the most probable of what was not answered, best first; what is impossible is none."""
        target = self.ensemble.target
        names = target.outcomes if isinstance(target, PathTarget) else [(label,) for label in target.labels]
        places, left = _best_first(_not_chosen(decided), self.routing.alternatives)
        left = np.round(left, _DECIMALS)
        counts = (left > 0).sum(axis=1)
        possible = np.arange(left.shape[1]) < counts[:, None]  # the best come first
        answers = [names[other] for other in places[possible].tolist()]
        flat = list(map(Alternative, answers, left[possible].tolist()))
        ends = np.cumsum(counts).tolist()
        return [tuple(flat[start:end]) for start, end in zip([0, *ends], ends, strict=False)]

    def _nothing_usable(self, inputs: dict[str, str]) -> str:
        """Why no classifier could say anything."""
        told = [
            f"{name}: {'no known words or values' if state == 'present' else state}"
            for name, state in inputs.items()
        ]
        return "none of its inputs can be used (" + "; ".join(told) + ")"

    def _failed(self, row: int, reason: str, inputs: dict[str, str]) -> Prediction:
        return Prediction(self.catalog.ids[row], (), 0.0, (), "failed", reason, (), inputs)


def per_classifier_answers(
    ensemble: Ensemble, logits: np.ndarray, present: np.ndarray
) -> dict[str, list[tuple[str, ...]]]:
    """What each classifier alone would answer; an empty tuple where it has no input."""
    target = ensemble.target
    answers: dict[str, list[tuple[str, ...]]] = {}
    for name, mine, here in zip(ensemble.names, logits, present, strict=True):
        if isinstance(target, PathTarget):
            chosen = [target.outcomes[outcome] for outcome in mine.argmax(1)]
        else:
            probabilities = softmax(mine, axis=1) if target.exclusive else expit(mine)
            given = ensemble.calibration.thresholds.given(target.label_probabilities(probabilities))
            chosen = [tuple(target.labels[label] for label in np.flatnonzero(row)) for row in given]
        answers[name] = [answer if known else () for answer, known in zip(chosen, here, strict=True)]
    return answers


def _not_chosen(decided: Decided) -> np.ndarray:
    """[N, outcomes of a path target or labels]: the probabilities, and 0 for what was answered."""
    left = decided.probabilities.copy()
    if decided.chosen.ndim == 1:
        left[np.arange(len(left)), decided.chosen] = 0
    else:
        left[decided.chosen] = 0
    return left


def _best_first(probabilities: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` (or all) most probable outcomes of each product, best first, the first of equals first.

    Places int64 [N, count] and probabilities [N, count]. ``probabilities`` [N, outcomes], 0 or more, is used up.
    """
    rows = np.arange(len(probabilities))
    count = min(count, probabilities.shape[1])
    if count > _MOST_PASSES:
        every = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
        return every, np.take_along_axis(probabilities, every, axis=1)
    places = np.empty((len(rows), count), np.int64)
    found = np.empty((len(rows), count), probabilities.dtype)
    for rank in range(count):  # a few passes over the rows take a tenth of the time of partly sorting them
        places[:, rank] = probabilities.argmax(axis=1)
        found[:, rank] = probabilities[rows, places[:, rank]]
        probabilities[rows, places[:, rank]] = -1.0
    return places, found


class InputStates:
    """What is told of every input of a product; most products of a catalog share one of a few answers."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._patterns = list(zip(*(encoded.state.tolist() for encoded in prepared.values()), strict=True))
        self._told: dict[tuple[int, ...], dict[str, str]] = {}

    def of(self, row: int) -> dict[str, str]:
        """Input → "present", "absent" or "failed: reason"."""
        pattern = self._patterns[row] if self._patterns else ()
        if State.FAILED in pattern:
            return {name: _told(encoded, row) for name, encoded in self._prepared.items()}
        if pattern not in self._told:
            self._told[pattern] = {name: _told(encoded, row) for name, encoded in self._prepared.items()}
        return dict(self._told[pattern])


def _told(encoded: Encoded, row: int) -> str:
    state = State(int(encoded.state[row]))
    if state == State.FAILED:
        return f"failed: {encoded.reasons.get(row, 'unknown reason')}"
    return state.name.lower()
