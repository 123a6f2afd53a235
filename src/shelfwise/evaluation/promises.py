"""Whether what was promised of accepted predictions held, and what another promise would have brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shelfwise.decision.novelty import UNKNOWN_REASON
from shelfwise.decision.router import Promise, Routed, Router
from shelfwise.evaluation.category_records import Category
from shelfwise.evaluation.intervals import share_interval
from shelfwise.evaluation.promise_records import Choice, Promises, PromiseScore
from shelfwise.predictions import Prediction
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

CHOICES = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Precisions that are told of beside the one asked for."""


@dataclass(frozen=True)
class Handed:
    """What one product is handed out with: its ``routed`` decision and as much of the answer as that keeps."""

    routed: Routed
    answer: Category

    @property
    def accepted(self) -> bool:
        """Whether no person is asked."""
        return self.routed.decision == "accept"


def hand_out(router: Router, target: Target, predictions: Sequence[Prediction]) -> list[Handed]:
    """What ``router`` makes of whole answers. A product that failed, or is unlike anything known, is not accepted."""
    if isinstance(target, PathTarget):
        routes = _route_paths(router, target, predictions)
    else:
        numbers = {name: place for place, name in enumerate(target.labels)}
        routes = [
            router.route_set(
                [numbers[name] for name in one.answer], one.answer, one.part_confidence, one.confidence
            )
            for one in predictions
        ]
    found = []
    for one, routed in zip(predictions, routes, strict=True):
        answer = one.answer
        if one.decision == "failed" or one.reason == UNKNOWN_REASON:
            routed = Routed("review", one.reason)
        elif isinstance(routed.kept, int):
            answer = answer[: routed.kept]
        elif routed.kept is not None:
            answer = tuple(answer[place] for place in routed.kept)
        found.append(Handed(routed, answer))
    return found


def _route_paths(router: Router, target: PathTarget, predictions: Sequence[Prediction]) -> list[Routed]:
    outcomes = target.encode([one.answer for one in predictions])
    lengths = np.array([len(one.answer) for one in predictions], np.int64)
    levels = np.zeros((len(predictions), target.taxonomy.depth))
    for row, one in zip(levels, predictions, strict=True):
        row[: len(one.part_confidence)] = one.part_confidence
    confidence = np.array([one.confidence for one in predictions])
    routed = router.route_paths(outcomes, lengths, confidence, levels)
    return [
        Routed("accept" if accepted else "review", reason, None if depth == length else depth)
        for accepted, reason, depth, length in zip(
            routed.accepted.tolist(), routed.reasons, routed.depth.tolist(), lengths.tolist(), strict=True
        )
    ]


def right_as_given(truth: Category, handed: Handed, paths: bool) -> bool:
    """Whether what was handed out is right: all of it, or of an answer cut short what is left of it."""
    if handed.routed.kept is None:
        return handed.answer == truth if paths else set(handed.answer) == set(truth)
    return truth[: len(handed.answer)] == handed.answer if paths else set(handed.answer) <= set(truth)


def measure_promises(
    router: Router,
    others: Mapping[float, Router],
    target: Target,
    truth: Sequence[Category],
    predictions: Sequence[Prediction],
    review_cost: float | None = None,
    groups: np.ndarray | None = None,
) -> Promises:
    """Every promise of ``router`` on the products that have a true category (a path, or labels in any order).

    ``predictions`` are whole answers, one a product, not yet cut short. ``others``: routers for the precisions to tell of, by
    precision. ``review_cost``: what one review costs. ``groups``: int [N], of near-duplicates, which are right or wrong together;
    None: every product is by itself.
    """
    known = [place for place, category in enumerate(truth) if category]
    truth, predictions = [truth[place] for place in known], [predictions[place] for place in known]
    groups = np.arange(len(known)) if groups is None else groups[known]
    handed = hand_out(router, target, predictions)
    scores = [
        _score(
            promise,
            _cases(promise, router, target, truth, predictions, handed),
            groups,
            router.labelled_per_held_out,
        )
        for promise in router.promises
    ]
    reviewed = _reviewed(handed)
    return Promises(
        of="labels" if router.about == "label" else "whole",
        certainty=router.rules[0].certainty,
        scores=scores,
        reviews_per_thousand=1000 * reviewed,
        review_cost=review_cost,
        cost_per_thousand=None if review_cost is None else 1000 * reviewed * review_cost,
        choices=[
            _choice(
                precision,
                other,
                target,
                truth,
                handed if other is router else hand_out(other, target, predictions),
                review_cost,
            )
            for precision, other in sorted(others.items())
        ],
    )


