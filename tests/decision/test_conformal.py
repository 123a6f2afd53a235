"""Conformal sets: as MAPIE makes them where there is one group, covering each group where there are several."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin

from shelfwise.decision import conformal
from shelfwise.decision.confidence import Decided
from shelfwise.decision.conformal import (
    SetRule,
    asked_of_held_out,
    category_groups,
    conformal_threshold,
    least_cases,
)
from shelfwise.decision.evidence import Answered, Evidence, label_evidence, path_evidence
from shelfwise.errors import RecipeError
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

PATHS = PathTarget(tuple((top, f"{top}{leaf}") for top in "ABC" for leaf in range(4)))
LABELS = LabelTarget(("a", "b", "c", "d", "e"))


def products(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities over twelve paths, rarer ones harder, and the true paths."""
    random = np.random.default_rng(seed)
    share = np.r_[np.full(10, 0.095), 0.03, 0.02]
    truth = random.choice(12, count, p=share)
    hard = np.where(truth >= 9, 0.8, 3.0)
    return softmax(random.normal(0, 1, (count, 12)) + np.eye(12)[truth] * hard[:, None], axis=1), truth


def evidence(probabilities: np.ndarray, truth: np.ndarray) -> Evidence:
    chosen = probabilities.argmax(1)
    sure = probabilities.max(1)
    decided = Decided(chosen, probabilities, sure, np.zeros(len(sure)))
    return path_evidence(PATHS, decided, truth, np.arange(len(truth)))


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_one_group_is_what_mapie_makes(coverage: float, monkeypatch: pytest.MonkeyPatch) -> None:
    mapie = pytest.importorskip("mapie.classification", reason="MAPIE is not installed")

    class Given(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(12)

        def fit(self, x: np.ndarray, y: np.ndarray) -> Given:
            return self

        def predict_proba(self, x: np.ndarray) -> np.ndarray:
            return x

        def predict(self, x: np.ndarray) -> np.ndarray:
            return x.argmax(1)

        def __sklearn_is_fitted__(self) -> bool:
            return True

    monkeypatch.setattr(conformal, "LEAST_IN_GROUP", 10_000)
    held, truth = products(400, 0)
    new, _ = products(300, 1)
    held, new = np.round(held, 6), np.round(new, 6)
    ours = SetRule.fit(PATHS, evidence(held, truth), coverage).sets(new)
    peer = mapie.SplitConformalClassifier(
        Given(), confidence_level=coverage, conformity_score="lac", prefit=True
    )
    # MAPIE wants probabilities that add up to exactly 1; ours are rounded.
    peer.conformalize(held / held.sum(1, keepdims=True), truth)
    _, theirs = peer.predict_set(new / new.sum(1, keepdims=True))
    assert (ours != theirs[:, :, 0]).mean() < 0.001


@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_every_group_is_covered(coverage: float) -> None:
    found = []
    for seed in range(20):
        rule = SetRule.fit(PATHS, evidence(*products(2_000, seed)), coverage)
        new, truth = products(2_000, 1_000 + seed)
        inside = rule.sets(np.round(new, 6))[np.arange(len(truth)), truth]
        found.append(
            [
                inside.mean(),
                *(inside[truth // 4 == top].mean() for top in range(3)),
                inside[truth >= 10].mean(),
            ]
        )
    assert np.mean(found, axis=0) == pytest.approx(np.full(5, coverage), abs=0.015)


def test_without_groups_the_rare_and_hard_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformal, "LEAST_IN_GROUP", 10_000)
    rule = SetRule.fit(PATHS, evidence(*products(3_000, 0)), 0.9)
    new, truth = products(3_000, 1)
    inside = rule.sets(np.round(new, 6))[np.arange(len(truth)), truth]
    assert inside.mean() == pytest.approx(0.9, abs=0.02)
    assert inside[truth >= 10].mean() < 0.8


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=60), st.sampled_from([0.5, 0.8, 0.9]))
def test_the_threshold_by_counting(values: list[float], coverage: float) -> None:
    """With one more exchangeable product, the share at or above the threshold is at least the coverage."""
    threshold = conformal_threshold(np.array(values), coverage)
    above = sum(value >= threshold for value in values)
    assert above + 1 >= coverage * (len(values) + 1) - 1e-9
    if above < len(values):
        assert above >= coverage * (len(values) + 1) - 1e-9


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_reckon_with_a_model_that_learned_from_more(coverage: float) -> None:
    """Products that the handed-out model knows better than held-out ones were known: as asked, not more."""

    def drawn(count: int, seed: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        truth = random.choice(12, count)
        scores = random.normal(0, 1, (count, 12)) + np.eye(12)[truth] * strength
        return np.round(softmax(scores, axis=1), 6), truth

    held = evidence(*drawn(24_000, 0, 2.55))
    new, truth = drawn(24_000, 1, 2.62)
    covered = [
        SetRule.fit(PATHS, held, coverage, share).sets(new)[np.arange(len(truth)), truth].mean()
        for share in (1.0, 0.75)
    ]
    assert covered[0] > coverage + 0.005, "made for what held-out products showed, sets hold more"
    assert covered[1] == pytest.approx(coverage, abs=0.01)


@given(st.floats(0.001, 0.999), st.floats(0.05, 1))
def test_less_is_asked_of_held_out_products_the_fewer_their_classifiers_saw(
    coverage: float, share: float
) -> None:
    asked = asked_of_held_out(coverage, share)
    assert 0 <= asked <= coverage + 1e-12
    assert asked <= asked_of_held_out(coverage, (1 + share) / 2)
    assert asked_of_held_out(coverage, 1.0) == pytest.approx(coverage)


def test_hardly_any_coverage_asked_leaves_sets_that_can_be_made() -> None:
    rule = SetRule.fit(PATHS, evidence(*products(2_000, 0)), 0.01, learned_from=0.5)
    assert rule.sets(np.round(products(500, 1)[0], 6)).any(1).mean() < 0.2


def test_small_categories_join_their_siblings_and_small_families_the_others() -> None:
    cases = np.array([150, 120, 40, 10, 60, 55, 1, 0, 20, 5, 5, 0])
    alone = category_groups(PATHS, cases, 100, 19)
    assert len({alone[0], alone[1], alone[4], alone[8]}) == 4
    assert len(set(alone[4:8])) == 1, "B as a whole is large enough"
    assert len({alone[2], alone[3], *alone[8:]}) == 1, (
        "what is left of A, and C, are not: they are rare together"
    )
    assert (np.bincount(alone, cases)[1:] >= 80).all()
    few = category_groups(PATHS, cases, 100, 81)
    assert set(few[[2, 3, 8, 9, 10, 11]]) == {0}, "too few even so: all categories together decide"


@given(st.lists(st.integers(0, 300), min_size=12, max_size=12), st.integers(20, 400))
def test_groups_are_large_enough_whatever_the_cases(cases: list[int], least: int) -> None:
    for target, counts in ((PATHS, np.array(cases)), (LABELS, np.array(cases[:5]))):
        groups = category_groups(target, counts, least, 20)
        sizes = np.bincount(groups, counts)[1:]
        assert (sizes >= 20).all()
        assert (sizes < least).sum() <= 1
        if counts.sum() >= least and isinstance(target, LabelTarget):
            assert (groups > 0).all()


def test_labels_of_a_set_are_each_covered() -> None:
    random = np.random.default_rng(0)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = (random.random((count, 5)) < [0.5, 0.4, 0.3, 0.2, 0.1]).astype(np.float32)
        strength = np.array([4, 3, 2, 1.5, 1])
        return 1 / (1 + np.exp(-(strength * (2 * labels - 1) + random.normal(0, 1.5, labels.shape)))), labels

    held, truth = draw(20_000)
    nothing = Answered(np.zeros(20_000), np.zeros(20_000, bool))
    found = label_evidence(LABELS, held, truth, np.arange(20_000), {"one": nothing}, "one")
    rule = SetRule.fit(LABELS, found, 0.9)
    new, labels = draw(20_000)
    inside = rule.sets(np.round(new, 6))
    covered = [inside[labels[:, label] > 0, label].mean() for label in range(5)]
    assert covered == pytest.approx([0.9] * 5, abs=0.025)


def test_a_coverage_that_takes_more_products() -> None:
    assert least_cases(0.95) == 19
    assert least_cases(0.9) == 9
    with pytest.raises(RecipeError, match="takes at least 99 held-out products"):
        SetRule.fit(PATHS, evidence(*products(50, 0)), 0.99)
    for coverage in (0.0, 1.0, 1.5, -1.0, float("nan")):
        with pytest.raises(RecipeError, match="between 0 and 1"):
            SetRule.fit(PATHS, evidence(*products(50, 0)), coverage)
