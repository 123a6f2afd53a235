"""A study's model is scored on what it did not see, and every way of decoding is of the same network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_catalog import read, tiny_rows, title_recipe

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.experiments.study_data import Draw, StudyData, read_study
from shelfwise.experiments.study_measure import ITSELF, answers, fit_on, measure, most_frequent_scores
from shelfwise.progress import Silent


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return read(tmp_path_factory.mktemp("study") / "catalog.csv", tiny_rows(120))


@pytest.fixture
def data(catalog: Catalog) -> StudyData:
    return read_study(catalog, None, title_recipe(), Silent())


def whole(data: StudyData, **changes: object) -> Recipe:
    """The title's linear classifier, trained once."""
    training = data.recipe.training.model_copy(update={"folds": 1, "refit": False})
    (classifier,) = data.recipe.classifiers
    changed = classifier.model_copy(update=changes)
    return data.recipe.model_copy(update={"training": training, "classifiers": [changed]})


def test_scores_are_of_the_answers(data: StudyData) -> None:
    draw = data.draw(None, 0)
    ensemble, encoded, epochs = fit_on(data, whole(data), draw)
    predicted = answers(ensemble, encoded, draw.test)
    truth = [data.values[row] for row in draw.test]
    right = float(np.mean([one == other for one, other in zip(predicted, truth, strict=True)]))
    facts = measure(data, whole(data), draw, {})
    assert facts["readings"][ITSELF]["test"]["score"] == pytest.approx(right)
    assert facts["readings"][ITSELF]["test"]["mean"] == pytest.approx(
        np.mean(facts["readings"][ITSELF]["test"]["levels"])
    )
    assert (facts["products"], facts["tested"], facts["epochs"]) == (len(draw.train), len(draw.test), epochs)
    assert facts["train_s"] > 0


def test_a_product_without_inputs_is_answered_by_nothing(data: StudyData) -> None:
    draw = data.draw(None, 0)
    ensemble, encoded, _ = fit_on(data, whole(data), draw)
    empty = [row for row in range(120) if row % 9 == 8]  # the tiny catalog gives these no title
    assert answers(ensemble, encoded, np.array(empty)) == [()] * len(empty)


def test_as_the_categorizer_answers(data: StudyData, catalog: Catalog) -> None:
    rows = np.arange(120)
    recipe = whole(data)
    ensemble, encoded, _ = fit_on(data, recipe, Draw(rows, rows))
    told = [one.answer for one in Categorizer(recipe).fit(catalog).predict(catalog)]
    assert answers(ensemble, encoded, rows) == told


def test_a_path_that_training_never_saw_is_counted_and_wrong(data: StudyData) -> None:
    dolls = [row for row in range(120) if data.values[row][-1] == "Dolls"]
    others = np.setdiff1d(np.arange(120), dolls)
    facts = measure(data, whole(data), Draw(others[:60], np.array(dolls)), {})
    assert facts["unknown"] == len(dolls)
    scores = facts["readings"][ITSELF]["test"]
    assert scores["score"] == 0
    assert scores["levels"][1] == 0


def test_ways_of_decoding_are_of_one_network(data: StudyData) -> None:
    recipe = whole(data, hidden=[16], head={"kind": "sequential", "width": 16})
    readings = {"hard": "greedy", "soft": "beam", "all": "exact"}
    facts = measure(data, recipe, data.draw(None, 0), readings)
    assert list(facts["readings"]) == list(readings)
    # With four paths a beam of five finds them all.
    assert facts["readings"]["soft"] == facts["readings"]["all"]
    search = facts["search"]
    assert search["beam_worse"] == 0
    assert search["beam_best"] == 1
    assert search["greedy_best"] == pytest.approx(1 - search["beam_better"])


def test_a_head_without_dependent_levels_has_no_ways_of_decoding(data: StudyData) -> None:
    with pytest.raises(TypeError, match="dependent levels"):
        measure(data, whole(data), data.draw(None, 0), {"hard": "greedy"})


def test_the_most_frequent_category_by_hand(tmp_path: Path) -> None:
    rows = [
        {**row, "category": "A > B" if number % 3 else "A > C > D"}
        for number, row in enumerate(tiny_rows(60))
    ]
    data = read_study(read(tmp_path / "catalog.csv", rows), None, title_recipe(), Silent())
    train, test = np.arange(30), np.arange(30, 60)
    scores = most_frequent_scores(data, Draw(train, test))["readings"][ITSELF]["test"]
    # Two in three end at B: A, B and "no third level" are most frequent.
    assert scores["levels"] == pytest.approx([1, 2 / 3, 2 / 3])
    assert scores["mean"] == pytest.approx(7 / 9)
    assert scores["score"] == pytest.approx(2 / 3)


def test_label_sets_have_a_score_too(catalog: Catalog) -> None:
    target = {"columns": ["tags"], "multilabel": True, "label_space": "labels"}
    data = read_study(catalog, None, title_recipe(target=target), Silent())
    facts = measure(data, whole(data), data.draw(None, 0), {})
    assert 0.5 < facts["readings"][ITSELF]["test"]["score"] <= 1
