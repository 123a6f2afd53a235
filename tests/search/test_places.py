"""Dotted paths lead to exactly one field of a recipe, by name or by number, and what must not change is refused."""

from __future__ import annotations

from typing import Any

import pytest

from shelfwise.errors import RecipeError
from shelfwise.fusion import build_policy
from shelfwise.recipe import Recipe
from shelfwise.search.places import Fields, overlap, put

RECIPE: dict[str, Any] = {
    "target": "category",
    "inputs": [
        {"name": "title", "role": "text", "encoder": {"kind": "ngrams", "words": [1, 2], "chars": None}},
        {"name": "v1.brand", "role": "category", "encoder": {"kind": "one_hot", "min_products": 2}},
    ],
    "classifiers": [
        {"name": "words", "inputs": ["title", "v1.brand"], "solver": "svm"},
        {
            "name": "early",
            "inputs": ["title", "v1.brand"],
            "hidden": [16],
            "head": {"kind": "tree", "smoothing": 0.1},
        },
    ],
    "fusion": {"policies": ["policy_network", "mean", {"kind": "policy_network", "widths": [7]}]},
}


@pytest.mark.parametrize(
    ("path", "place", "value"),
    [
        ("classifiers.words.regularisation", ("classifiers", 0, "regularisation"), 1.5),
        ("classifiers.1.hidden", ("classifiers", 1, "hidden"), [16]),
        ("classifiers.early.head.smoothing", ("classifiers", 1, "head", "smoothing"), 0.1),
        ("classifiers.words.head", ("classifiers", 0, "head"), {"kind": "auto"}),
        ("inputs.title.encoder.words", ("inputs", 0, "encoder", "words"), [1, 2]),
        ("inputs.v1.brand.encoder.min_products", ("inputs", 1, "encoder", "min_products"), 2),
        ("fusion.policies.0.widths", ("fusion", "policies", 0, "widths"), [100]),
        ("fusion.policies.2.widths", ("fusion", "policies", 2, "widths"), [7]),
        ("fusion.policies.mean", ("fusion", "policies", 1), {"kind": "mean"}),
        ("training.patience", ("training", "patience"), 3),
    ],
)
def test_paths(path: str, place: tuple[str | int, ...], value: Any) -> None:
    fields = Fields(Recipe(**RECIPE))
    assert fields.find(path) == place
    assert fields.value(place) == value


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("classifiers.words.regularization", "classifiers.words.regularisation"),
        ("clasifiers.words.epochs", "classifiers.words.epochs"),
        ("classifiers.word.epochs", "classifiers.words.epochs"),
        ("fusion.policies.0.width", "fusion.policies.0.widths"),
        ("inputs.title.encoder.charss", "inputs.title.encoder.chars"),
        ("classifiers.early.hidden.0", "classifiers.early.hidden"),
        ("classifiers.words.epochs.more", "classifiers.words.epochs"),
    ],
)
def test_the_nearest_path_is_named(path: str, nearest: str) -> None:
    with pytest.raises(RecipeError) as refused:
        Fields(Recipe(**RECIPE)).find(path)
    assert f"'{path}'" in str(refused.value)
    assert f"did you mean '{nearest}'?" in str(refused.value)


@pytest.mark.parametrize(
    "path", ["fusion.policies.policy_network.widths", "nowhere", "a.b.c", "..", "classifiers..words"]
)
def test_paths_that_lead_nowhere(path: str) -> None:
    with pytest.raises(RecipeError, match="did you mean"):
        Fields(Recipe(**RECIPE)).find(path)


@pytest.mark.parametrize(
    "path",
    [
        "preset", "image_model", "text_model", "target.columns", "target.min_products", "routing.precision", "training.seed",
        "training.folds", "training.held_out", "training", "inputs", "inputs.title", "inputs.title.role",
        "inputs.title.name", "classifiers", "classifiers.words", "classifiers.words.name", "fusion",
    ],
)  # fmt: skip
def test_what_must_not_change(path: str) -> None:
    with pytest.raises(RecipeError, match=path):
        Fields(Recipe(**RECIPE)).find(path)


def test_options_given_to_a_name_make_a_mapping() -> None:
    values = Recipe(**RECIPE).model_dump(mode="json")
    put(values, ("fusion", "policies", 0, "widths"), [9, 9])
    put(values, ("fusion", "policies", 0, "dropout"), 0.1)
    put(values, ("classifiers", 0, "head", "smoothing"), 0.2)
    recipe = Recipe(**values)
    assert recipe.fusion.policies[0] == {"kind": "policy_network", "widths": [9, 9], "dropout": 0.1}
    assert recipe.classifiers[0].head == {"kind": "auto", "smoothing": 0.2}


def test_putting_back_what_is_there_changes_nothing() -> None:
    recipe = Recipe(**RECIPE)
    fields = Fields(recipe)
    before = [build_policy(spec, True).name for spec in recipe.fusion.policies]
    paths = [
        f"classifiers.words.{name}" for name in type(recipe.classifiers[0]).model_fields if name != "name"
    ]
    paths += [
        f"fusion.policies.0.{name}" for name in build_policy("policy_network", True).options.model_dump()
    ]
    for path in paths:
        values = recipe.model_dump(mode="json")
        place = fields.find(path)
        put(values, place, fields.value(place))
        changed = Recipe(**values)
        assert [build_policy(spec, True).name for spec in changed.fusion.policies] == before
        if path != "classifiers.words.head":
            assert changed.classifiers == recipe.classifiers


def test_overlap() -> None:
    assert overlap(("fusion", "policies"), ("fusion", "policies", 0, "widths"))
    assert overlap(("a", 1), ("a", 1))
    assert not overlap(("a", 1, "b"), ("a", 2))
