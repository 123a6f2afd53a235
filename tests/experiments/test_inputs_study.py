"""Which groups of inputs are compared, as the paper's, and what a catalog lacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_catalog import read, tiny_rows, title_recipe

from shelfwise import Recipe
from shelfwise.errors import TargetError
from shelfwise.experiments.inputs_study import ALL, BASELINE, input_groups, inputs_contenders
from shelfwise.experiments.study_data import read_study
from shelfwise.progress import Silent
from shelfwise.recipe import InputRecipe

ROLES = {"title": "text", "description": "text", "brand": "category", "photo": "image", "price": "number"}


def groups(*names: str) -> dict[str, list[str]]:
    found = input_groups([InputRecipe(name=name, role=ROLES[name]) for name in names])
    return {name: [one.name for one in group] for name, group in found.items()}


def test_the_papers_groups() -> None:
    assert groups("title", "description", "brand", "photo") == {
        "brand": ["brand"],
        "image + brand": ["brand", "photo"],
        "text + brand": ["title", "description", "brand"],
        ALL: ["title", "description", "brand", "photo"],
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["title"], ["text"]),
        (["title", "brand"], ["brand", "text + brand"]),
        (["title", "photo"], ["image", "text", "text + image"]),
        (["title", "brand", "price"], ["brand", "text + brand", ALL]),
        (["price"], ["number"]),
    ],
)
def test_what_is_not_there_is_left_out(names: list[str], expected: list[str]) -> None:
    found = groups(*names)
    assert list(found) == expected
    assert list(found.values())[-1] == names


def test_one_network_a_group_that_is_trained_once(tmp_path: Path) -> None:
    recipe = Recipe(preset="paper-b", target="category", inputs=[{"name": "title"}, {"name": "brand"}])
    data = read_study(read(tmp_path / "catalog.csv", tiny_rows(60)), None, recipe, Silent())
    baseline, brand, both = inputs_contenders(data)
    assert (baseline.name, baseline.recipe) == (BASELINE, None)
    assert brand.recipe is not None
    assert both.recipe is not None
    assert [one.name for one in brand.recipe(np.arange(40)).inputs] == ["brand"]
    made = both.recipe(np.arange(40))
    (network,) = made.classifiers
    assert (network.head, network.inputs) == ("per_level", ["title", "brand"])
    assert (made.training.folds, made.training.refit, made.target.decoding) == (1, False, "highest_leaf")


def test_label_sets_have_no_levels(tmp_path: Path) -> None:
    recipe = title_recipe(target={"columns": ["tags"], "multilabel": True})
    data = read_study(read(tmp_path / "catalog.csv", tiny_rows(60)), None, recipe, Silent())
    with pytest.raises(TargetError, match="label sets"):
        inputs_contenders(data)
