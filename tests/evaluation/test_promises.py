"""Whether a promise held, counted by hand; and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shelfwise.decision.router import Promise, Router
from shelfwise.decision.routing import AcceptRule
from shelfwise.evaluation.promise_records import Promises, PromiseScore
from shelfwise.evaluation.promises import measure_promises
from shelfwise.evaluation.summary import promise_sentence, summary_rows
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
    stops = {1: (AcceptRule(0.9, 0.94, 200, 0.95, 0.4), AcceptRule(0.8, np.inf, 90, 0.0, 0.0))}
    asked = (
        Promise("department", "Home", rules[0], 0),
        Promise("department", "Toys", rules[1], 1),
        Promise("level", "department", rules[0], 1),
        Promise("level", "type", rules[0], 2, obstacle=stops[1][1]),
    )
    router = Router(rules, ("Home", "Toys"), np.array([0, 0, 1]), "department", stops, asked=asked)
    home, toys, top, below = measure_promises(router, {}, PATHS, TRUTH, MADE).scores
    # The fourth stops at Home, which is right, though Rugs is not.
    assert (home.name, home.cases, home.accepted, home.right) == ("Home", 3, 3, 2)
    assert (toys.name, toys.cases, toys.accepted, toys.right) == ("Toys", 1, 1, 1)
    assert (top.about, top.name, top.cases, top.accepted, top.right) == ("level", "department", 5, 4, 4)
    assert (below.name, below.accepted, below.right, below.given) == ("type", 3, 2, False)
    assert "on the 90 held-out products" in below.reason


def test_a_category_may_be_named_as_the_pool_is() -> None:
    target = PathTarget((("Home", "Lamps"), ("the others", "Cars"), ("Toys", "Cars")))
    rules = (replace(RULE, threshold=0.5), replace(RULE, threshold=0.9), replace(RULE, threshold=0.7))
    names = ("Home", "the others", "the others")
    router = Router(rules, names, np.array([0, 1, 2]), "department")
    made = [path(("the others", "Cars"), 0.8), path(("Toys", "Cars"), 0.8), path(("Home", "Lamps"), 0.8)]
    found = measure_promises(router, {}, target, [one.answer for one in made], made)
    assert [(score.cases, score.accepted) for score in found.scores] == [(1, 1), (1, 0), (1, 1)]
    labels = LabelTarget(("blue", "the others"))
    given = [Prediction("1", ("blue", "the others"), 0.5, (0.8, 0.8), "review")]
    router = Router(rules[:2], ("the others", "the others"), np.array([1, 0]), "label")
    scores = measure_promises(router, {}, labels, [("blue",)], given).scores
    assert [(score.accepted, score.right) for score in scores] == [(1, 0), (0, 0)]


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
    scores = [
        score(990, 1_000, name="a"),
        score(977, 1_000, name="b"),
        score(0, 0, name="c", reason="too few"),
    ]
    promises = Promises(of="whole", certainty=0.95, scores=scores, reviews_per_thousand=300)
    told = promise_sentence(path_evaluation().model_copy(update={"promises": promises}))
    assert told == (
        "1 of 2 promises held; of the others 0 missed by more than chance; 1 could not be given (c: 98 %)."
    )
    assert promise_sentence(path_evaluation()) == ""


def test_rows_tell_each_promise_by_its_name(path_evaluation) -> None:
    scores = [
        score(990, 1_000),
        score(0, 0, name="Toys", about="department", held_out_coverage=0.0),
        score(0, 0, name="type", about="level", reason="too few"),
    ]
    promises = Promises(of="whole", certainty=0.95, scores=scores, reviews_per_thousand=300)
    rows = dict(summary_rows(path_evaluation().model_copy(update={"promises": promises})))
    assert rows["promise of 98 % right"] == "held"
    assert rows["promise of 98 % right, Toys"].startswith("nothing is accepted, for another promise")
    assert rows["promise of 98 % right, type"] == "not given: too few"
    assert "right among the accepted" in rows


def test_where_single_labels_are_promised_whole_sets_are_not_told_as_the_promise(path_evaluation) -> None:
    promises = Promises(of="labels", certainty=0.95, scores=[score(9, 9)], reviews_per_thousand=300)
    rows = dict(summary_rows(path_evaluation().model_copy(update={"promises": promises})))
    assert "whole sets right among them" in rows
    assert "right among the accepted" not in rows
