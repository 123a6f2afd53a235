"""Fusing: policies are judged and calibrated on products they were not fitted on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from tests.tiny_catalog import title_recipe

from shelfwise.fusion.mean import Mean
from shelfwise.fusion.policies import POLICIES
from shelfwise.learning.fusing import HeldOutScores, LabelTruth, fuse
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

PATHS = PathTarget.from_truth([("a", "x"), ("a", "y"), ("b",)])
LABELS = LabelTarget.from_truth([("s", "t"), ("t", "u"), ("s",)], space="labels")


def scores(truth: np.ndarray, strengths: list[float], seed: int = 0) -> HeldOutScores:
    """Noisy logits in favour of the truth, one classifier a strength."""
    random = np.random.default_rng(seed)
    right = np.eye(3)[truth] if truth.ndim == 1 else 2 * truth - 1
    logits = np.stack([strength * right + random.normal(0, 1, right.shape) for strength in strengths])
    if truth.ndim == 1:
        logits = log_softmax(logits, axis=2)
    return HeldOutScores(logits.astype(np.float32), np.ones(logits.shape[:2], bool), np.arange(len(truth)))


def answers(target: PathTarget | LabelTarget, count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    if isinstance(target, PathTarget):
        return random.integers(0, 3, count)
    return random.integers(0, 2, (count, 3)).astype(np.float32)


@pytest.mark.parametrize("target", [PATHS, LABELS], ids=["paths", "labels"])
def test_two_views_are_better_than_one(target: PathTarget | LabelTarget) -> None:
    truth = answers(target, 600)
    fused = fuse(title_recipe(), target, ["one", "two"], scores(truth, [1.5, 1.5]), truth, np.arange(600))
    assert set(fused.told.split(" + ")) <= {"policy_network", "category_pool", "opinion_pool", "mean"}
    assert fused.scores[fused.told] > max(fused.scores["one"], fused.scores["two"]) + 0.03


class Contrary(Mean):
    """Says the opposite."""

    kind = "contrary"

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        return -super().combine(logits, present)


def test_a_policy_that_ruins_the_best_classifier_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICIES, "contrary", Contrary)
    truth = answers(PATHS, 800)
    held = scores(truth, [8.0, 0.0, 0.0, 0.0])
    recipe = title_recipe(fusion={"policies": ["contrary"]})
    fused = fuse(recipe, PATHS, list("abcd"), held, truth, np.arange(800))
    assert fused.told == "a"
    combined = fused.policy.combine(held.logits, held.present)
    assert combined.argmax(1).tolist() == held.logits[0].argmax(1).tolist()


def test_groups_are_not_divided_when_policies_are_judged() -> None:
    """Copies of one product on both sides would let a policy that memorises look good; here the score is by chance."""
    truth = np.repeat(answers(PATHS, 60), 10)
    held = scores(truth, [0.0, 0.0])
    one_copy = np.repeat(np.arange(60), 10)
    held = HeldOutScores(held.logits[:, one_copy * 10], held.present, held.rows)
    recipe = title_recipe(fusion={"policies": [{"kind": "policy_network"}]})
    fused = fuse(recipe, PATHS, ["one", "two"], held, truth, one_copy)
    assert min(fused.scores.values()) < 0.55


def test_promises_are_kept_on_new_products() -> None:
    truth = answers(PATHS, 4_000)
    held = scores(truth, [1.5, 1.0])
    recipe = title_recipe(routing={"precision": 0.9})
    part = HeldOutScores(held.logits[:, :2_000], held.present[:, :2_000], held.rows[:2_000])
    fused = fuse(recipe, PATHS, ["one", "two"], part, truth, np.arange(4_000))
    logits = np.stack(
        [
            log_softmax(mine / temperature, axis=1)
            for mine, temperature in zip(held.logits, fused.calibration.temperatures, strict=True)
        ]
    )[:, 2_000:]
    combined = fused.policy.combine(logits, held.present[:, 2_000:]) * fused.calibration.scale
    confidence = np.exp(log_softmax(combined, axis=1)).max(1)
    right = combined.argmax(1) == truth[2_000:]
    assert fused.accept.possible
    assert right[confidence >= fused.accept.threshold].mean() > 0.88
    assert confidence.mean() == pytest.approx(right.mean(), abs=0.03)


@pytest.mark.parametrize("count", [0, 1, 3, 9])
def test_a_handful_of_products(count: int) -> None:
    for target in (PATHS, LABELS):
        truth = answers(target, count)
        recipe = title_recipe(routing={"precision": 0.9})
        fused = fuse(recipe, target, ["one", "two"], scores(truth, [1, 1]), truth, np.arange(count))
        assert not fused.accept.possible
        assert np.isfinite([*fused.calibration.temperatures, fused.calibration.scale]).all()


def test_a_set_that_is_not_known_is_no_other_set() -> None:
    target = LabelTarget(("a", "b", "c"), ((0,), (1, 2)))
    found = LabelTruth.encoded(target, np.array([1, -1, 0]))
    assert found.labels.tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    assert found.beyond.tolist() == [False, True, False]
