"""The opinion pool's weights: what they minimise, and what they mean where classifiers are absent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.special import log_softmax
from tests.fusion.held_out import OUTCOMES, held_out, likelihood

from shelfwise.errors import ModelFolderError
from shelfwise.fusion.base import HeldOut
from shelfwise.fusion.opinion_pool import OpinionPool

BAD_STATES: list[dict[str, Any]] = [
    {},
    {"weights": [1, 1, 1]},
    {"weights": [1, 1], "bias": 0},
    {"weights": [1, 1, -1], "bias": 0},
    {"weights": [1, 1, float("nan")], "bias": 0},
    {"weights": [1, 1, float("inf")], "bias": 0},
    {"weights": [1, 1, 10**400], "bias": 0},
    {"weights": [1, 1, "1"], "bias": 0},
    {"weights": [1, 1, True], "bias": 0},
    {"weights": [1, 1, 1], "bias": None},
    {"weights": [1, 1, 1], "bias": float("nan")},
    {"weights": {"a": 1}, "bias": 0},
]


@pytest.mark.parametrize("state", BAD_STATES)
def test_a_state_that_does_not_fit_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(ModelFolderError, match="expected"):
        OpinionPool(True).load_state(state, {}, 3, OUTCOMES)


@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
class TestFit:
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
        assert pool.weights is not None
        values = np.append(pool.weights, [] if exclusive else [pool.bias])
        loss, _ = pool._loss(values, np.nan_to_num(held.logits), held.present, held.truth)
        fused = pool.combine(held.logits, held.present)
        assert loss == pytest.approx(-likelihood(fused, held, exclusive))

    @pytest.mark.parametrize("seed", range(4))
    def test_it_fits_at_least_as_well_as_its_best_classifier(self, exclusive: bool, seed: int) -> None:
        held = held_out(exclusive, absences=0, products=80, seed=seed)
        fused = held.fit(OpinionPool(exclusive)).combine(held.logits, held.present)
        singles = [likelihood(mine, held, exclusive) for mine in held.logits]
        assert likelihood(fused, held, exclusive) >= max(singles) - 1e-4

    def test_a_classifier_that_knows_nothing_weighs_nothing(self, exclusive: bool) -> None:
        held = held_out(exclusive, classifiers=2, absences=0, products=400)
        held.logits[1] = np.random.default_rng(6).permutation(held.logits[1])
        weights = OpinionPool(exclusive).fit(held.logits, held.present, held.truth).weights
        assert weights is not None
        assert weights[1] < 0.15 * weights[0]


def test_it_recovers_the_scale_of_overconfident_scores() -> None:
    random = np.random.default_rng(7)
    logits = random.normal(size=(4000, OUTCOMES)) * 1.5
    truth = np.array([random.choice(OUTCOMES, p=row) for row in np.exp(log_softmax(logits, axis=1))])
    told = log_softmax(logits * 4, axis=1)[None]
    pool = OpinionPool(True).fit(told, np.ones((1, 4000), bool), truth)
    assert pool.weights is not None
    assert pool.weights[0] == pytest.approx(0.25, rel=0.1)


def test_weights_of_those_present_keep_their_sum() -> None:
    pool = OpinionPool(False).load_state({"weights": [1.0, 3.0], "bias": 0.5}, {}, 2, 2)
    logits = np.array([[[1.0, -2.0]], [[0.5, 4.0]]])
    first = pool.combine(logits, np.array([[True], [False]]))
    np.testing.assert_allclose(first, 4 * logits[0] + 0.5)


def test_those_present_weigh_nothing() -> None:
    pool = OpinionPool(True).load_state({"weights": [0.0, 0.0, 2.0], "bias": 0.0}, {}, 3, OUTCOMES)
    held = held_out(True, absences=0)
    present = np.repeat(np.array([[True], [True], [False]]), len(held.truth), axis=1)
    fused = pool.combine(held.logits, present)
    np.testing.assert_allclose(fused, log_softmax(held.logits[:2].mean(0) * 2, axis=1))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 12), st.floats(0, 1), st.booleans(), st.integers(0, 999))
def test_whatever_is_held_out_the_weights_are_finite(
    classifiers: int, products: int, absences: float, exclusive: bool, seed: int
) -> None:
    held = held_out(exclusive, classifiers, products, absences, seed)
    weights = OpinionPool(exclusive).fit(held.logits, held.present, held.truth).weights
    assert weights is not None
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    assert weights.sum() > 0


def test_of_very_many_scores_some_products_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    from shelfwise.fusion import base

    held = held_out(True, products=2_000)
    everything = OpinionPool(True).fit(held.logits, held.present, held.truth).weights
    monkeypatch.setattr(base, "_LEAST_LEARNED", 1)
    pool = OpinionPool(True)
    some = pool._learnable(HeldOut.of(held.logits, held.present, held.truth, None), 0, most_scores=700 * 12)
    assert len(some) == 700
    weights = OpinionPool(True).fit(
        np.where(some.present[..., None], some.logits, np.nan), some.present, some.truth
    )
    assert weights.weights == pytest.approx(everything, abs=0.1)
