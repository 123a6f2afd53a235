"""One suite for every late fusion policy, and how they are built from a recipe."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_softmax
from tests.fusion.held_out import OUTCOMES, held_out, right

from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.fusion import POLICIES, build_policy
from shelfwise.fusion.base import Policy

TREATS_OUTCOMES_ALIKE = ("opinion_pool", "mean", "max", "single", "selected")
"""What all classifiers say is likeliest, they say too; the others learn which outcomes to believe and which go together."""

HOLD_NETWORKS = ("policy_network", "blend")
"""Networks stop when it is best for all products, and take their time."""


@pytest.fixture(params=[True, False], ids=["paths", "labels"])
def exclusive(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@cache
def fit(kind: str, exclusive: bool, products: int = 40) -> Policy:
    held = held_out(exclusive, products=products)
    return held.fit(build_policy(kind, exclusive), groups=np.arange(products) // 2)


@pytest.fixture(params=POLICIES)
def fitted(request: pytest.FixtureRequest, exclusive: bool) -> Policy:
    return fit(request.param, exclusive)


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

    def test_what_is_absent_is_not_learned_from(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive)
        filled = np.where(held.present[..., None], held.logits, 1e6)
        again = build_policy(fitted.kind, fitted.exclusive)
        again.fit(filled, held.present, held.truth, groups=np.arange(40) // 2)
        np.testing.assert_array_equal(
            again.combine(held.logits, held.present), fitted.combine(held.logits, held.present)
        )

    def test_products_do_not_interact(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive, seed=1)
        fused = fitted.combine(held.logits, held.present)
        order = np.random.default_rng(2).permutation(len(held.truth))
        shuffled = held.take(order)
        np.testing.assert_allclose(
            fitted.combine(shuffled.logits, shuffled.present), fused[order], rtol=1e-12, atol=1e-12
        )
        parts = [held.take(rows) for rows in (np.arange(1), np.arange(1, 17), np.arange(17, len(order)))]
        alone = np.concatenate([fitted.combine(part.logits, part.present) for part in parts])
        np.testing.assert_allclose(alone, fused, rtol=1e-12, atol=1e-12)

    def test_exclusive_probabilities_sum_to_one(self, fitted: Policy) -> None:
        policy = fit(fitted.kind, True)
        held = held_out(True, seed=1)
        np.testing.assert_allclose(np.exp(policy.combine(held.logits, held.present)).sum(1), 1)

    def test_one_classifier_says_what_it_says(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive, classifiers=1, absences=0)
        policy = build_policy(fitted.kind, fitted.exclusive)
        fused = policy.combine(held.logits, held.present)
        np.testing.assert_allclose(
            probabilities(policy, fused), probabilities(policy, held.logits[0]), atol=1e-6
        )

    def test_the_only_one_present_decides(self, fitted: Policy) -> None:
        large = fitted.kind not in TREATS_OUTCOMES_ALIKE
        policy = fit(fitted.kind, fitted.exclusive, 600) if large else fitted
        held = held_out(fitted.exclusive, seed=1, products=600)
        for which in range(3):
            present = np.zeros_like(held.present)
            present[which] = held.present[which]
            here = present[which]
            fused = policy.combine(held.logits, present)[here]
            mine = held.logits[which][here]
            if large:
                these = held.take(np.flatnonzero(here))
                expected = right(mine, these, policy.exclusive)
                assert right(fused, these, policy.exclusive) >= expected - 0.03
            elif policy.exclusive:
                assert (fused.argmax(1) == mine.argmax(1)).all()
            else:
                assert (np.argsort(fused, axis=1) == np.argsort(mine, axis=1)).all()

    def test_with_enough_to_learn_from_it_beats_the_worst_by_far(self, fitted: Policy) -> None:
        if fitted.kind in ("max", "single"):
            pytest.skip("does not weigh")
        held = held_out(fitted.exclusive, seed=1, products=600, absences=0)
        fused = fit(fitted.kind, fitted.exclusive, 600).combine(held.logits, held.present)
        singles = [right(mine, held, fitted.exclusive) for mine in held.logits]
        assert right(fused, held, fitted.exclusive) > np.mean(singles) + 0.05

    def test_nobody_present_is_finite_and_favours_nothing(self, fitted: Policy) -> None:
        logits = np.full((3, 2, OUTCOMES), np.nan)
        fused = fitted.combine(logits, np.zeros((3, 2), bool))
        assert np.isfinite(fused).all()
        assert np.ptp(fused) == 0

    def test_no_products(self, fitted: Policy) -> None:
        assert fitted.combine(np.zeros((3, 0, OUTCOMES)), np.zeros((3, 0), bool)).shape == (0, OUTCOMES)

    def test_fit_on_no_products(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive)
        policy = held.take(np.zeros(0, np.int64)).fit(build_policy(fitted.kind, fitted.exclusive))
        assert np.isfinite(policy.combine(held.logits, held.present)).all()

    def test_fit_where_nobody_is_present(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive)
        policy = build_policy(fitted.kind, fitted.exclusive)
        policy.fit(held.logits, np.zeros_like(held.present), held.truth)
        assert np.isfinite(policy.combine(held.logits, held.present)).all()

    def test_a_product_of_unknown_answer_teaches_nothing(self, fitted: Policy) -> None:
        held = held_out(True)
        known = np.arange(40) % 5 > 0
        marked = np.where(known, held.truth, -1)
        groups = np.arange(40) // 2
        some = held.take(np.flatnonzero(known)).fit(build_policy(fitted.kind, True), groups=groups[known])
        marking = build_policy(fitted.kind, True).fit(held.logits, held.present, marked, groups)
        np.testing.assert_array_equal(
            marking.combine(held.logits, held.present), some.combine(held.logits, held.present)
        )

    def test_the_same_seed_gives_the_same_policy(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive)
        again = held.fit(build_policy(fitted.kind, fitted.exclusive), groups=np.arange(40) // 2)
        np.testing.assert_array_equal(
            again.combine(held.logits, held.present), fitted.combine(held.logits, held.present)
        )

    def test_fitted_again_it_forgets(self, fitted: Policy) -> None:
        held, other = held_out(fitted.exclusive), held_out(fitted.exclusive, seed=7)
        again = other.fit(build_policy(fitted.kind, fitted.exclusive))
        held.fit(again, groups=np.arange(40) // 2)
        np.testing.assert_array_equal(
            again.combine(held.logits, held.present), fitted.combine(held.logits, held.present)
        )

    def test_saved_and_loaded_it_says_the_same(self, fitted: Policy) -> None:
        policy = fit(fitted.kind, fitted.exclusive, 600)
        held = held_out(fitted.exclusive, seed=1)
        state, spec = json.loads(json.dumps([policy.state(), policy.spec]))
        again = build_policy(spec, fitted.exclusive).load_state(state, policy.arrays(), 3, OUTCOMES)
        np.testing.assert_array_equal(
            again.combine(held.logits, held.present), policy.combine(held.logits, held.present)
        )

    def test_arrays_that_do_not_fit_are_refused(self, fitted: Policy) -> None:
        policy = fit(fitted.kind, fitted.exclusive, 600)
        arrays = policy.arrays()
        wrong: list[dict[str, np.ndarray]] = [{**arrays, "more": np.zeros(3, np.float32)}]
        for key, array in arrays.items():
            wrong += [
                {name: one for name, one in arrays.items() if name != key},
                {**arrays, key: array[:-1]},
                {**arrays, key: array.astype(np.float64)},
                {**arrays, key: np.full_like(array, np.nan)},
            ]
        for bad in wrong:
            with pytest.raises(ModelFolderError, match="expected"):
                build_policy(policy.spec, fitted.exclusive).load_state(policy.state(), bad, 3, OUTCOMES)

    def test_a_state_that_lacks_anything_is_refused(self, fitted: Policy) -> None:
        policy = fit(fitted.kind, fitted.exclusive, 600)
        for key in policy.state():
            for bad in ({}, {key: "x"}, {key: [1, float("nan"), 1]}, {key: {}}, {key: -(10**9)}):
                state = {name: value for name, value in policy.state().items() if name != key} | bad
                with pytest.raises(ModelFolderError, match="expected"):
                    build_policy(policy.spec, fitted.exclusive).load_state(
                        state, policy.arrays(), 3, OUTCOMES
                    )

    def test_agreement_is_kept(self, fitted: Policy) -> None:
        """Where all say the same outcome is likeliest, so does the policy."""
        if fitted.kind not in TREATS_OUTCOMES_ALIKE:
            pytest.skip("may have learned that they are wrong together")
        random = np.random.default_rng(3)
        one = random.normal(size=(1, 10, OUTCOMES)) * 2
        one = log_softmax(one, axis=2) if fitted.exclusive else one
        fused = fitted.combine(np.repeat(one, 3, axis=0), np.ones((3, 10), bool))
        assert (fused.argmax(1) == one[0].argmax(1)).all()

    @pytest.mark.parametrize("hits", [0, 1])
    def test_a_label_with_one_product_or_none(self, fitted: Policy, hits: int) -> None:
        held = held_out(False, products=60)
        held.truth[:, 1] = 0
        held.truth[:hits, 1] = 1
        fused = held.fit(build_policy(fitted.kind, False)).combine(held.logits, held.present)
        assert np.isfinite(fused).all()
        held.truth[:] = 0
        fused = held.fit(build_policy(fitted.kind, False)).combine(held.logits, held.present)
        assert np.isfinite(fused).all()

    def test_all_products_in_one_group(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive, products=60)
        policy = held.fit(build_policy(fitted.kind, fitted.exclusive), groups=np.zeros(60, np.int64))
        assert np.isfinite(policy.combine(held.logits, held.present)).all()

    def test_cross_fitting_fits_and_speaks_of_each_by_what_others_taught(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive, products=200)
        groups = np.arange(200) // 2
        policy = build_policy(fitted.kind, fitted.exclusive)
        crossed = policy.cross_fit(held.logits, held.present, held.truth, groups, 3)
        assert crossed.shape == held.logits.shape[1:]
        assert np.isfinite(crossed).all()
        plain = held.fit(build_policy(fitted.kind, fitted.exclusive), groups=groups, seed=3)
        np.testing.assert_array_equal(
            policy.combine(held.logits, held.present), plain.combine(held.logits, held.present)
        )
        # What a group's own answers say of it makes no difference but to what all folds share.
        other = held.truth.copy()
        other[:2] = (other[:2] + 1) % OUTCOMES if fitted.exclusive else 1 - other[:2]
        again = build_policy(fitted.kind, fitted.exclusive)
        changed = again.cross_fit(held.logits, held.present, other, groups, 3)
        if fitted.kind not in HOLD_NETWORKS:
            np.testing.assert_array_equal(changed[:2], crossed[:2])

    def test_single_precision_is_enough(self, fitted: Policy) -> None:
        held = held_out(fitted.exclusive)
        logits = held.logits.astype(np.float32)
        policy = build_policy(fitted.kind, fitted.exclusive).fit(logits, held.present, held.truth)
        assert np.isfinite(policy.combine(logits, held.present)).all()


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(set(POLICIES) - set(HOLD_NETWORKS))),
    st.integers(1, 4),
    st.integers(1, 30),
    st.floats(0, 1),
    st.booleans(),
    st.integers(0, 999),
)
def test_whatever_is_held_out_what_is_said_is_finite(
    kind: str, classifiers: int, products: int, absences: float, exclusive: bool, seed: int
) -> None:
    held = held_out(exclusive, classifiers, products, absences, seed)
    policy = held.fit(build_policy(kind, exclusive))
    assert np.isfinite(policy.combine(held.logits, held.present)).all()


class TestBuilding:
    def test_an_unknown_policy_names_the_nearest(self) -> None:
        with pytest.raises(RecipeError, match="got 'opinion'; did you mean 'opinion_pool'"):
            build_policy("opinion", True)

    def test_an_unknown_option_names_the_nearest(self) -> None:
        with pytest.raises(RecipeError, match="got 'width'; did you mean 'widths'"):
            build_policy({"kind": "policy_network", "width": [3]}, True)

    def test_an_option_where_there_are_none(self) -> None:
        with pytest.raises(RecipeError, match="expected no options for the policy 'mean', got 'weights'"):
            build_policy({"kind": "mean", "weights": [1]}, True)

    @pytest.mark.parametrize(
        "spec",
        [
            {"kind": "policy_network", "widths": []},
            {"kind": "policy_network", "widths": [0]},
            {"kind": "policy_network", "activations": ["sine"]},
            {"kind": "policy_network", "widths": [3], "activations": ["relu", "tanh"]},
            {"kind": "policy_network", "preset": "paper"},
            {"kind": "policy_network", "dropout": 1.0},
            {"kind": "policy_network", "learning_rate": float("nan")},
            {"kind": "ridge", "alphas": []},
            {"kind": "ridge", "alphas": [-1.0]},
            {"kind": "ridge", "alphas": [float("inf")]},
            {"kind": "selected", "metric": "luck"},
            {"kind": "category_pool", "shrinkage": 0},
        ],
    )
    def test_a_value_that_cannot_work(self, spec: dict[str, Any]) -> None:
        with pytest.raises(RecipeError, match="cannot use"):
            build_policy(spec, True)

    def test_a_policy_is_told_by_what_is_not_usual(self) -> None:
        assert build_policy("ridge", True).name == "ridge"
        assert build_policy("ridge", True).spec == "ridge"
        policy = build_policy({"kind": "policy_network", "widths": [8], "dropout": 0.3}, True)
        assert policy.spec == {"kind": "policy_network", "widths": [8]}
        assert policy.name == "policy_network(widths=[8])"

    def test_what_a_preset_says_is_not_repeated(self) -> None:
        spec = {"kind": "policy_network", "preset": "paper_trimodal", "epochs": 5}
        policy = build_policy(spec, False)
        assert policy.spec == spec
        again = build_policy(policy.spec, False)
        assert again.options == policy.options
