"""The pool with weights of its own for each outcome."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fusion.held_out import confused, held_out, right

from shelfwise.fusion import build_policy
from shelfwise.fusion.base import HeldOut
from shelfwise.fusion.category_pool import CategoryPool
from shelfwise.fusion.opinion_pool import OpinionPool


@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_its_gradient_is_the_slope(exclusive: bool) -> None:
    held = held_out(exclusive)
    pool = CategoryPool(exclusive)
    pool._pool.fit(held.logits, held.present, held.truth)
    learnable = pool._learnable(HeldOut.of(held.logits, held.present, held.truth, None), 0)
    shares = np.stack([pool._pool.shares(learnable.present)] * 2)
    values = np.random.default_rng(0).normal(size=16) * 0.3
    _, gradient = pool._loss(values, learnable, shares)
    step = 1e-3 * np.eye(len(values))  # factors are kept in single precision: smaller steps drown
    slope = [
        (pool._loss(values + one, learnable, shares)[0] - pool._loss(values - one, learnable, shares)[0])
        / 2e-3
        for one in step
    ]
    np.testing.assert_allclose(gradient, slope, atol=1e-3)


def test_it_learns_who_knows_what() -> None:
    held, new = confused(), confused(seed=1)
    pooled = held.fit(OpinionPool(True)).combine(new.logits, new.present)
    fitted = held.fit(CategoryPool(True))
    assert right(fitted.combine(new.logits, new.present), new, True) > right(pooled, new, True) + 0.02
    factors = fitted.arrays()["factors"]
    assert (factors[0, 2:] > factors[1, 2:]).all()
    assert (factors[1, :2] > factors[0, :2]).all()


@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_held_tight_it_is_the_opinion_pool(exclusive: bool) -> None:
    held = held_out(exclusive)
    tight = held.fit(build_policy({"kind": "category_pool", "shrinkage": 1e6}, exclusive))
    pooled = held.fit(OpinionPool(exclusive)).combine(held.logits, held.present)
    np.testing.assert_allclose(tight.combine(held.logits, held.present), pooled, atol=1e-3)


def test_an_outcome_nobody_has_keeps_the_weights_of_all() -> None:
    held = held_out(False, products=300)
    held.logits[:, :, 3] = 0.0  # says nothing about the last label
    factors = held.fit(CategoryPool(False)).arrays()["factors"]
    np.testing.assert_allclose(factors[:, 3], 1, atol=1e-3)
    assert np.abs(factors[:, :3] - 1).max() > 0.01
