"""Six networks whose heads alone differ, on the same words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_catalog import read, tiny_rows

from shelfwise import Recipe
from shelfwise.errors import RecipeError
from shelfwise.experiments.levels_study import levels_contenders
from shelfwise.experiments.study_data import StudyData, read_study
from shelfwise.heads import build_head
from shelfwise.progress import Silent
from shelfwise.taxonomy.targets import PathTarget


def study(tmp_path: Path, *names: str) -> StudyData:
    recipe = Recipe(preset="paper-b", target="category", inputs=[{"name": name} for name in names])
    return read_study(read(tmp_path / "catalog.csv", tiny_rows(60)), None, recipe, Silent())


def test_heads_differ_and_bodies_do_not(tmp_path: Path) -> None:
    data = study(tmp_path, "title", "brand")
    target = PathTarget.from_truth(data.values)
    made = {one.name: one.recipe(np.arange(40)) for one in levels_contenders(data) if one.recipe}
    assert len(made) == 6
    bodies, kinds = set(), set()
    for name, recipe in made.items():
        (network,) = recipe.classifiers
        build_head(network.head, target)  # raises for options that are not known
        reads = {one.name: (one.encoder or {})["kind"] for one in recipe.inputs}
        assert reads == {"title": "lstm" if "LSTM" in name else "bag_of_words", "brand": "one_hot"}
        if "LSTM" not in name:
            own = (
                0 if isinstance(network.head, str) else 1
            )  # the sequential head has a hidden layer of its own
            bodies.add((len(network.hidden) + own, network.model_dump_json(exclude={"head", "hidden"})))
            kinds.add(network.head if isinstance(network.head, str) else network.head["kind"])
    assert len(bodies) == 1
    assert kinds == {"per_level", "sequential", "tree", "conditional_tree"}


def test_dependent_levels_are_decoded_in_three_ways(tmp_path: Path) -> None:
    readings = [one.readings for one in levels_contenders(study(tmp_path, "title")) if one.readings]
    assert [sorted(one.values()) for one in readings] == [["beam", "exact", "greedy"]] * 2


def test_without_a_text_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="at least one text"):
        levels_contenders(study(tmp_path, "brand"))
