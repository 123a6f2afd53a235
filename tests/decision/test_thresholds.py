"""The threshold of label sets, against trying every threshold there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shelfwise.decision import thresholds
from shelfwise.decision.thresholds import (
    HALF,
    THRESHOLD_KINDS,
    LabelThresholds,
    Metric,
    ThresholdKind,
    best_micro_f1_threshold,
    fit_thresholds,
)

SCORES = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1))
PAIRS = st.lists(st.tuples(SCORES, st.booleans()), min_size=1, max_size=20)


def micro_f1(probabilities: np.ndarray, truth: np.ndarray, threshold: float) -> float:
    given_labels = probabilities >= threshold
    return float(2 * (given_labels & (truth > 0)).sum() / max(given_labels.sum() + (truth > 0).sum(), 1))


@given(PAIRS, st.sampled_from([np.float32, np.float64]))
@example([(0.5, True), (float(np.nextafter(0.5, 0)), False)], np.float64)
@example([(float(np.nextafter(0.5, 1)), True), (0.5, False)], np.float64)
@example([(0.5, True), (float(np.nextafter(np.float32(0.5), np.float32(0))), False)], np.float32)
@example([(5e-324, True), (0.0, False)], np.float64)
@example([(0.0, True)], np.float32)
def test_no_other_threshold_does_better(pairs: list[tuple[float, bool]], dtype: type) -> None:
    probabilities = np.array([[score] for score, _ in pairs], dtype)
    truth = np.array([[hit] for _, hit in pairs], np.float32)
    found = best_micro_f1_threshold(probabilities, truth)
    assert 0 <= found <= 1
    if not truth.any():
        assert found == 0.5
        return
    best = max(micro_f1(probabilities, truth, float(score)) for score in np.unique(probabilities))
    assert micro_f1(probabilities, truth, found) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(30))
def test_of_many_labels_only_the_most_probable_are_sorted(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the threshold is that of all of them, whether the true ones are probable, all alike, or the least probable."""
    random = np.random.default_rng(seed)
    truth = random.random((40, 50)) < random.choice([0.001, 0.02, 0.2])
    probabilities = random.random((40, 50)) ** 3 + random.choice([-0.5, 0.0, 1.0]) * truth
    probabilities = np.round(np.clip(probabilities, 0, 1), random.choice([1, 2, 6])).astype(np.float32)
    found = best_micro_f1_threshold(probabilities, truth)
    monkeypatch.setattr(thresholds, "_FEW", probabilities.size)
    assert found == best_micro_f1_threshold(probabilities, truth)


@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
def test_scores_of_a_network_that_went_astray(share: float) -> None:
    """What is not a number is never given, and stops nothing."""
    random = np.random.default_rng(0)
    probabilities, truth = random.random((20, 30)), random.random((20, 30)) < 0.02
    probabilities[random.random((20, 30)) < share] = np.nan
    found = best_micro_f1_threshold(probabilities, truth)
    known = ~np.isnan(probabilities)
    if known.any():
        tried = [micro_f1(probabilities, truth, float(score)) for score in probabilities[known]]
        assert micro_f1(probabilities, truth, found) == pytest.approx(max(tried))


def test_it_lies_half_way_to_the_next_lower_probability() -> None:
    probabilities = np.array([[0.9, 0.6], [0.2, 0.1]])
    assert best_micro_f1_threshold(probabilities, np.array([[1, 1], [0, 0]])) == pytest.approx(0.4)


def test_equal_probabilities_stay_on_one_side() -> None:
    probabilities = np.array([[0.8, 0.3, 0.3, 0.3, 0.3]])
    assert best_micro_f1_threshold(probabilities, np.array([[1, 1, 0, 0, 0]])) > 0.3
    assert best_micro_f1_threshold(probabilities, np.array([[1, 1, 1, 0, 0]])) <= 0.3


def test_no_positive_and_no_products() -> None:
    assert best_micro_f1_threshold(np.array([[0.4]]), np.array([[0]])) == 0.5
    assert best_micro_f1_threshold(np.zeros((0, 3)), np.zeros((0, 3))) == 0.5


def test_everything_is_positive() -> None:
    probabilities = np.array([[0.4, 0.01]])
    assert (probabilities >= best_micro_f1_threshold(probabilities, np.ones((1, 2)))).all()


