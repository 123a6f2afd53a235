"""What the pages say follows from the figures: who is ahead, by how much, whether that is sure, and what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tiny_catalog import read, tiny_rows, title_recipe

from shelfwise.experiments import levels_study
from shelfwise.experiments.inputs_study import ALL, BASELINE
from shelfwise.experiments.page import render
from shelfwise.experiments.path_pages import inputs_page, levels_page
from shelfwise.experiments.study_data import StudyData, read_study
from shelfwise.experiments.study_runs import Contender, Measured, Runs
from shelfwise.experiments.study_tables import mean_of_levels, scores_table
from shelfwise.experiments.study_words import compare, evaluation_error, ranked
from shelfwise.experiments.table import Estimate
from shelfwise.experiments.training_sizes import Size
from shelfwise.progress import Silent

Values = dict[str, dict[int, list[float]]]
"""Name of a row → training products → the mean of the levels, one a seed."""


@pytest.fixture
def data(tmp_path: Path) -> StudyData:
    return read_study(read(tmp_path / "catalog.csv", tiny_rows(60)), None, title_recipe(), Silent())


def made(values: Values, missing: list[str] | None = None) -> Runs:
    found = []
    sizes = sorted({size for by_size in values.values() for size in by_size})
    for size in sizes:
        for name, by_size in values.items():
            for seed, value in enumerate(by_size.get(size, [])):
                scores = {"levels": [value] * 3, "mean": value, "score": value - 0.1}
                told = {"products": size, "tested": 100, "unknown": 2, "train_s": 1.0}
                reading = {"test": scores, "train": scores | {"mean": value + 0.05}}
                contender = Contender(name, f"what {name} reads", None)
                shown: Size = None if size == sizes[-1] else size
                found.append(Measured(name, contender, shown, seed, {**told, "readings": {"": reading}}))
    return Runs(found, missing or [], 0)


INPUTS = {
    BASELINE: {100: [0.2, 0.3, 0.2], 400: [0.2, 0.3, 0.2]},
    "brand": {100: [0.4, 0.5, 0.45], 400: [0.5, 0.6, 0.55]},
    "text + brand": {100: [0.5, 0.6, 0.7], 400: [0.7, 0.8, 0.75]},
    ALL: {100: [0.6, 0.7, 0.8], 400: [0.71, 0.81, 0.763]},
}


def test_pairs_of_seeds_decide_what_is_sure() -> None:
    runs = made(INPUTS)
    said = compare(runs, "text + brand", ALL, None, mean_of_levels, "accuracy")
    assert said == (
        "Accuracy, trained on 400 products: all inputs 1.1 points (95 % interval 0.5 to 1.7) above text + brand; "
        "sure over 3 seeds."
    )
    assert "no sure difference" in str(
        compare(
            made({"a": {9: [0.1, 0.9, 0.5]}, "b": {9: [0.5, 0.5, 0.4]}}), "a", "b", None, mean_of_levels, "x"
        )
    )
    assert "one seed" in str(
        compare(made({"a": {9: [0.1]}, "b": {9: [0.5]}}), "a", "b", None, mean_of_levels, "x")
    )
    assert compare(runs, ALL, "image", None, mean_of_levels, "x") is None


def test_best_first_and_the_papers_error() -> None:
    runs = made(INPUTS)
    assert ranked(runs, None, mean_of_levels) == [ALL, "text + brand", "brand", BASELINE]
    said = str(evaluation_error(runs, ALL, None))
    assert "would claim 81.1 %" in said
    assert "it gets 76.1 %" in said


def test_the_inputs_page(data: StudyData) -> None:
    page = render(
        inputs_page(data, made(INPUTS, ["all inputs, all products, seed 3"]), 3, "shelfwise experiment <b>")
    )
    assert "<h1>All inputs: 76.1 % (" in page
    assert ") of the levels right, the most</h1>" in page
    assert "from 100 to 400 training products" in page
    assert "all inputs, all products, seed 3" in page
    assert "&lt;b&gt;" in page
    assert "at most 2 tested products" in page


def test_the_levels_page_answers_what_was_measured(data: StudyData) -> None:
    values: Values = {
        levels_study.MULTITASK: {100: [0.7, 0.8]},
        levels_study.GREEDY: {100: [0.6, 0.7]},
        levels_study.BEAM: {100: [0.65, 0.75]},
    }
    page = render(levels_page(data, made(values), 2, "shelfwise experiment levels"))
    assert "Multitask or sequential?" in page
    assert "Words or sequence?" not in page
    assert "multitask MLP 5.0 points" in page


def test_a_headline_says_where_another_may_be_as_good(data: StudyData) -> None:
    close: Values = {
        levels_study.MULTITASK: {100: [0.7, 0.8, 0.7]},
        levels_study.TREE: {100: [0.71, 0.78, 0.69]},
        levels_study.MULTITASK_LSTM: {100: [0.5, 0.6, 0.5]},
    }
    page = levels_page(data, made(close), 3, "shelfwise experiment levels")
    assert page.lead.endswith("the most, but tree MLP may be as good")
    one: Values = {name: {100: by_size[100][:1]} for name, by_size in close.items()}
    page = levels_page(data, made(one), 1, "shelfwise experiment levels")
    assert page.lead.endswith("the most; of one seed, so it may be chance")


def test_a_table_row_by_hand() -> None:
    table = scores_table("inputs", "Inputs", made(INPUTS), ["a", "b", "c"])
    assert [row[0] for row in table.rows] == [*INPUTS] * 2
    best = dict(zip([column.name for column in table.columns], table.rows[-1], strict=True))
    assert (best["trained on"], best["seeds"]) == (400, 3)
    mean = best["mean of levels"]
    assert isinstance(mean, Estimate)
    assert mean.value == pytest.approx((0.71 + 0.81 + 0.763) / 3)


def test_a_size_that_only_some_reached_is_not_compared_at(data: StudyData) -> None:
    values = {name: dict(by_size) for name, by_size in INPUTS.items()}
    del values[ALL][400]
    values["text"] = {400: [0.9]}
    del values["brand"][400]
    page = render(inputs_page(data, made(values), 3, "shelfwise"))
    assert "All inputs: 70.0 %" in page
