"""From fused probabilities to the predictions people and programs read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import State
from shelfwise.decision.confidence import Decided
from shelfwise.decision.conformal import SetRule
from shelfwise.decision.novelty import UNKNOWN_REASON
from shelfwise.decision.router import Router
from shelfwise.ensemble import Ensemble, Prepared
from shelfwise.predicted_columns import ACCEPT, FAILED, REVIEW, InputColumns, Listed, PredictedColumns
from shelfwise.profiling import timed
from shelfwise.recipe import RoutingRecipe
from shelfwise.strangers import novelty_of
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

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
    def columns(self, rows: np.ndarray, logits: np.ndarray, present: np.ndarray) -> PredictedColumns:
        """Predictions for ``rows``; ``logits`` [classifiers, rows, outcomes] and ``present`` are theirs.

        Everything is done for all rows together: one by one it took longer than the classifiers.
        """
        ensemble, target = self.ensemble, self.ensemble.target
        probabilities = np.round(ensemble.probabilities(logits, present), _DECIMALS)
        decided = ensemble.decide(probabilities, logits, present)
        rounded = np.round(decided.probabilities, _DECIMALS)
        inputs = input_columns(self.prepared, rows)
        failures = self._failures(rows, np.any(present, axis=0), inputs)
        novelty, strange = self._novelty(rows, logits, present, probabilities)
        routed = (
            self._routed_paths(target, decided, strange)
            if isinstance(target, PathTarget)
            else self._routed_sets(target, decided.chosen, decided.confidence, rounded, strange)
        )
        decisions = np.where(routed.accepted & ~strange, ACCEPT, REVIEW).astype(np.int8)
        decisions[list(failures)] = FAILED
        reasons = routed.reasons
        for row in np.flatnonzero(strange).tolist():
            reasons[row] = UNKNOWN_REASON
        for row, reason in failures.items():
            reasons[row] = reason
        well = decisions != FAILED
        return PredictedColumns(
            target,
            [self.catalog.ids[row] for row in rows.tolist()],
            decisions,
            reasons,
            np.where(well, routed.confidence, 0.0),
            routed.parts.only(well),
            self._alternatives(decided, routed.parts).only(well),
            inputs,
            None if self.set_rule is None else self._sets(rounded, self.set_rule).only(well),
            novelty,
        )

    def _failures(self, rows: np.ndarray, usable: np.ndarray, inputs: InputColumns) -> dict[int, str]:
        """Place among ``rows`` → why nothing can be said of that product."""
        errors, found = self.catalog.row_errors, {}
        if errors:
            found = {
                place: f"the row could not be read: {errors[row]}"
                for place, row in enumerate(rows.tolist())
                if row in errors
            }
        for place in np.flatnonzero(~usable).tolist():
            found.setdefault(place, _nothing_usable(inputs, place))
        return found

    def _novelty(
        self, rows: np.ndarray, logits: np.ndarray, present: np.ndarray, probabilities: np.ndarray
    ) -> tuple[np.ndarray | None, np.ndarray]:
        """How new each product is, None where the model cannot tell, and bool [rows]: whether it is unlike anything known."""
        rule = self.ensemble.novelty
        found = novelty_of(self.ensemble, self.prepared, self.data, rows, logits, present, probabilities)
        if rule is None or found is None:
            return None, np.zeros(len(rows), bool)
        return found, rule.flags(found)

    def _routed_paths(self, target: PathTarget, decided: Decided, whole: np.ndarray) -> _Routed:
        """``whole``, bool [N]: paths that are told whole, however much of them would be accepted."""
        confidence = np.round(decided.confidence, _DECIMALS)
        by_category = target.category_probabilities(decided.probabilities)
        places = target.ancestors_of_outcomes[decided.chosen]  # short paths repeat their last category
        levels = np.round(np.minimum(np.take_along_axis(by_category, places, axis=1), 1.0), _DECIMALS)
        levels = np.minimum.accumulate(levels, axis=1)
        lengths = target.lengths[decided.chosen]
        routed = self.router.route_paths(decided.chosen, lengths, confidence, levels)
        depth = np.where(whole, lengths, routed.depth)
        short = np.flatnonzero(depth < lengths)
        confidence[short] = levels[short, depth[short] - 1]
        told = np.arange(levels.shape[1]) < depth[:, None]
        return _Routed(routed.accepted, routed.reasons, confidence, Listed.where(told, places, levels))

    def _routed_sets(
        self,
        target: LabelTarget,
        chosen: np.ndarray,
        confidence: np.ndarray,
        probabilities: np.ndarray,
        whole: np.ndarray,
    ) -> _Routed:
        """From labels chosen bool [N, labels], and their probabilities; ``whole`` as in `_routed_paths`."""
        sure = np.round(confidence, _DECIMALS)
        accepted, reasons = np.zeros(len(chosen), bool), []
        parts: list[np.ndarray] = []
        for place, (row, mine) in enumerate(zip(chosen, probabilities, strict=True)):
            given = np.flatnonzero(row)
            given = given[np.argsort(-mine[given], kind="stable")]
            names = [target.labels[label] for label in given.tolist()]
            routed = self.router.route_set(given.tolist(), names, mine[given].tolist(), float(sure[place]))
            if isinstance(routed.kept, tuple) and not whole[place]:
                given = given[list(routed.kept)]
                # What is left out is not said to be absent: the set as given is right if its labels are.
                sure[place] = round(float(np.prod(mine[given])), _DECIMALS)
            accepted[place] = routed.decision == "accept"
            reasons.append(routed.reason)
            parts.append(given)
        chances = [mine[given] for mine, given in zip(probabilities, parts, strict=True)]
        return _Routed(accepted, reasons, sure, Listed.of_rows(parts, chances))

    def _sets(self, probabilities: np.ndarray, rule: SetRule) -> Listed:
        """The categories that each product's set holds, the most probable first."""
        held = [np.flatnonzero(row) for row in rule.sets(probabilities)]
        best = [
            places[np.argsort(-row[places], kind="stable")]
            for row, places in zip(probabilities, held, strict=True)
        ]
        return Listed.of_rows(best, [row[places] for row, places in zip(probabilities, best, strict=True)])

    def _alternatives(self, decided: Decided, told: Listed) -> Listed:
        """The most probable of what was not answered, best first; what is impossible is none."""
        places, left = _best_first(_not_told(self.ensemble.target, decided, told), self.routing.alternatives)
        left = np.round(left, _DECIMALS)
        return Listed.where(left > 0, places, left)  # the best come first


