"""Figures on products that were learned from were told as figures on new ones.

`experiment --test` took the test catalog as it was, and said that it shares no group with the training products; `evaluate` said
nothing, though a model remembers what it was trained on.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Shelfwise
from tests.tiny_catalog import Listening, read, tiny_rows

from shelfwise import Catalog, Recipe
from shelfwise.demo import StoreFiles
from shelfwise.errors import CatalogError
from shelfwise.experiments.study_data import read_study

RECIPE = Recipe(preset="paper-b", target="category", inputs=[{"name": "title"}, {"name": "brand"}])


def test_an_experiment_is_not_tested_on_products_that_it_learned_from(tmp_path: Path) -> None:
    mine = read(tmp_path / "catalog.csv", tiny_rows(60))
    titled = [row for row in tiny_rows(60) if row["title"]]
    both = read(
        tmp_path / "test.csv",
        [*tiny_rows(20, seed=1), *({**row, "id": f"x{row['id']}"} for row in titled[:10])],
    )
    told = Listening()
    data = read_study(mine, both, RECIPE, told)
    assert data.draw(None, 0).test.tolist() == list(range(60, 80))
    assert any("10 of 30 products of the test catalog are not tested on" in line for line in told.told)
    same = read(tmp_path / "same.csv", [{**row, "id": f"x{row['id']}"} for row in titled])
    with pytest.raises(CatalogError, match="not in the training catalog too"):
        read_study(mine, same, RECIPE, told)


def test_evaluate_says_that_the_model_was_trained_on_these(
    shelfwise: Shelfwise, model_folder: Path, store: StoreFiles, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    done = shelfwise("evaluate", model_folder, store.catalog, "--report", page)
    assert done.status == 0
    assert "learned from in training" in done.out
    assert "figures are too good" in done.out + done.err
    assert "so the figures are too good" in page.read_text(encoding="utf-8")
    others = shelfwise("evaluate", model_folder, store.held_out, "--report", page)
    assert "too good" not in others.out + others.err + page.read_text(encoding="utf-8")


def test_evaluate_says_what_it_made_of_answers_that_the_model_does_not_know(
    shelfwise: Shelfwise, model_folder: Path, store: StoreFiles, tmp_path: Path
) -> None:
    catalog = Catalog.read(str(store.held_out))
    slashed = tmp_path / "held_out.csv"
    text = Path(store.held_out).read_text(encoding="utf-8").replace(" > ", "/")
    slashed.write_text(text, encoding="utf-8")
    done = shelfwise("evaluate", model_folder, slashed, "--images", Path(store.held_out).parent)
    assert done.status == 0
    assert (
        f"{len(catalog):,} of {len(catalog):,} products have a category that the model does not know"
        in done.err
    )
    assert "separators" in done.err
