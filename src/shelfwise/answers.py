"""From fused probabilities to the predictions people and programs read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import State
from shelfwise.decision.confidence import Decided, decide
from shelfwise.decision.routing import AcceptRule
from shelfwise.encoders.base import Encoded
from shelfwise.ensemble import Ensemble, Prepared
from shelfwise.predictions import Alternative, Decision, Prediction
from shelfwise.recipe import RoutingRecipe
from shelfwise.taxonomy.targets import PathTarget

_DECIMALS = 6
"""Probabilities are given to six decimals: the last bits depend on how many products are computed at once."""


@dataclass(frozen=True)
class Answers:
    """Makes predictions for rows of one catalog. ``prepared`` holds the inputs as read, ``data`` as transformed."""

    ensemble: Ensemble
    routing: RoutingRecipe
    catalog: Catalog
    prepared: Prepared
    data: Prepared

    def predictions(self, rows: np.ndarray, logits: np.ndarray, present: np.ndarray) -> list[Prediction]:
        """Predictions for ``rows``; ``logits`` [classifiers, rows, outcomes] and ``present`` are theirs."""
        ensemble = self.ensemble
        probabilities = np.round(ensemble.probabilities(logits, present), _DECIMALS)
        decided = decide(ensemble.target, probabilities, ensemble.calibration)
        usable: np.ndarray = np.any(present, axis=0, keepdims=True)[0]
        left = _not_chosen(decided)
        best = _best_first(left, self.routing.alternatives)
        parts = self._parts(decided)
        result = []
        for position, row in enumerate(map(int, rows)):
            inputs = {name: _told(encoded, row) for name, encoded in self.prepared.items()}
            if row in self.catalog.row_errors:
                result.append(
                    self._failed(row, f"the row could not be read: {self.catalog.row_errors[row]}", inputs)
                )
            elif not usable[position]:
                result.append(self._failed(row, self._nothing_usable(inputs), inputs))
            else:
                answer, part_confidence = parts[position]
                confidence = round(float(decided.confidence[position]), _DECIMALS)
                decision, reason = route(confidence, ensemble.accept, bool(answer))
                result.append(
                    Prediction(
                        self.catalog.ids[row],
                        answer,
                        confidence,
                        part_confidence,
                        decision,
                        reason,
                        self._alternatives(best[position], left[position]),
                        inputs,
                    )
                )
        return result

    def _parts(self, decided: Decided) -> list[tuple[tuple[str, ...], tuple[float, ...]]]:
        """Per product: the answer, and one probability per level or label."""
        target = self.ensemble.target
        if isinstance(target, PathTarget):
            by_category = target.category_probabilities(decided.probabilities)
            result = []
            for position, outcome in enumerate(map(int, decided.chosen)):
                path = target.outcomes[outcome]
                levels = by_category[position, target.taxonomy.ancestors(path)]
                levels = np.minimum.accumulate(np.round(np.minimum(levels, 1.0), _DECIMALS))
                result.append((path, tuple(map(float, levels))))
            return result
        result = []
        for chosen, row in zip(decided.chosen, np.round(decided.probabilities, _DECIMALS), strict=True):
            given = np.flatnonzero(chosen)
            given = given[np.argsort(-row[given], kind="stable")]
            names = tuple(target.labels[label] for label in given)
            result.append((names, tuple(map(float, row[given]))))
        return result

    def _alternatives(self, best: np.ndarray, left: np.ndarray) -> tuple[Alternative, ...]:
        target = self.ensemble.target
        return tuple(
            Alternative(
                target.outcomes[other] if isinstance(target, PathTarget) else (target.labels[other],),
                round(float(left[other]), _DECIMALS),
            )
            for other in map(int, best[: self.routing.alternatives])
            if left[other] > 0
        )

    def _nothing_usable(self, inputs: dict[str, str]) -> str:
        """Why no classifier could say anything."""
        told = [
            f"{name}: {'no known words or values' if state == 'present' else state}"
            for name, state in inputs.items()
        ]
        return "none of its inputs can be used (" + "; ".join(told) + ")"

    def _failed(self, row: int, reason: str, inputs: dict[str, str]) -> Prediction:
        return Prediction(self.catalog.ids[row], (), 0.0, (), "failed", reason, (), inputs)


def route(confidence: float, accept: AcceptRule, answered: bool) -> tuple[Decision, str]:
    """Accept or review, and why not accepted."""
    if not answered:
        return "review", "no label is probable enough"
    if not accept.possible:
        return (
            "review",
            f"no confidence held a precision of {accept.precision:g} on the {accept.basis} held-out products",
        )
    if confidence >= accept.threshold:
        return "accept", ""
    return "review", f"confidence {confidence:.3f} is below {accept.threshold:.3f}"


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


def _best_first(probabilities: np.ndarray, count: int) -> np.ndarray:
    """int64 [N, ≥ count or all]: the most probable outcomes of each product, best first."""
    if count >= probabilities.shape[1]:
        return np.argsort(-probabilities, axis=1, kind="stable")
    top = np.argpartition(-probabilities, count, axis=1)[:, : count + 1]
    top.sort(axis=1)
    order = np.argsort(-np.take_along_axis(probabilities, top, axis=1), axis=1, kind="stable")
    return np.take_along_axis(top, order, axis=1)


def _told(encoded: Encoded, row: int) -> str:
    state = State(int(encoded.state[row]))
    if state == State.FAILED:
        return f"failed: {encoded.reasons.get(row, 'unknown reason')}"
    return state.name.lower()
