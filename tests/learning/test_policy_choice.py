"""Which late fusion policy is taken."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from shelfwise.fusion.blend import Blend
from shelfwise.fusion.mean import Mean
from shelfwise.fusion.policies import POLICIES
from shelfwise.learning.policy_choice import choose_policy
from shelfwise.learning.policy_trials import Judges
from shelfwise.progress import Silent
from shelfwise.recipe.fusion import FusionRecipe
from shelfwise.taxonomy.targets import PathTarget

PATHS = PathTarget.from_truth([("a", "x"), ("a", "y"), ("b",)])
PRODUCTS = 600


class Favours(Mean):
    """Leans to one outcome."""

    favoured = 0

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        said = logits.mean(0).copy()
        said[:, self.favoured] += 0.7
        return log_softmax(said, axis=1)


class FavoursFirst(Favours):
    kind = "favours_first"


class FavoursLast(Favours):
    kind = "favours_last"
    favoured = 2


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> Judges:
    """Two classifiers that are mostly right, and two policies that lean to different sides."""
    for policy in (FavoursFirst, FavoursLast):
        monkeypatch.setitem(POLICIES, policy.kind, policy)
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, PRODUCTS)
    logits = np.stack([2 * np.eye(3)[truth] + random.normal(0, 1, (PRODUCTS, 3)) for _ in range(2)])
    present = np.ones((2, PRODUCTS), bool)
    said = log_softmax(logits, axis=2).astype(np.float32)
    return Judges(True, said, present, truth, np.arange(PRODUCTS), 0)


def test_policies_that_err_apart_are_blended(judges: Judges) -> None:
    recipe = FusionRecipe(policies=["favours_first", "favours_last"])
    chosen = choose_policy(recipe, PATHS, ["one", "two"], judges, judges.truth, Silent())
    assert isinstance(chosen.policy, Blend)
    assert set(chosen.told.split(" + ")) == {"favours_first", "favours_last"}
    alone = max(chosen.scores["favours_first"], chosen.scores["favours_last"])
    assert chosen.scores[chosen.told] > alone + 0.01
    right = (chosen.fused.argmax(1) == judges.truth).mean()
    assert right == pytest.approx(chosen.scores[chosen.told])
    again = chosen.policy.combine(judges.logits, judges.present)
    np.testing.assert_allclose(log_softmax(chosen.fused, axis=1), again, atol=1e-5)


def test_not_where_the_recipe_wants_one(judges: Judges) -> None:
    recipe = FusionRecipe(policies=["favours_first", "favours_last"], blend=False)
    chosen = choose_policy(recipe, PATHS, ["one", "two"], judges, judges.truth, Silent())
    assert chosen.told in ("favours_first", "favours_last")
    assert set(chosen.scores) == {"one", "two", "favours_first", "favours_last"}


def test_a_policy_that_makes_it_worse_is_left_out(judges: Judges) -> None:
    recipe = FusionRecipe(policies=["mean", "favours_first"])
    chosen = choose_policy(recipe, PATHS, ["one", "two"], judges, judges.truth, Silent())
    assert chosen.told == "mean"


def test_a_blend_of_more_is_never_taken_for_the_worse(judges: Judges) -> None:
    recipe = FusionRecipe(policies=["favours_last", "max", "favours_first"])
    chosen = choose_policy(recipe, PATHS, ["one", "two"], judges, judges.truth, Silent())
    best = max(score for name, score in chosen.scores.items() if " + " not in name)
    assert chosen.scores[chosen.told] >= best


def test_a_blend_that_the_recipe_names_is_no_part_of_another(judges: Judges) -> None:
    named = {"kind": "blend", "policies": ["favours_first", "favours_last"]}
    recipe = FusionRecipe(policies=["favours_first", named, "max"])
    chosen = choose_policy(recipe, PATHS, ["one", "two"], judges, judges.truth, Silent())
    assert chosen.told == "favours_first + favours_last"
    recipe = FusionRecipe(policies=["favours_first", {"kind": "blend", "policies": ["max", "favours_first"]}])
    chosen = choose_policy(recipe, PATHS, ["one", "two"], judges, judges.truth, Silent())
    assert chosen.told in ("favours_first", "max + favours_first")
