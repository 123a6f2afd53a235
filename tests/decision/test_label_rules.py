"""The ways to decide label sets that a model keeps: each with a confidence and a promise of its own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from shelfwise.decision.confidence import decide
from shelfwise.decision.label_rules import fit_label_rules
from shelfwise.decision.thresholds import THRESHOLD_KINDS
from shelfwise.ensemble import Calibration
from shelfwise.taxonomy.targets import LabelTarget

LABELS = LabelTarget(("a", "b", "c", "d"))
SETS = LabelTarget(("a", "b", "c"), ((0,), (0, 1), (2,)))


def products(count: int, seed: int = 0, sure: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right on average, and the labels."""
    random = np.random.default_rng(seed)
    probabilities = expit(random.normal(size=(count, 4)) * sure)
    return probabilities, (random.random((count, 4)) < probabilities).astype(np.float32)


@pytest.mark.parametrize("at_least_one", [True, False])
def test_every_kind_keeps_its_promise_on_new_products(at_least_one: bool) -> None:
    probabilities, labels = products(3_000, sure=6.0)
    rules, _ = fit_label_rules(
        LABELS, probabilities, labels, np.arange(3_000), 0.8, at_least_one=at_least_one
    )
    assert tuple(rules) == THRESHOLD_KINDS
    new, answers = products(3_000, seed=1, sure=6.0)
    for rule in rules.values():
        calibration = Calibration(
            (1.0,), thresholds=rule.thresholds, set_scale=rule.set_scale, set_shift=rule.set_shift
        )
        decided = decide(LABELS, new, calibration)
        right = decided.right(answers)
        accepted = (decided.confidence >= rule.accept.threshold) & decided.chosen.any(1)
        assert accepted.mean() == pytest.approx(rule.accept.coverage, abs=0.05)
        assert right[accepted].mean() > 0.78
        assert decided.confidence.mean() == pytest.approx(right.mean(), abs=0.03)
        assert decided.chosen.any(1).all() == at_least_one


def test_an_empty_set_is_never_accepted() -> None:
    probabilities = np.full((200, 4), 0.01)
    rules, answered = fit_label_rules(LABELS, probabilities, np.zeros((200, 4)), np.arange(200), 0.9)
    assert not any(rule.accept.possible for rule in rules.values())
    for one in answered.values():
        assert not one.right.any()
        assert not one.confidence.any()


def test_thresholds_are_judged_on_groups_that_they_were_not_fitted_on() -> None:
    """Every product twice: thresholds fitted to the copies would look good."""
    probabilities, labels = (np.repeat(values, 2, axis=0) for values in products(60))
    apart = fit_label_rules(LABELS, probabilities, labels, np.arange(120), 0.9)[0]["per_label"]
    together = fit_label_rules(LABELS, probabilities, labels, np.arange(120) // 2, 0.9)[0]["per_label"]
    np.testing.assert_array_equal(apart.thresholds.values, together.thresholds.values)
    assert (apart.set_scale, apart.set_shift) != (together.set_scale, together.set_shift)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_handful_of_products(count: int) -> None:
    probabilities, labels = products(count)
    for groups in (np.arange(count), np.zeros(count, np.int64)):
        rules, answered = fit_label_rules(LABELS, probabilities, labels, groups, 0.9)
        assert all(len(one.right) == len(one.confidence) == count for one in answered.values())
        assert not any(rule.accept.possible for rule in rules.values())
        assert np.isfinite([[rule.set_scale, rule.set_shift] for rule in rules.values()]).all()


def test_known_sets() -> None:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet([1, 1, 1], 400)
    truth = np.array([random.choice(3, p=row) for row in probabilities])
    rules, _ = fit_label_rules(SETS, probabilities, SETS.members[truth], np.arange(400), 0.6)
    for kind, rule in rules.items():
        assert rule.thresholds.values.shape == ((3,) if kind == "per_label" else ())
        assert rule.accept.possible
