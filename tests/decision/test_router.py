"""Routers: whole paths, departments, levels and labels, each with its own promise."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pytest

from shelfwise.decision.confidence import Decided
from shelfwise.decision.evidence import Answered, Evidence, label_evidence, path_evidence
from shelfwise.decision.router import RoutedPaths, Router
from shelfwise.decision.router_making import THE_OTHERS, build_router, check_settings
from shelfwise.decision.routing import AcceptRule
from shelfwise.errors import RecipeError
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

PATHS = PathTarget(
    tuple((top, f"{top} {leaf}") for top in ("Home", "Sport", "Toys") for leaf in ("a", "b")),
    ("department", "type"),
)
LABELS = LabelTarget(("blue", "red", "soft"))


@dataclass(frozen=True)
class Settings:
    """As in a recipe."""

    precision: float = 0.9
    certainty: float = 0.95
    precisions: dict[str, float] = field(default_factory=dict)
    of: Literal["whole", "labels"] = "whole"
    per_department: bool = False
    back_off: bool = False


def paths(
    count: int, seed: int = 0, share: tuple[float, ...] = (0.5, 0.45, 0.05)
) -> tuple[Evidence, np.ndarray]:
    """Calibrated probabilities; the department is nearly sure, the type below it often not; Sport is the hardest."""
    random = np.random.default_rng(seed)
    top = random.choice(3, count, p=share)
    sure = np.clip(random.beta([8, 3, 8], [1, 1, 1], (count, 3))[np.arange(count), top], 0.5, 1)
    probabilities = np.repeat(
        (1 - sure)[:, None] * 0.05, 6, axis=1
    )  # four other types, a fifth of what is left
    likely = 2 * top + random.integers(0, 2, count)
    rows = np.arange(count)
    probabilities[rows, likely ^ 1] = (1 - sure) * 0.8
    probabilities[rows, likely] = sure
    truth = np.array([random.choice(6, p=row / row.sum()) for row in probabilities], int)
    decided = Decided(probabilities.argmax(1), probabilities, probabilities.max(1), np.zeros(count))
    return path_evidence(PATHS, decided, truth, rows), truth


def labels(count: int, seed: int = 0) -> Evidence:
    random = np.random.default_rng(seed)
    probabilities = random.beta(0.3, 0.3, (count, 3)) * [1.0, 1.0, 0.9]
    truth = (random.random((count, 3)) < probabilities).astype(np.float32)
    truth[:, 2] *= np.arange(count) % 100 == 0
    probabilities[:, 2] *= np.arange(count) % 100 == 0
    right = random.random(count) < 0.8
    one = Answered(np.full(count, 0.8), right)
    return label_evidence(LABELS, probabilities, truth, np.arange(count), {"one": one}, "one")


def route(router: Router, evidence: Evidence) -> RoutedPaths:
    """What becomes of the products of ``evidence``, whose paths all have two levels."""
    lengths = np.full(len(evidence.chosen), 2)
    return router.route_paths(evidence.chosen, lengths, evidence.whole.confidence, evidence.level_confidence)


def route_one(
    router: Router, outcome: int, length: int, confidence: float, levels: list[float]
) -> RoutedPaths:
    """What becomes of one path."""
    return router.route_paths(
        np.array([outcome]), np.array([length]), np.array([confidence]), np.array([levels])
    )


def held(evidence: Evidence, router: Router) -> tuple[int, int]:
    """Accepted whole, and right, of the products of ``evidence``."""
    accepted = route(router, evidence).accepted
    return int(accepted.sum()), int((accepted & evidence.whole.right).sum())


def test_one_rule_for_all() -> None:
    evidence, _ = paths(3_000)
    router = build_router(PATHS, evidence, Settings(0.9))
    [promise] = router.promises
    assert (promise.about, promise.name, promise.rule.precision) == ("whole", "", 0.9)
    accepted, right = held(paths(3_000, 1)[0], router)
    assert accepted > 900
    assert right / accepted > 0.89


def test_every_department_holds_it_for_itself() -> None:
    evidence, _ = paths(6_000)
    together = build_router(PATHS, evidence, Settings(0.9)).rules[0].threshold
    router = build_router(PATHS, evidence, Settings(0.9, per_department=True))
    assert router.names == ("Home", "Sport", "Toys")
    home, sport, _ = (rule.threshold for rule in router.rules)
    assert home <= together <= sport
    fresh, _ = paths(6_000, 1)
    for top in range(3):
        mine = fresh.chosen // 2 == top
        accepted = mine & (fresh.whole.confidence >= router.rules[top].threshold)
        assert fresh.whole.right[accepted].mean() > 0.88


def test_small_departments_are_promised_together() -> None:
    evidence, _ = paths(1_500, share=(0.96, 0.02, 0.02))
    router = build_router(PATHS, evidence, Settings(0.9, per_department=True))
    assert router.names == ("Home", THE_OTHERS)
    assert router.rule_of.tolist() == [0, 0, 1, 1, 1, 1]


def test_a_department_with_a_target_of_its_own() -> None:
    evidence, _ = paths(6_000)
    router = build_router(PATHS, evidence, Settings(0.85, precisions={"Home": 0.97}))
    assert router.names == ("Home", THE_OTHERS)
    assert [rule.precision for rule in router.rules] == [0.97, 0.85]


def test_a_level_with_a_target_of_its_own_makes_accepting_harder() -> None:
    evidence, _ = paths(6_000)
    easy = build_router(PATHS, evidence, Settings(0.8)).rules[0]
    for name in ("department", "level 1"):
        hard = build_router(PATHS, evidence, Settings(0.8, precisions={name: 0.98})).rules[0]
        assert hard.threshold > easy.threshold
        accepted = evidence.whole.confidence >= hard.threshold
        assert evidence.level_right[accepted, 0].mean() >= 0.98


def test_back_off_holds_the_promise_among_those_that_stop() -> None:
    evidence, _ = paths(6_000)
    router = build_router(PATHS, evidence, Settings(0.97, back_off=True))
    [promise] = router.promises
    assert (promise.about, promise.name, promise.rule.basis) == ("whole", "", 6_000)
    fresh, _ = paths(6_000, 1)
    routed = route(router, fresh)
    assert routed.accepted.mean() == pytest.approx(promise.rule.coverage, abs=0.03)
    stopped = routed.depth == 1
    assert stopped.sum() > 1_000
    assert fresh.level_right[stopped, 0].mean() > 0.965
    routed = route_one(router, 0, 2, 0.0, [1.0, 0.5])
    assert (routed.accepted[0], routed.reasons[0], routed.depth[0]) == (True, "stopped at level 1", 1)
    short = route_one(router, 0, 1, 0.0, [1.0, 0.0])
    assert (short.accepted[0], short.depth[0]) == (False, 1), "there is nothing to stop before"
    assert not route_one(router.whole_answers(), 0, 2, 0.0, [1.0, 0.5]).accepted[0]


def test_a_department_holds_its_promise_among_answers_cut_short_too() -> None:
    wish = Settings(0.8, precisions={"Sport": 0.97}, back_off=True)
    router = build_router(PATHS, paths(12_000)[0], wish)
    assert [(one.about, one.name, one.rule.precision) for one in router.promises] == [
        ("department", "Sport", 0.97),
        ("department", THE_OTHERS, 0.8),
    ]
    fresh, _ = paths(12_000, 1)
    routed = route(router, fresh)
    right = np.where(routed.depth == 2, fresh.whole.right, fresh.level_right[:, 0])
    sport = routed.accepted & (fresh.chosen // 2 == 1)
    assert (routed.depth[sport] == 1).sum() > 300
    assert right[sport].mean() > 0.96
    told = router.promises[0].rule
    assert sport.sum() / (fresh.chosen // 2 == 1).sum() == pytest.approx(told.coverage, abs=0.05)
    assert right[sport].mean() == pytest.approx(told.held, abs=0.02)


def test_whole_answers_and_those_cut_short_are_together_as_certain_as_each() -> None:
    """Each pile is promised with a certainty of 95 %, and what is promised is about both together."""
    others, _ = paths(30_000, 999)
    missed = 0
    for seed in range(100):
        routed = route(build_router(PATHS, paths(800, seed)[0], Settings(0.9, back_off=True)), others)
        right = np.where(routed.depth == 2, others.whole.right, others.level_right[:, 0])
        missed += bool(right[routed.accepted].mean() < 0.9)
    assert missed <= 10, "5 are expected at most"


def test_a_level_holds_its_promise_among_all_that_is_accepted() -> None:
    evidence, fresh = paths(12_000)[0], paths(12_000, 1)[0]
    for level, wanted in (("department", 0.98), ("type", 0.97)):
        router = build_router(PATHS, evidence, Settings(0.8, precisions={level: wanted}, back_off=True))
        routed = route(router, fresh)
        place = PATHS.level_names.index(level)
        given = routed.accepted & (routed.depth > place)
        assert given.sum() > 1_000
        assert fresh.level_right[given, place].mean() > wanted - 0.01
        promise = router.promises[1]
        assert (promise.about, promise.name, promise.place, promise.rule.precision) == (
            "level", level, place + 1, wanted,
        )  # fmt: skip
        assert given.mean() == pytest.approx(promise.rule.coverage, abs=0.03)


def test_a_level_asked_to_hold_less_does_not_loosen_what_all_answers_hold() -> None:
    evidence, _ = paths(6_000)
    strict = build_router(PATHS, evidence, Settings(0.97, back_off=True))
    loose = build_router(PATHS, evidence, Settings(0.97, precisions={"department": 0.5}, back_off=True))
    assert route(loose, evidence).depth.tolist() == route(strict, evidence).depth.tolist()
    assert route(loose, evidence).reasons == route(strict, evidence).reasons


def test_a_level_that_cannot_be_promised_is_told_as_the_level() -> None:
    evidence, _ = paths(400)
    router = build_router(PATHS, evidence, Settings(0.6, precisions={"department": 0.999}))
    whole, level = router.promises
    assert (whole.about, whole.rule.precision, whole.obstacle, whole.rule.coverage) == ("whole", 0.6, None, 0)
    assert (level.about, level.name, level.rule.precision) == ("level", "department", 0.999)
    assert level.obstacle is not None
    [reason] = set(route(router, evidence).reasons)
    assert reason.startswith(
        "department: no confidence held a precision of 0.999 on the 400 held-out products"
    )


def test_each_path_is_routed_by_the_rule_of_its_outcome_and_by_the_deepest_level_that_holds() -> None:
    rule = AcceptRule(0.9, 0.9, basis=100, held=0.95, coverage=0.5)
    rules = tuple(replace(rule, threshold=threshold) for threshold in (0.9, 0.5))
    stops = {depth: (replace(rule, threshold=threshold),) * 2 for depth, threshold in ((2, 0.8), (1, 0.7))}
    router = Router(rules, ("a", "b"), np.array([0, 1]), stops=stops)
    routed = router.route_paths(
        np.array([0, 1, 0, 0, 0]),
        np.array([3, 3, 3, 3, 2]),
        np.array([0.6, 0.6, 0.6, 0.2, 0.1]),
        np.array([[0.9, 0.85, 0.6], [0.9, 0.85, 0.6], [0.75, 0.7, 0.6], [0.6, 0.5, 0.2], [0.95, 0.9, 0.0]]),
    )
    assert routed.accepted.tolist() == [True, True, True, False, True]
    assert routed.depth.tolist() == [2, 3, 1, 3, 1]
    assert routed.reasons == [
        "stopped at level 2",
        "",
        "stopped at level 1",
        "confidence 0.200 is below 0.900",
        "stopped at level 1",
    ]


def test_labels_each_with_a_rule_and_rare_ones_together() -> None:
    router = build_router(LABELS, labels(8_000), Settings(0.9, of="labels"), 0.5)
    assert router.names == ("blue", "red", THE_OTHERS)
    assert router.rule_of.tolist() == [0, 1, 2]
    fresh = labels(8_000, 1)
    for label in range(2):
        sure = (fresh.category == label) & (fresh.probability >= router.rules[label].threshold)
        assert fresh.true[sure].mean() > 0.89
    assert all(rule.threshold >= 0.5 for rule in router.rules)


def test_a_set_is_accepted_where_all_its_labels_are() -> None:
    rules = tuple(AcceptRule(0.9, threshold, 100, 0.95, 0.5) for threshold in (0.6, 0.8, np.inf))
    router = Router(rules, LABELS.labels, np.arange(3), "label")
    assert router.route_set([0, 1], ["blue", "red"], [0.7, 0.9], 0.1).decision == "accept"
    told = router.route_set([0, 1], ["blue", "red"], [0.5, 0.7], 0.9)
    assert (told.decision, told.reason) == ("review", "'blue' 0.500 is below 0.600, and 1 more")
    assert "no confidence held" in router.route_set([2], ["soft"], [1.0], 1.0).reason
    assert router.route_set([], [], [], 1.0).reason == "no label is probable enough"


WRONG: list[tuple[Any, Settings, str]] = [
    (PATHS, Settings(of="labels"), "'routing.of: whole' for paths"),
    (
        PATHS,
        Settings(precisions={"Gender": 0.9}),
        "of a level .department, type. or of a category .* 'Gender'",
    ),
    (LABELS, Settings(per_department=True), "needs paths"),
    (LABELS, Settings(back_off=True), "single labels"),
    (LABELS, Settings(precisions={"red": 0.9}), "need 'routing.of: labels'"),
    (LABELS, Settings(of="labels", precisions={"green": 0.9}), "got one of 'green'"),
    (PathTarget((("a",), ("b",)), ("a",)), Settings(precisions={"a": 0.9}), "both a level and a category"),
]


@pytest.mark.parametrize(("target", "settings", "told"), WRONG)
def test_promises_that_cannot_be_asked(target: Any, settings: Settings, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        check_settings(target, settings)


def test_no_held_out_products_at_all() -> None:
    evidence, _ = paths(0)
    for settings in (Settings(), Settings(per_department=True), Settings(back_off=True)):
        router = build_router(PATHS, evidence, settings)
        assert not any(promise.rule.possible for promise in router.promises)
        assert "at least 29 more" in route_one(router, 0, 2, 1.0, [1.0, 1.0]).reasons[0]
