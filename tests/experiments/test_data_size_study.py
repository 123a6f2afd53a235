"""What is said of more labels follows from the curve, and nothing is said where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_catalog import read, tiny_rows, title_recipe

from shelfwise.experiments.data_size_study import (
    MODEL,
    curve_table,
    data_size_contenders,
    data_size_page,
    findings,
    lead_sentence,
    outlook,
)
from shelfwise.experiments.page import render
from shelfwise.experiments.study_data import StudyData, read_study
from shelfwise.experiments.study_runs import Contender, Measured, Runs
from shelfwise.experiments.table import Estimate
from shelfwise.experiments.training_sizes import Size
from shelfwise.progress import Silent


@pytest.fixture
def data(tmp_path: Path) -> StudyData:
    return read_study(read(tmp_path / "catalog.csv", tiny_rows(60)), None, title_recipe(), Silent())


def measured(scores: dict[int, float], missing: list[str] | None = None) -> Runs:
    """Runs of one seed with these scores, the last size being all products."""
    contender, found = Contender(MODEL, "", None), []
    for number, (products, score) in enumerate(scores.items(), start=1):
        size: Size = None if number == len(scores) else products
        test = {"levels": [score], "mean": score, "score": score}
        facts = {"products": products, "tested": 40_000, "unknown": 0, "train_s": 1.0}
        found.append(
            Measured(MODEL, contender, size, 0, {**facts, "readings": {"": {"test": test, "train": test}}})
        )
    return Runs(found, missing or [], len(found))


LAW = {250 * 2**step: 1 - (0.4 * 2 ** (-0.5 * step) + 0.05) for step in range(6)}


def test_doubling_brings_what_the_law_says(data: StudyData) -> None:
    runs = measured(LAW)
    seen = outlook(data, runs)
    assert seen.curve is not None
    rows = curve_table(runs, seen).rows
    assert [row[0] for row in rows] == [250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000]
    brings = rows[5][4]
    assert isinstance(brings, Estimate)
    true = 0.4 * 2**-2.5 * (1 - 2**-0.5)
    assert brings.value == pytest.approx(true, abs=0.002)
    assert f"{100 * brings.value:.1f} points" in lead_sentence(seen, "")
    said = " ".join(findings(seen))
    assert "From 8,000 to 16,000 labels" in said
    assert "its interval held" in said


def test_flat_errors_are_enough_labels(data: StudyData) -> None:
    seen = outlook(data, measured(dict.fromkeys(LAW, 0.9)))
    assert lead_sentence(seen, "").startswith("Enough labels")


def test_two_sizes_are_no_curve(data: StudyData) -> None:
    runs = measured({250: 0.5, 500: 0.6}, ["model, all products, seed 0"])
    seen = outlook(data, runs)
    assert seen.curve is None
    assert not findings(seen)
    page = render(data_size_page(data, runs, 1, "shelfwise experiment data-size"))
    assert "3 or more sizes are needed" in page
    assert "model, all products, seed 0" in page


def test_the_recipe_suits_each_size(data: StudyData) -> None:
    data.recipe = data.recipe.model_copy(update={"classifiers": []})
    (one,) = data_size_contenders(data)
    assert one.recipe is not None
    assert one.recipe(np.arange(40)).classifiers


def test_where_nothing_is_learned_there_is_not_enough_of_anything(data: StudyData) -> None:
    seen = outlook(data, measured(dict.fromkeys(LAW, 0.0)))
    said = lead_sentence(seen, "0.0 %")
    assert said.startswith("It is not labels that are missing: whole-path accuracy is 0.0 %")
    assert "Enough" not in said