@dataclass(frozen=True, eq=False)
class _Routed:
    """Of N products: whether they are ``accepted``, why not, how sure what is told of each is, and its parts."""

    accepted: np.ndarray
    reasons: list[str]
    confidence: np.ndarray
    parts: Listed


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


def _not_told(target: Target, decided: Decided, told: Listed) -> np.ndarray:
    """[N, outcomes of a path target or labels]: the probabilities, and 0 for what was ``told``: the path where it was told whole,
    and the labels given. Of an answer that was cut short the rest is among what it may be."""
    left = decided.probabilities.copy()
    if isinstance(target, PathTarget):
        whole = np.flatnonzero(told.counts == target.lengths[decided.chosen])
        left[whole, decided.chosen[whole]] = 0
    else:
        left[np.repeat(np.arange(len(left)), told.counts), told.places] = 0
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


def input_columns(prepared: Prepared, rows: np.ndarray) -> InputColumns:
    """What is told of every input of ``rows``."""
    told = [state.name.lower() for state in State]
    places = np.stack([encoded.state[rows] for encoded in prepared.values()], axis=1).astype(np.int64)
    number_of: dict[str, int] = {}
    for column, encoded in enumerate(prepared.values()):
        for place in np.flatnonzero(places[:, column] == State.FAILED).tolist():
            reason = f"failed: {encoded.reasons.get(int(rows[place]), 'unknown reason')}"
            places[place, column] = number_of.setdefault(reason, len(told) + len(number_of))
    return InputColumns(tuple(prepared), (*told, *number_of), places)


def _nothing_usable(inputs: InputColumns, place: int) -> str:
    """Why no classifier could say anything."""
    told = [
        f"{name}: {'no known words or values' if number == State.PRESENT else inputs.told[number]}"
        for name, number in zip(inputs.names, inputs.places[place].tolist(), strict=True)
    ]
    return "none of its inputs can be used (" + "; ".join(told) + ")"