@dataclass(frozen=True)
class _Cases:
    """What a promise is about: bool [M], whether each case was accepted, and whether it is right as it was given; int [M], which
    of the products it is of."""

    accepted: np.ndarray
    right: np.ndarray
    product: np.ndarray

    @classmethod
    def of(cls, cases: Sequence[tuple[bool, bool, int]]) -> _Cases:
        """From one triple a case."""
        accepted, right, product = zip(*cases, strict=True) if cases else ((), (), ())
        return cls(np.array(accepted, bool), np.array(right, bool), np.array(product, np.int64))


def _cases(
    promise: Promise,
    router: Router,
    target: Target,
    truth: Sequence[Category],
    predictions: Sequence[Prediction],
    handed: Sequence[Handed],
) -> _Cases:
    if promise.about == "label" and isinstance(target, LabelTarget):
        return _label_cases(promise, router, target, truth, predictions)
    found = []
    paths = isinstance(target, PathTarget)
    outcomes = target.encode([one.answer for one in predictions]) if isinstance(target, PathTarget) else None
    for number, (true, one, given) in enumerate(zip(truth, predictions, handed, strict=True)):
        if promise.about == "level":
            # An answer that was cut above the level says nothing of it.
            kept = given.routed.kept
            says = given.accepted and (kept is None or len(given.answer) >= promise.place)
            found.append((says, true[: promise.place] == one.answer[: promise.place], number))
            continue
        if promise.about == "department" and outcomes is not None:
            outcome = outcomes[number]
            if outcome < 0 or router.rule_of[outcome] != promise.place:
                continue
        found.append((given.accepted, right_as_given(true, given, paths), number))
    return _Cases.of(found)


def _label_cases(
    promise: Promise,
    router: Router,
    target: LabelTarget,
    truth: Sequence[Category],
    predictions: Sequence[Prediction],
) -> _Cases:
    numbers = {name: number for number, name in enumerate(target.labels)}
    found = []
    for product, (true, one) in enumerate(zip(truth, predictions, strict=True)):
        for name, probability in zip(one.answer, one.part_confidence, strict=True):
            if router.rule_of[numbers[name]] == promise.place:
                found.append((router.sure_label(numbers[name], probability), name in true, product))
    return _Cases.of(found)


def _score(promise: Promise, cases: _Cases, groups: np.ndarray, labelled_per_held_out: float) -> PromiseScore:
    rule = promise.rule
    accepted, right = int(cases.accepted.sum()), int((cases.accepted & cases.right).sum())
    low = high = held = None
    if accepted:
        held = right / accepted
        low, high = share_interval(cases.right[cases.accepted], groups[cases.product[cases.accepted]])
    return PromiseScore(
        about=promise.about,
        name=promise.name,
        precision=rule.precision,
        threshold=rule.threshold,
        basis=rule.basis,
        held_out_precision=rule.held if rule.coverage else None,
        held_out_coverage=rule.coverage,
        reason="" if promise.obstacle is None else promise.obstacle.impossible(labelled_per_held_out),
        cases=len(cases.accepted),
        accepted=accepted,
        right=right,
        held=held,
        low=low,
        high=high,
    )


def _choice(
    precision: float,
    router: Router,
    target: Target,
    truth: Sequence[Category],
    handed: Sequence[Handed],
    review_cost: float | None,
) -> Choice:
    paths = isinstance(target, PathTarget)
    right = [
        right_as_given(true, given, paths)
        for true, given in zip(truth, handed, strict=True)
        if given.accepted
    ]
    reviewed = _reviewed(handed)
    thresholds = {rule.threshold for rule in router.rules}
    return Choice(
        precision=precision,
        threshold=thresholds.pop() if len(thresholds) == 1 else None,
        coverage=1 - reviewed,
        held=float(np.mean(right)) if right else None,
        reviews_per_thousand=1000 * reviewed,
        cost_per_thousand=None if review_cost is None else 1000 * reviewed * review_cost,
    )


def _reviewed(handed: Sequence[Handed]) -> float:
    """Share (0–1) of products that a person sees; those that failed are among them."""
    return sum(not one.accepted for one in handed) / max(len(handed), 1)
