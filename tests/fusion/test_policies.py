"""One suite for every late fusion policy, and what each kind promises besides."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.special import expit, log_softmax, logit

from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.fusion import POLICIES, build_policy
from shelfwise.fusion.policies import Max, Mean, OpinionPool, Policy, Single

OUTCOMES = 4


@dataclass(frozen=True)
class Held:
    """Held-out products: what each classifier says, which are present, and the truth."""

    logits: np.ndarray
    present: np.ndarray
    truth: np.ndarray

    def take(self, rows: np.ndarray) -> Held:
        return Held(self.logits[:, rows], self.present[:, rows], self.truth[rows])


def held_out(
    exclusive: bool, classifiers: int = 3, products: int = 40, absences: float = 0.3, seed: int = 0
) -> Held:
    """Classifiers of falling quality; those absent say nothing that may be read."""
    random = np.random.default_rng(seed)
    noise = np.linspace(1, 3, classifiers)[:, None, None]
    if exclusive:
        truth = random.integers(0, OUTCOMES, products)
        signal = np.eye(OUTCOMES)[truth] * 2
    else:
        truth = (random.random((products, OUTCOMES)) < 0.4).astype(np.float64)
        signal = truth * 4 - 2
    logits = signal + noise * random.normal(size=(classifiers, products, OUTCOMES))
    if exclusive:
        logits = log_softmax(logits, axis=2)
    present = random.random((classifiers, products)) >= absences
    present[random.integers(0, classifiers, products), np.arange(products)] = True
    logits[~present] = np.nan
    return Held(logits, present, truth)


@pytest.fixture(params=[True, False], ids=["paths", "labels"])
def exclusive(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=POLICIES)
def fitted(request: pytest.FixtureRequest, exclusive: bool) -> Policy:
    held = held_out(exclusive)
    return build_policy(request.param, exclusive).fit(held.logits, held.present, held.truth)


def probabilities(policy: Policy, fused: np.ndarray) -> np.ndarray:
    return np.exp(log_softmax(fused, axis=-1)) if policy.exclusive else expit(fused)


class TestEveryPolicy:
    def test_what_is_absent_is_never_read(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive, seed=1)
        fused = fitted.combine(held.logits, held.present)
        assert fused.shape == held.logits.shape[1:]
        assert np.isfinite(fused).all()
        for junk in (0.0, 1e6, -1e6, np.inf, -np.inf):
            logits = np.where(held.present[..., None], held.logits, junk)
            np.testing.assert_array_equal(fitted.combine(logits, held.present), fused)

    def test_products_do_not_interact(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive, seed=1)
        fused = fitted.combine(held.logits, held.present)
        order = np.random.default_rng(2).permutation(len(held.truth))
        shuffled = held.take(order)
        np.testing.assert_allclose(
            fitted.combine(shuffled.logits, shuffled.present), fused[order], rtol=1e-12
        )
        parts = [held.take(rows) for rows in (np.arange(1), np.arange(1, 17), np.arange(17, len(order)))]
        alone = np.concatenate([fitted.combine(part.logits, part.present) for part in parts])
        np.testing.assert_allclose(alone, fused, rtol=1e-12)

    def test_exclusive_probabilities_sum_to_one(self, fitted: Policy) -> None:
        held = held_out(True, seed=1)
        policy = build_policy(fitted.kind, True).load_state(fitted.state(), 3)
        np.testing.assert_allclose(np.exp(policy.combine(held.logits, held.present)).sum(1), 1)

    def test_one_classifier_says_what_it_says(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive, classifiers=1, absences=0)
        policy = build_policy(fitted.kind, fitted.exclusive)
        fused = policy.combine(held.logits, held.present)
        np.testing.assert_allclose(
            probabilities(policy, fused), probabilities(policy, held.logits[0]), atol=1e-6
        )

    def test_the_only_one_present_decides(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive, seed=1)
        for which in range(3):
            present = np.zeros_like(held.present)
            present[which] = held.present[which]
            here = present[which]
            fused = fitted.combine(held.logits, present)[here]
            mine = held.logits[which][here]
            if fitted.exclusive:
                assert (fused.argmax(1) == mine.argmax(1)).all()
            else:
                order = np.argsort(mine, axis=1)
                assert (np.argsort(fused, axis=1) == order).all()

    def test_nobody_present_is_finite_and_favours_nothing(self, fitted: Policy) -> None:
        logits = np.full((3, 2, OUTCOMES), np.nan)
        fused = fitted.combine(logits, np.zeros((3, 2), bool))
        assert np.isfinite(fused).all()
        assert np.ptp(fused) == 0

    def test_no_products(self, fitted: Policy) -> None:
        assert fitted.combine(np.zeros((3, 0, OUTCOMES)), np.zeros((3, 0), bool)).shape == (0, OUTCOMES)

    def test_fit_on_no_products(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive)
        empty = held.take(np.zeros(0, np.int64))
        policy = build_policy(fitted.kind, fitted.exclusive).fit(empty.logits, empty.present, empty.truth)
        assert np.isfinite(policy.combine(held.logits, held.present)).all()

    def test_fit_where_nobody_is_present(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive)
        policy = build_policy(fitted.kind, fitted.exclusive)
        policy.fit(held.logits, np.zeros_like(held.present), held.truth)
        assert np.isfinite(policy.combine(held.logits, held.present)).all()

    def test_state_round_trip(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive, seed=1)
        state = json.loads(json.dumps(fitted.state()))
        again = build_policy(fitted.kind, fitted.exclusive).load_state(state, 3)
        expected = fitted.combine(held.logits, held.present)
        np.testing.assert_array_equal(again.combine(held.logits, held.present), expected)

    def test_agreement_is_kept(self, fitted: Policy) -> None:
        """Where all say the same outcome is likeliest, so does the policy."""
        random = np.random.default_rng(3)
        one = random.normal(size=(1, 10, OUTCOMES)) * 2
        one = log_softmax(one, axis=2) if fitted.exclusive else one
        fused = fitted.combine(np.repeat(one, 3, axis=0), np.ones((3, 10), bool))
        assert (fused.argmax(1) == one[0].argmax(1)).all()


BAD_STATES: list[tuple[str, Any]] = [
    *(("single", {"which": which}) for which in (None, "0", 3, -1, 1.0, True, [0])),
    ("single", {}),
    ("opinion_pool", {}),
    ("opinion_pool", {"weights": [1, 1, 1]}),
    ("opinion_pool", {"weights": [1, 1], "bias": 0}),
    ("opinion_pool", {"weights": [1, 1, -1], "bias": 0}),
    ("opinion_pool", {"weights": [1, 1, float("nan")], "bias": 0}),
    ("opinion_pool", {"weights": [1, 1, float("inf")], "bias": 0}),
    ("opinion_pool", {"weights": [1, 1, 10**400], "bias": 0}),
    ("opinion_pool", {"weights": [1, 1, "1"], "bias": 0}),
    ("opinion_pool", {"weights": [1, 1, True], "bias": 0}),
    ("opinion_pool", {"weights": [1, 1, 1], "bias": None}),
    ("opinion_pool", {"weights": [1, 1, 1], "bias": float("nan")}),
    ("opinion_pool", {"weights": {"a": 1}, "bias": 0}),
]


@pytest.mark.parametrize(("kind", "state"), BAD_STATES)
def test_a_state_that_does_not_fit_is_refused(kind: str, state: dict[str, Any]) -> None:
    with pytest.raises(ModelFolderError, match="expected"):
        build_policy(kind, True).load_state(state, 3)


def test_an_unknown_policy_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="got 'opinion'; did you mean 'opinion_pool'"):
        build_policy("opinion", True)


class TestMeanAndMax:
    P = np.array([[[0.7, 0.2, 0.1]], [[0.1, 0.6, 0.3]]])

    def test_the_mean_of_those_present(self) -> None:
        both = Mean(True).combine(np.log(self.P), np.ones((2, 1), bool))
        np.testing.assert_allclose(np.exp(both), [[0.4, 0.4, 0.2]])
        first = Mean(True).combine(np.log(self.P), np.array([[True], [False]]))
        np.testing.assert_allclose(np.exp(first), self.P[0])

    def test_the_maximum_of_those_present(self) -> None:
        both = Max(True).combine(np.log(self.P), np.ones((2, 1), bool))
        np.testing.assert_allclose(np.exp(both), np.array([[0.7, 0.6, 0.3]]) / 1.6)

    def test_labels_are_not_made_to_sum_to_one(self) -> None:
        odds = logit(self.P)
        present = np.ones((2, 1), bool)
        np.testing.assert_allclose(expit(Mean(False).combine(odds, present)), [[0.4, 0.4, 0.2]])
        np.testing.assert_allclose(expit(Max(False).combine(odds, present)), [[0.7, 0.6, 0.3]])


class TestSingle:
    def test_where_it_is_absent_the_others_mean_stands_in(self) -> None:
        held = held_out(True)
        fused = Single(True, 1).combine(held.logits, held.present)
        here = held.present[1]
        np.testing.assert_array_equal(fused[here], held.logits[1][here])
        np.testing.assert_array_equal(fused[~here], Mean(True).combine(held.logits, held.present)[~here])


def log_likelihood(fused: np.ndarray, held: Held, exclusive: bool) -> float:
    if exclusive:
        return float(log_softmax(fused, axis=1)[np.arange(len(held.truth)), held.truth].mean())
    return float((held.truth * fused - np.logaddexp(0, fused)).sum(1).mean())


class TestOpinionPool:
    @pytest.mark.parametrize("absences", [0.0, 0.4])
    def test_its_gradient_is_the_slope(self, exclusive: bool, absences: float) -> None:
        held = held_out(exclusive, absences=absences)
        logits = np.nan_to_num(held.logits)
        random = np.random.default_rng(5)
        pool = OpinionPool(exclusive)
        for _ in range(5):
            values = random.uniform(0.2, 2, 3 if exclusive else 4)
            args = (logits, held.present, held.truth)
            off = check_grad(
                lambda v, *a: pool._loss(v, *a)[0], lambda v, *a: pool._loss(v, *a)[1], values, *args
            )
            assert off < 1e-5

    def test_the_loss_it_lowers_is_that_of_what_it_says(self, exclusive: bool) -> None:
        held = held_out(exclusive)
        pool = OpinionPool(exclusive).fit(held.logits, held.present, held.truth)
        values = np.append(pool.weights, [] if exclusive else [pool.bias])
        loss, _ = pool._loss(values, np.nan_to_num(held.logits), held.present, held.truth)
        fused = pool.combine(held.logits, held.present)
        assert loss == pytest.approx(-log_likelihood(fused, held, exclusive))

    @pytest.mark.parametrize("seed", range(4))
    def test_it_fits_at_least_as_well_as_its_best_classifier(self, exclusive: bool, seed: int) -> None:
        held = held_out(exclusive, absences=0, products=80, seed=seed)
        fused = (
            OpinionPool(exclusive)
            .fit(held.logits, held.present, held.truth)
            .combine(held.logits, held.present)
        )
        singles = [log_likelihood(mine, held, exclusive) for mine in held.logits]
        assert log_likelihood(fused, held, exclusive) >= max(singles) - 1e-4

    def test_a_classifier_that_knows_nothing_weighs_nothing(self, exclusive: bool) -> None:
        held = held_out(exclusive, classifiers=2, absences=0, products=400)
        held.logits[1] = np.random.default_rng(6).permutation(held.logits[1])
        weights = OpinionPool(exclusive).fit(held.logits, held.present, held.truth).weights
        assert weights[1] < 0.15 * weights[0]

    def test_it_recovers_the_scale_of_overconfident_scores(self) -> None:
        random = np.random.default_rng(7)
        logits = random.normal(size=(4000, OUTCOMES)) * 1.5
        truth = np.array([random.choice(OUTCOMES, p=row) for row in np.exp(log_softmax(logits, axis=1))])
        told = log_softmax(logits * 4, axis=1)[None]
        pool = OpinionPool(True).fit(told, np.ones((1, 4000), bool), truth)
        assert pool.weights[0] == pytest.approx(0.25, rel=0.1)

    def test_weights_of_those_present_keep_their_sum(self) -> None:
        pool = OpinionPool(False).load_state({"weights": [1.0, 3.0], "bias": 0.5}, 2)
        logits = np.array([[[1.0, -2.0]], [[0.5, 4.0]]])
        first = pool.combine(logits, np.array([[True], [False]]))
        np.testing.assert_allclose(first, 4 * logits[0] + 0.5)

    def test_those_present_weigh_nothing(self) -> None:
        pool = OpinionPool(True).load_state({"weights": [0.0, 0.0, 2.0], "bias": 0.0}, 3)
        held = held_out(True, absences=0)
        present = np.repeat(np.array([[True], [True], [False]]), len(held.truth), axis=1)
        fused = pool.combine(held.logits, present)
        np.testing.assert_allclose(fused, log_softmax(held.logits[:2].mean(0) * 2, axis=1))

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 4), st.integers(1, 12), st.floats(0, 1), st.booleans(), st.integers(0, 999))
    def test_whatever_is_held_out_the_fit_is_finite(
        self, classifiers: int, products: int, absences: float, exclusive: bool, seed: int
    ) -> None:
        held = held_out(exclusive, classifiers, products, absences, seed)
        pool = OpinionPool(exclusive).fit(held.logits, held.present, held.truth)
        assert np.isfinite(pool.weights).all()
        assert (pool.weights >= 0).all()
        assert pool.weights.sum() > 0
        assert np.isfinite(pool.combine(held.logits, held.present)).all()