def scores(given_labels: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Micro-F1, and the mean of the F1 of labels that have positives."""
    hits, given_count, there = (given_labels & (truth > 0)).sum(0), given_labels.sum(0), (truth > 0).sum(0)
    f1 = 2 * hits / np.maximum(given_count + there, 1)
    micro = 2 * hits.sum() / max(given_count.sum() + there.sum(), 1)
    return {"micro": float(micro), "macro": float(f1[there > 0].mean())}


def miscalibrated(products: int = 3_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Five labels, the first two frequent, whose probabilities are off, each in its own way."""
    random = np.random.default_rng(seed)
    base = np.array([0.5, 0.3, 0.1, 0.05, 0.01])
    truth = (random.random((products, 5)) < base).astype(np.float32)
    odds = truth * 3 - 1.5 + random.normal(size=(products, 5)) + np.array([2.0, -2.0, 0.0, 1.0, -1.0])
    return 1 / (1 + np.exp(-odds)), truth


class TestGiving:
    P = np.array([[0.6, 0.2, 0.5], [0.4, 0.3, 0.1], [0.0, 0.0, 0.0]])

    def test_from_the_threshold_on(self) -> None:
        assert HALF.given(self.P).tolist() == [[True, False, True], [False] * 3, [False] * 3]

    def test_each_label_its_own(self) -> None:
        own = LabelThresholds(np.array([0.7, 0.2, 0.5]))
        assert own.given(self.P).tolist() == [[False, True, True], [False, True, False], [False] * 3]

    def test_at_least_one(self) -> None:
        given_labels = LabelThresholds.shared(0.5, at_least_one=True).given(self.P)
        assert given_labels.tolist() == [[True, False, True], [True, False, False], [False] * 3]

    def test_no_products_and_no_labels(self) -> None:
        for one in (HALF, LabelThresholds.shared(0.5, at_least_one=True)):
            assert one.given(np.zeros((0, 3))).shape == (0, 3)
            assert one.given(np.zeros((3, 0))).shape == (3, 0)


class TestFitting:
    def test_fixed_and_one(self) -> None:
        probabilities, truth = miscalibrated()
        assert float(fit_thresholds("fixed", probabilities, truth).values) == 0.5
        one = fit_thresholds("one", probabilities, truth)
        assert float(one.values) == best_micro_f1_threshold(probabilities, truth)

    @pytest.mark.parametrize("metric", ["micro", "macro"])
    def test_the_more_is_tuned_the_better_on_new_products(self, metric: Metric) -> None:
        (probabilities, truth), (new, answers) = miscalibrated(), miscalibrated(seed=1)
        found = {
            kind: scores(fit_thresholds(kind, probabilities, truth, metric).given(new), answers)[metric]
            for kind in THRESHOLD_KINDS
        }
        assert found["fixed"] <= found["one"] < found["per_label"] - 0.02

    def test_one_for_macro_f1_is_the_best_there_is(self) -> None:
        probabilities, truth = miscalibrated()
        found = fit_thresholds("one", probabilities, truth, "macro")
        best = max(scores(probabilities >= t, truth)["macro"] for t in np.linspace(0.001, 0.999, 300))
        assert scores(found.given(probabilities), truth)["macro"] >= best - 0.005

    def test_thresholds_for_micro_f1_are_the_best_there_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Against trying every pair of thresholds of two labels."""

        monkeypatch.setattr(thresholds, "_SHRINKAGE", 0.0)
        probabilities, truth = miscalibrated(300)
        probabilities, truth = probabilities[:, :2], truth[:, :2]
        found = scores(fit_thresholds("per_label", probabilities, truth).given(probabilities), truth)["micro"]
        tried = thresholds._GRID[::10]
        best = max(
            scores(probabilities >= np.array([first, second]), truth)["micro"]
            for first in tried
            for second in tried
        )
        assert found >= best - 1e-9

    def test_a_rare_label_shares_what_all_have(self) -> None:
        probabilities, truth = miscalibrated()
        truth[:, 4] = 0
        truth[0, 4], probabilities[0, 4] = 1, 0.999  # one product is no reason to ask for so much
        found = fit_thresholds("per_label", probabilities, truth)
        assert found.values[4] < 0.9
        never = truth.copy()
        never[:, 4] = 0
        assert 0 < fit_thresholds("per_label", probabilities, never).values[4] < 1

    @pytest.mark.parametrize("kind", THRESHOLD_KINDS)
    @pytest.mark.parametrize("metric", ["micro", "macro"])
    def test_nothing_to_learn_from(self, kind: ThresholdKind, metric: Metric) -> None:
        for shape in ((0, 3), (4, 3)):
            found = fit_thresholds(kind, np.full(shape, 0.2), np.zeros(shape), metric, at_least_one=True)
            assert float(found.values) == 0.5
            assert found.at_least_one

    @given(
        st.lists(st.tuples(SCORES, SCORES, st.booleans(), st.booleans()), min_size=1, max_size=20),
        st.sampled_from(THRESHOLD_KINDS),
        st.sampled_from(["micro", "macro"]),
    )
    def test_thresholds_can_be_reached(
        self, rows: list[tuple[float, float, bool, bool]], kind: ThresholdKind, metric: Metric
    ) -> None:
        probabilities = np.array([row[:2] for row in rows])
        truth = np.array([row[2:] for row in rows], np.float32)
        found = fit_thresholds(kind, probabilities, truth, metric)
        assert found.values.shape in ((), (2,))
        assert ((found.values >= 0) & (found.values <= 1)).all()
        assert found.given(probabilities).shape == (len(rows), 2)

    def test_the_order_of_products_does_not_matter(self) -> None:
        probabilities, truth = miscalibrated(200)
        order = np.random.default_rng(0).permutation(200)
        for kind in THRESHOLD_KINDS:
            found = fit_thresholds(kind, probabilities, truth).values
            again = fit_thresholds(kind, probabilities[order], truth[order]).values
            np.testing.assert_array_equal(found, again)
