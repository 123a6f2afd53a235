"""A model folder that asked for a million threads ended the program with a segmentation fault inside of OpenMP, which keeps a
note of each on the stack. Found by `make fuzz`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Shelfwise
from tests.storage.test_model_folder import edit_model, put
from tests.tiny_catalog import read, tiny_rows, title_recipe, write

from shelfwise import Categorizer
from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.recipe import Recipe
from shelfwise.recipe.training import MOST_THREADS


@pytest.mark.parametrize("threads", [MOST_THREADS + 1, 1_000_000, 10**400])
def test_are_refused(threads: int) -> None:
    with pytest.raises(RecipeError, match=r"training\.threads"):
        Recipe(target="category", training={"threads": threads})


def test_all_that_a_large_machine_has_are_not() -> None:
    assert Recipe(target="category", training={"threads": 256}).training.threads == 256


def test_in_a_model_folder(tmp_path: Path) -> None:
    catalog = read(tmp_path / "shop.csv", tiny_rows(60))
    Categorizer(title_recipe()).fit(catalog).save(tmp_path / "model")
    edit_model(tmp_path / "model", put(1_000_000, "recipe", "training", "threads"))
    with pytest.raises(ModelFolderError):
        Categorizer.load(tmp_path / "model").predict(catalog)


def test_on_the_command_line(tmp_path: Path, shelfwise: Shelfwise) -> None:
    shop = write(tmp_path / "shop.csv", tiny_rows(60))
    args = [
        "experiment",
        "data-size",
        shop,
        "--target",
        "category",
        "--threads",
        "100000",
        "-o",
        tmp_path / "out",
    ]
    finished = shelfwise(*args)
    assert finished.status == 1
    assert "'training.threads'" in finished.err
    assert not (tmp_path / "out" / "index.html").exists()
