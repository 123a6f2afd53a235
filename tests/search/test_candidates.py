"""Recipes to try: what cannot work is refused before anything is trained, and what a trial touches is known."""

from __future__ import annotations

from typing import Any

import pytest

from shelfwise.errors import RecipeError
from shelfwise.search.bench import Bench
from shelfwise.search.candidates import Candidates, default_space
from shelfwise.search.space import parse_space


def candidates(bench: Bench, block: dict[str, Any], **changes: Any) -> Candidates:
    return Candidates(bench.recipe.model_copy(update=changes), parse_space(block), bench.target)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"classifiers.words.dropout": {"low": 0.5, "high": 1.5}}, ["classifiers.words.dropout", "1.5"]),
        ({"classifiers.words.epochs": {"low": 0.5, "high": 3.0}}, ["classifiers.words.epochs", "0.5"]),
        ({"classifiers.words.solver": {"choices": ["gradient", "newton"]}}, ["newton"]),
        ({"classifiers.words.head": {"choices": ["tree", "bush"]}}, ["bush", "expected a head"]),
        ({"classifiers.words.inputs": {"choices": [["title"], ["tilte"]]}}, ["tilte", "none of the inputs"]),
        ({"classifiers.words.rank": {"low": 2, "high": 8}, "classifiers.words.solver": {"choices": ["svm", "x"]}}, ["'x'"]),
        ({"fusion.policies.policy_network.widths": {"choices": [[10], []]}}, ["widths", "[]"]),
        ({"fusion.policies.mean": {"choices": ["mean", "meen"]}}, ["meen", "did you mean 'mean'?"]),
        ({"inputs.title.encoder": {"choices": [{"kind": "ngrams"}, {"kind": "number"}]}}, ["number", "text"]),
        ({"inputs.title.encoder.min_products": {"low": 1, "high": 2.5}}, ["min_products", "2.5"]),
        ({"classifiers.words.solver": {"low": 1, "high": 2}}, ["expected choices", "gradient"]),
        (
            {"fusion.policies.1.widths": {"choices": [[1], [2]]}, "fusion.policies.policy_network": {"choices": ["max", "mean"]}},
            ["same field"],
        ),
    ],
)  # fmt: skip
def test_what_is_refused(quick_bench: Bench, block: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(RecipeError) as refused:
        candidates(quick_bench, block)
    for word in words:
        assert word in str(refused.value)


def test_values_that_only_work_together_are_allowed(quick_bench: Bench) -> None:
    found = candidates(
        quick_bench,
        {
            "fusion.policies.policy_network.widths": {"choices": [[4], [5, 5]]},
            "fusion.policies.policy_network.activations": {"choices": [["relu"], ["sigmoid", "tanh"]]},
        },
    )
    together = {
        "fusion.policies.policy_network.widths": [5, 5],
        "fusion.policies.policy_network.activations": ["sigmoid", "tanh"],
    }
    spec = found.recipe(together).fusion.policies[1]
    assert isinstance(spec, dict)
    assert spec["activations"] == ["sigmoid", "tanh"]
    with pytest.raises(RecipeError, match="activation"):
        found.recipe(together | {"fusion.policies.policy_network.widths": [4]})


def test_only_what_is_searched_changes(quick_bench: Bench) -> None:
    found = candidates(quick_bench, {"classifiers.words.sparse_learning_rate": {"low": 0.1, "high": 1}})
    recipe = found.recipe({"classifiers.words.sparse_learning_rate": 0.7})
    assert recipe.classifiers[0].sparse_learning_rate == 0.7
    assert recipe.model_copy(update={"classifiers": quick_bench.recipe.classifiers}) == quick_bench.recipe
    assert found.recipe({}) == quick_bench.recipe


def test_whole_numbers_stay_whole_where_the_field_is(quick_bench: Bench) -> None:
    found = candidates(
        quick_bench,
        {
            "classifiers.words.epochs": {"low": 1, "high": 9},
            "classifiers.words.weight_decay": {"low": 0, "high": 1},
        },
    )
    epochs, decay = (one.domain for one in found.dimensions)
    assert epochs.to_json()["whole"]
    assert not decay.to_json()["whole"]


@pytest.mark.parametrize(
    ("path", "touched"),
    [
        ("classifiers.words.epochs", {"words"}),
        ("inputs.brand.encoder.min_products", {"brand"}),
        ("training.patience", {"words", "brand"}),
        ("fusion.policies.policy_network.epochs", set()),
    ],
)
def test_what_is_trained_again(quick_bench: Bench, path: str, touched: set[str]) -> None:
    assert candidates(quick_bench, {path: {"low": 1, "high": 5}}).touched_classifiers() == touched


def test_which_policies_are_judged(quick_bench: Bench) -> None:
    one = candidates(quick_bench, {"fusion.policies.policy_network.epochs": {"low": 1, "high": 5}})
    whole = candidates(quick_bench, {"fusion.policies": {"choices": [["mean"], ["max"]]}})
    assert (one.touched_policies(), whole.touched_policies()) == ({1}, set())


def test_the_start_is_known_where_it_can_be_tried(quick_bench: Bench) -> None:
    inside = candidates(quick_bench, {"classifiers.words.epochs": {"low": 1, "high": 9}})
    outside = candidates(quick_bench, {"classifiers.words.epochs": {"low": 5, "high": 9}})
    assert (inside.start(), outside.start()) == ({"classifiers.words.epochs": 4}, None)


def test_the_default_space_is_the_policy_network(quick_bench: Bench) -> None:
    space = default_space(quick_bench.recipe)
    assert {path.split(".")[2] for path in space} == {"policy_network"}
    assert {path.split(".")[3] for path in space} >= {"widths", "activations", "learning_rate"}
    Candidates(quick_bench.recipe, None, quick_bench.target)


def test_nothing_to_tune_by_default(quick_bench: Bench) -> None:
    alone = quick_bench.recipe.model_copy(update={"classifiers": quick_bench.recipe.classifiers[:1]})
    with pytest.raises(RecipeError, match="block 'search'"):
        Candidates(alone, None, quick_bench.target)
    with pytest.raises(RecipeError, match="nothing to fuse"):
        candidates(
            quick_bench,
            {"fusion.policies.policy_network.epochs": {"low": 1, "high": 5}},
            classifiers=quick_bench.recipe.classifiers[:1],
        )
