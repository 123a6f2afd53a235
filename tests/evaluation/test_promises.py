"""Whether a promise held, counted by hand; and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from shelfwise.decision.router import Router
from shelfwise.decision.routing import AcceptRule
from shelfwise.evaluation.promise_records import Promises, PromiseScore
from shelfwise.evaluation.promises import measure_promises
from shelfwise.evaluation.summary import promise_sentence
from shelfwise.predictions import Prediction
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

PATHS = PathTarget((("Home", "Lamps"), ("Home", "Rugs"), ("Toys", "Cars")), ("department", "type"))
LABELS = LabelTarget(("blue", "red", "soft"))
RULE = AcceptRule(0.9, 0.8, basis=500, held=0.95, coverage=0.6)


def path(
    answer: tuple[str, ...], confidence: float, top: float = 0.99, decision: str = "review"
) -> Prediction:
    return Prediction("1", answer, confidence, (top, confidence)[: len(answer)], decision)  # type: ignore[arg-type]


TRUTH = [("Home", "Lamps"), ("Home", "Rugs"), ("Toys", "Cars"), ("Home", "Lamps"), (), ("Toys", "Cars")]
MADE = [
    path(("Home", "Lamps"), 0.9),
    path(("Home", "Lamps"), 0.85),
    path(("Toys", "Cars"), 0.7),
    path(("Home", "Rugs"), 0.5, 0.95),
    path(("Toys", "Cars"), 0.99),
    path((), 0.0, decision="failed"),
]


def test_whole_paths_by_hand() -> None:
    found = measure_promises(Router.of_rule(RULE, 3), {}, PATHS, TRUTH, MADE, review_cost=2.0)
    [score] = found.scores
    assert (score.cases, score.accepted, score.right, score.held) == (5, 2, 1, 0.5)
    assert score.verdict == "not held"
    assert score.by_chance
    assert found.reviews_per_thousand == pytest.approx(600)
    assert found.cost_per_thousand == pytest.approx(1_200)


def test_departments_and_levels_by_hand() -> None:
    rules = (RULE, AcceptRule(0.8, 0.65, 300, 0.9, 0.7))
    stopping = {1: AcceptRule(0.9, 0.94, 200, 0.95, 0.4)}
    router = Router(
        rules, ("Home", "Toys"), np.array([0, 0, 1]), "department", stopping, ("department", "type")
    )
    home, toys, level = measure_promises(router, {}, PATHS, TRUTH, MADE).scores
    assert (home.name, home.cases, home.accepted, home.right) == ("Home", 3, 2, 1)
    assert (toys.name, toys.cases, toys.accepted, toys.right) == ("Toys", 1, 1, 1)
    # The fourth stops at Home, which is right, though Rugs is not.
    assert (level.about, level.name, level.accepted, level.right) == ("level", "department", 1, 1)


def test_labels_by_hand() -> None:
    rules = tuple(AcceptRule(0.9, threshold, 300, 0.95, 0.5) for threshold in (0.8, 0.6, np.inf))
    router = Router(rules, ("blue", "red", "the others"), np.arange(3), "label")
    truth = [("blue",), ("red", "soft"), ("red",)]
    made = [
        Prediction("1", ("blue", "red"), 0.5, (0.9, 0.7), "review"),
        Prediction("2", ("red", "soft"), 0.5, (0.95, 0.9), "review"),
        Prediction("3", ("blue",), 0.5, (0.75,), "review"),
    ]
    found = measure_promises(router, {0.5: router}, LABELS, truth, made)
    assert found.of == "labels"
    counted = [(score.name, score.cases, score.accepted, score.right) for score in found.scores]
    assert counted == [("blue", 2, 1, 1), ("red", 2, 2, 1), ("the others", 1, 0, 0)]
    assert "more labelled products" in found.scores[2].reason or "wrong too often" in found.scores[2].reason
    [choice] = found.choices
    assert (choice.coverage, choice.held) == (pytest.approx(1 / 3), 0.0)
    assert choice.threshold is None


def score(right: int, accepted: int, precision: float = 0.98, **changes: object) -> PromiseScore:
    from scipy.stats import binomtest

    low = high = held = None
    if accepted:
        interval = binomtest(right, accepted).proportion_ci(0.95, method="exact")
        low, high, held = float(interval.low), float(interval.high), right / accepted
    values: dict[str, object] = {
        "about": "whole", "name": "", "precision": precision, "threshold": 0.9, "basis": 1000,
        "held_out_precision": 0.985, "held_out_coverage": 0.7, "reason": "", "cases": 2 * accepted + 1,
        "accepted": accepted, "right": right, "held": held, "low": low, "high": high,
    }  # fmt: skip
    return PromiseScore.model_validate({**values, **changes})


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (score(990, 1_000), "The promise held: 99.0 % of the 1,000 accepted are right, 98 % was promised."),
        (score(977, 1_000), "The promise did not hold here: 97.7 % of the 1,000 accepted are right"),
        (score(977, 1_000), "That can be chance (95 % interval 96.6 % to 98.5 %)."),
        (score(900, 1_000), "That is more than chance (95 % interval 88.0 % to 91.8 %)"),
        (score(0, 0), "98 % right was promised of what is accepted, and nothing here is sure enough"),
        (
            score(0, 0, threshold=None, reason="no confidence held it"),
            "Nothing is promised: no confidence held it.",
        ),
        (score(1_000, 1_000, precision=0.995), "99.5 % was promised"),
    ],
)
def test_what_is_said(made: PromiseScore, told: str, path_evaluation) -> None:
    promises = Promises(of="whole", certainty=0.95, scores=[made], reviews_per_thousand=300)
    assert told in promise_sentence(path_evaluation().model_copy(update={"promises": promises}))


def test_what_is_said_of_many(path_evaluation) -> None:
    scores = [score(990, 1_000, name="a"), score(977, 1_000, name="b"), score(0, 0, name="c", threshold=None)]
    promises = Promises(of="whole", certainty=0.95, scores=scores, reviews_per_thousand=300)
    told = promise_sentence(path_evaluation().model_copy(update={"promises": promises}))
    assert told == (
        "1 of 2 promises held; of the others 0 missed by more than chance; 1 more could not be given."
    )
    assert promise_sentence(path_evaluation()) == ""
