"""Ridge regression against scikit-learn, and what is done around it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import Ridge as SklearnRidge
from tests.fusion.held_out import OUTCOMES, confused, held_out, likelihood, right

from shelfwise.fusion import build_policy, ridge
from shelfwise.fusion.ridge import Ridge


def plain(alphas: list[float], exclusive: bool = False) -> Ridge:
    policy = build_policy({"kind": "ridge", "alphas": alphas, "hide_inputs": 0}, exclusive)
    assert isinstance(policy, Ridge)
    return policy


def test_its_weights_are_those_of_scikit_learn() -> None:
    held = held_out(False, products=200, absences=0)
    fitted = held.fit(plain([3.0]))
    values = expit(np.moveaxis(held.logits, 0, 1)).reshape(200, -1)
    theirs = SklearnRidge(alpha=3.0).fit(values, held.truth)
    weights = fitted.arrays()["weights"].reshape(3, OUTCOMES + 1, OUTCOMES)
    np.testing.assert_allclose(weights[:, :-1].reshape(-1, OUTCOMES), theirs.coef_.T, atol=1e-5)
    # A flag that is always up adds nothing.
    np.testing.assert_allclose(weights[:, -1], 0, atol=1e-6)
    np.testing.assert_allclose(fitted.arrays()["bias"], theirs.intercept_, atol=1e-5)


def test_logits_keep_the_order_of_the_regression() -> None:
    held = held_out(False, products=200, absences=0)
    fitted = held.fit(plain([3.0]))
    values = expit(np.moveaxis(held.logits, 0, 1)).reshape(200, -1)
    theirs = SklearnRidge(alpha=3.0).fit(values, held.truth).predict(values)
    fused = fitted.combine(held.logits, held.present)
    order = np.argsort(theirs.ravel())
    assert (np.diff(fused.ravel()[order]) > -1e-4).all()
    assert right(fused, held, False) > 0.85


def test_alpha_is_the_one_with_the_least_error_on_groups_left_out() -> None:
    held = held_out(False, products=120, absences=0, outcomes=3)
    groups = np.arange(120) // 3
    alphas = [0.01, 1.0, 30.0, 1000.0]
    fitted = held.fit(plain(alphas), groups=groups)
    assert isinstance(fitted, Ridge)
    # The same folds, by scikit-learn.
    random = np.random.default_rng(0)
    fold = (random.permutation(40) % 5)[groups]
    values = expit(np.moveaxis(held.logits, 0, 1)).reshape(120, -1)
    centre = values.mean(0), held.truth.mean(0)
    errors = []
    for alpha in alphas:
        error = 0.0
        for left in range(5):
            model = SklearnRidge(alpha=alpha, fit_intercept=False)
            model.fit(values[fold != left] - centre[0], held.truth[fold != left] - centre[1])
            said = model.predict(values[fold == left] - centre[0])
            error += float(((said - held.truth[fold == left] + centre[1]) ** 2).sum())
        errors.append(error)
    assert fitted.alpha == alphas[int(np.argmin(errors))]


def test_of_equally_good_strengths_the_strongest() -> None:
    held = held_out(True, products=60)
    held.logits[:] = np.where(np.isnan(held.logits), np.nan, np.log(1 / OUTCOMES))
    fitted = held.fit(plain([1.0, 10.0], exclusive=True))
    assert isinstance(fitted, Ridge)
    assert fitted.alpha == 10.0


@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_an_absent_classifier_is_stood_in_for_by_the_others(exclusive: bool) -> None:
    policy = build_policy("ridge", exclusive)
    assert isinstance(policy, Ridge)
    held = held_out(exclusive)
    values = policy.columns(held.logits, held.present)
    said = np.exp(held.logits) if exclusive else expit(held.logits)
    for product in range(40):
        here = held.present[:, product]
        np.testing.assert_allclose(values[product, here, :-1], said[here, product])
        np.testing.assert_allclose(
            values[product, ~here, :-1], said[here, product].mean(0)[None].repeat((~here).sum(), 0)
        )
        assert (values[product, :, -1] == here).all()


def test_its_probabilities_can_be_trusted() -> None:
    held, new = held_out(True, products=600), held_out(True, products=600, seed=1)
    fused = held.fit(build_policy("ridge", True)).combine(new.logits, new.present)
    assert likelihood(fused, new, True) > np.log(1 / OUTCOMES) * 0.8
    sure = np.exp(fused.max(1))
    assert sure.mean() == pytest.approx(right(fused, new, True), abs=0.08)


@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_with_very_many_outcomes_each_reads_its_own(exclusive: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "ALL_COLUMNS", 6)
    held, new = held_out(exclusive, products=400), held_out(exclusive, products=400, seed=1)
    fitted = held.fit(build_policy("ridge", exclusive))
    assert fitted.arrays()["weights"].shape == (3, OUTCOMES, 2)
    fused = fitted.combine(new.logits, new.present)
    singles = [right(np.nan_to_num(mine), new, exclusive) for mine in new.logits]
    assert right(fused, new, exclusive) > max(singles)
    again = build_policy("ridge", exclusive).load_state(fitted.state(), fitted.arrays(), 3, OUTCOMES)
    np.testing.assert_array_equal(again.combine(new.logits, new.present), fused)


def test_its_own_weights_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "ALL_COLUMNS", 6)
    held = held_out(False, products=200, absences=0)
    fitted = held.fit(plain([3.0]))
    for outcome in range(OUTCOMES):
        values = expit(held.logits[:, :, outcome].T)
        theirs = SklearnRidge(alpha=3.0).fit(values, held.truth[:, outcome])
        np.testing.assert_allclose(fitted.arrays()["weights"][:, outcome, 0], theirs.coef_, atol=1e-5)
        assert fitted.arrays()["bias"][outcome] == pytest.approx(theirs.intercept_, abs=1e-5)


def test_it_learns_who_knows_what() -> None:
    held, new = confused(), confused(seed=1)
    fused = held.fit(build_policy("ridge", True)).combine(new.logits, new.present)
    assert right(fused, new, True) > 0.9
