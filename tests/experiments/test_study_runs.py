"""A study goes on where it was stopped, computes nothing twice, and names what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_catalog import read, tiny_rows, title_recipe

from shelfwise import Recipe
from shelfwise.experiments.cache import ResultStore
from shelfwise.experiments.study_data import StudyData, read_study
from shelfwise.experiments.study_runs import Contender, Runs, run_all
from shelfwise.progress import Silent


@pytest.fixture
def data(tmp_path: Path) -> StudyData:
    return read_data(tmp_path, threads=1)


def read_data(folder: Path, threads: int) -> StudyData:
    recipe = title_recipe(training={"threads": threads})
    return read_study(read(folder / "catalog.csv", tiny_rows(120)), None, recipe, Silent())


class Linear:
    """The recipe of a contender; counts how many models it was asked for, and can be killed."""

    def __init__(self, data: StudyData, dies_at: int | None = None) -> None:
        self.data, self.asked, self.dies_at = data, 0, dies_at

    def __call__(self, rows: np.ndarray) -> Recipe:
        self.asked += 1
        if self.asked == self.dies_at:
            raise KeyboardInterrupt
        training = self.data.recipe.training.model_copy(update={"folds": 1, "refit": False})
        return self.data.recipe.model_copy(update={"training": training})


def study(data: StudyData, store: ResultStore, recipe: Linear, minutes: float | None = None) -> Runs:
    contenders = [Contender("nothing", "", None), Contender("words", "", recipe)]
    return run_all("test", data, contenders, [30, 60, None], 2, store, minutes)


def scores(runs: Runs) -> list[tuple[str, int | None, int, float]]:
    return [(one.name, one.size, one.seed, one.test["score"]) for one in runs.measured]


def test_a_killed_study_goes_on(data: StudyData, tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        study(data, store, Linear(data, dies_at=10))  # six are asked for what is lacking, then to be trained
    kept = len(list((tmp_path / "killed").iterdir()))
    assert kept == 7  # three models, and four baselines before them
    resumed = study(data, ResultStore(tmp_path / "killed"), Linear(data))
    assert resumed.computed == 12 - kept
    straight = study(data, ResultStore(tmp_path / "straight"), Linear(data))
    assert scores(resumed) == scores(straight)
    assert study(data, ResultStore(tmp_path / "killed"), Linear(data)).computed == 0


def test_side_by_side_is_the_same(data: StudyData, tmp_path: Path) -> None:
    alone = study(data, ResultStore(tmp_path / "alone"), Linear(data))
    two = read_data(tmp_path, threads=2)
    store = ResultStore(tmp_path / "two")
    late = study(two, store, Linear(two), minutes=0)
    assert late.computed == 0
    assert len(late.missing) == 12
    together = study(two, store, Linear(two))
    assert together.computed == alone.computed == 12
    assert scores(together) == scores(alone)
    assert not together.missing


def test_no_time_begins_nothing_and_says_so(data: StudyData, tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "store")
    nothing = study(data, store, Linear(data), minutes=0)
    assert not nothing.measured
    assert len(nothing.missing) == 12
    assert "words, 30 products, seed 1" in nothing.missing
    assert "words, all products, seed 0" in nothing.missing
    study(data, store, Linear(data))
    found = study(data, store, Linear(data), minutes=0)
    assert len(found.measured) == 12
    assert not found.missing


def test_other_settings_are_other_results(data: StudyData, tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "store")
    study(data, store, Linear(data))
    other = data.recipe.classifiers[0].model_copy(update={"epochs": 2})
    data.recipe = data.recipe.model_copy(update={"classifiers": [other]})
    assert study(data, store, Linear(data)).computed == 6
    training = data.recipe.training.model_copy(update={"threads": 2})
    data.recipe = data.recipe.model_copy(update={"training": training})
    assert study(data, store, Linear(data)).computed == 0, "threads change nothing but the time"


def test_sizes_beyond_all_products_are_all_products_once(data: StudyData, tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "store")
    runs = run_all("test", data, [Contender("nothing", "", None)], [50, 5_000, None], 1, store, None)
    assert runs.sizes == [50, None]
    assert [one.facts["products"] for one in runs.of("nothing", None)] == [90]
