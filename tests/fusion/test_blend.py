"""The mean of several policies."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import log_softmax
from tests.fusion.held_out import confused, held_out, likelihood

from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.fusion import build_policy
from shelfwise.fusion.blend import Blend

TWO = {"kind": "blend", "policies": ["opinion_pool", "mean"]}


@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_it_says_the_mean_of_what_its_parts_say(exclusive: bool) -> None:
    held, new = held_out(exclusive), held_out(exclusive, seed=1)
    said = [
        held.fit(build_policy(kind, exclusive)).combine(new.logits, new.present)
        for kind in ("opinion_pool", "mean")
    ]
    expected = np.mean(said, axis=0)
    if exclusive:
        expected = log_softmax(expected, axis=1)
    blended = held.fit(build_policy(TWO, exclusive)).combine(new.logits, new.present)
    np.testing.assert_allclose(blended, expected, atol=1e-12)


def test_of_fitted_parts_nothing_is_fitted_again() -> None:
    held, new = held_out(True), held_out(True, seed=1)
    parts = [held.fit(build_policy(kind, True)) for kind in ("opinion_pool", "mean")]
    blend, fitted = Blend.of(parts), held.fit(build_policy(TWO, True))
    assert blend.name == "opinion_pool + mean"
    assert build_policy(blend.spec, True).name == blend.name
    np.testing.assert_array_equal(
        blend.combine(new.logits, new.present), fitted.combine(new.logits, new.present)
    )


def test_it_is_likelier_right_than_its_parts_are_on_average() -> None:
    """The logarithm is concave: no luck is needed."""
    held, new = confused(), confused(seed=1)
    kinds = ("opinion_pool", "mean", "max")
    apart = [
        likelihood(held.fit(build_policy(kind, True)).combine(new.logits, new.present), new, True)
        for kind in kinds
    ]
    blend = held.fit(build_policy({"kind": "blend", "policies": kinds}, True))
    assert likelihood(blend.combine(new.logits, new.present), new, True) > np.mean(apart)


class TestRefused:
    def test_a_blend_of_blends(self) -> None:
        with pytest.raises(RecipeError, match="no blends themselves"):
            build_policy({"kind": "blend", "policies": ["mean", "blend"]}, True)

    def test_a_blend_of_one(self) -> None:
        with pytest.raises(RecipeError, match="option 'policies' of the policy 'blend'"):
            build_policy({"kind": "blend", "policies": ["mean"]}, True)

    def test_an_unknown_part_names_the_nearest(self) -> None:
        with pytest.raises(RecipeError, match="got 'maen'; did you mean 'mean'"):
            build_policy({"kind": "blend", "policies": ["maen", "max"]}, True)

    @pytest.mark.parametrize("parts", [None, [], [{}], [{}, []], "ab", {"0": {}, "1": {}}])
    def test_states_that_are_not_its_own(self, parts: object) -> None:
        with pytest.raises(ModelFolderError, match="states of a blend's 2 policies"):
            build_policy(TWO, True).load_state({"parts": parts}, {}, 3, 4)

    def test_arrays_that_are_not_its_own(self) -> None:
        fitted = held_out(True).fit(build_policy(TWO, True))
        state = json.loads(json.dumps(fitted.state()))
        for name in ("part_0/weights", "part_2/weights", "weights", "part_"):
            with pytest.raises(ModelFolderError, match="expected no array"):
                build_policy(TWO, True).load_state(state, {name: np.zeros(3, np.float32)}, 3, 4)
