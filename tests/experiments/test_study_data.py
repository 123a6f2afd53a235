"""Every seed draws its products; no near-duplicate is on two sides, and what cannot be studied is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_catalog import Rows, read, tiny_rows, write

from shelfwise import Catalog, Recipe
from shelfwise.errors import CatalogError, RecipeError, TargetError
from shelfwise.experiments.study_data import StudyData, read_study
from shelfwise.progress import Silent

RECIPE = Recipe(preset="paper-b", target="category", inputs=[{"name": "title"}, {"name": "brand"}])


def twice(rows: Rows) -> Rows:
    """Every product in two colours: the same title, another id."""
    return [{**row, "id": f"{row['id']}-{colour}"} for row in rows for colour in ("red", "blue")]


def study(tmp_path: Path, rows: Rows, test: Rows | None = None, recipe: Recipe = RECIPE) -> StudyData:
    other = None if test is None else read(tmp_path / "test.csv", test)
    return read_study(read(tmp_path / "catalog.csv", rows), other, recipe, Silent())


def test_a_quarter_is_tested_on_and_colours_stay_together(tmp_path: Path) -> None:
    data = study(tmp_path, twice(tiny_rows(100)))
    draw = data.draw(None, 0)
    assert len(draw.test) == pytest.approx(50, abs=4)
    assert not set(data.groups[draw.train]) & set(data.groups[draw.test])
    small = data.draw(60, 0)
    assert small.test.tolist() == draw.test.tolist()
    assert set(small.train) <= set(data.draw(120, 0).train) <= set(draw.train)
    rest = np.setdiff1d(draw.train, small.train)
    assert not set(data.groups[small.train]) & set(data.groups[rest])
    assert data.draw(None, 1).test.tolist() != draw.test.tolist()


def test_products_without_a_category_are_on_neither_side(tmp_path: Path) -> None:
    rows = tiny_rows(80)
    for row in rows[:10]:
        row["category"] = ""
    draw = study(tmp_path, rows).draw(None, 0)
    assert not set(range(10)) & {*draw.train.tolist(), *draw.test.tolist()}


def test_a_test_catalog_is_taken_as_it_is(tmp_path: Path) -> None:
    test = [{**row, "category": row["category"].upper()} for row in tiny_rows(20, seed=1)]
    data = study(tmp_path, tiny_rows(60), test)
    draw = data.draw(None, 3)
    assert draw.train.tolist() == list(range(60))
    assert draw.test.tolist() == list(range(60, 80))
    assert {data.values[row] for row in draw.test} <= {data.values[row] for row in draw.train}
    prepared = data.prepared(data.recipe.inputs)
    assert {len(one) for one in prepared.values()} == {80}


def test_each_input_is_read_once(tmp_path: Path) -> None:
    data = study(tmp_path, tiny_rows(40))
    first, second = (data.prepared(data.recipe.inputs)["title"] for _ in range(2))
    assert first is second


def test_the_key_follows_the_products(tmp_path: Path) -> None:
    rows = tiny_rows(40)
    same, other = study(tmp_path, rows).key, [{**rows[0], "title": "another"}, *rows[1:]]
    assert study(tmp_path, rows).key == same
    assert study(tmp_path, other).key != same


class TestRefused:
    def test_too_few_products(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError, match="at least 20 labelled products"):
            study(tmp_path, tiny_rows(12))

    def test_a_test_catalog_without_the_target(self, tmp_path: Path) -> None:
        catalog = read(tmp_path / "catalog.csv", tiny_rows(40))
        file = write(tmp_path / "test.csv", tiny_rows(20), ["id", "title", "brand"])
        with pytest.raises(CatalogError, match="'category' in the test catalog"):
            read_study(catalog, Catalog.read(file, id="id"), RECIPE, Silent())

    def test_a_test_catalog_without_answers(self, tmp_path: Path) -> None:
        test = [{**row, "category": ""} for row in tiny_rows(20)]
        with pytest.raises(CatalogError, match="known categories"):
            study(tmp_path, tiny_rows(40), test)

    def test_an_input_that_is_not_there(self, tmp_path: Path) -> None:
        recipe = RECIPE.model_copy(update={"inputs": Recipe(inputs=[{"name": "titel"}]).inputs})
        with pytest.raises(RecipeError, match="titel"):
            study(tmp_path, tiny_rows(40), recipe=recipe)
