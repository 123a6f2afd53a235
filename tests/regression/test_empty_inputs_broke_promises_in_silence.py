"""A column that training products had filled and new ones left empty cost what was promised, and nobody was told."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tiny_catalog import Listening, Rows, read, text_recipe, tiny_rows, write

from shelfwise import Catalog, Categorizer
from shelfwise.batch.predict import predict_to_file
from shelfwise.storage import fitted_facts


def emptied(products: int, column: str, keep: int = 0) -> Rows:
    return [
        {**row, column: row[column] if number < keep else ""}
        for number, row in enumerate(tiny_rows(products, seed=1))
    ]


def lacking(listening: Listening) -> list[str]:
    return [line for line in listening.told if "is filled in" in line]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Categorizer:
    folder = tmp_path_factory.mktemp("model")
    return Categorizer(text_recipe()).fit(read(folder / "shop.csv", tiny_rows(120)))


def test_predict_and_evaluate_tell(model: Categorizer, tmp_path: Path) -> None:
    new = read(tmp_path / "new.csv", emptied(60, "title"))
    for work in (model.predict, model.evaluate):
        listening = Listening()
        work(new, reporter=listening)
        [line] = lacking(listening)
        assert line.startswith(
            "'title' is filled in 0% of the 60 products here, and was in 89.2% of those learned from"
        )


def test_nothing_is_told_of_products_like_those_learned_from(model: Categorizer, tmp_path: Path) -> None:
    listening = Listening()
    model.predict(read(tmp_path / "new.csv", tiny_rows(60, seed=1)), reporter=listening)
    assert lacking(listening) == []


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_batches_are_told_of_once_as_a_whole(model: Categorizer, tmp_path: Path, ending: str) -> None:
    file = write(tmp_path / "new.csv", emptied(100, "title", keep=25))
    listening = Listening()
    predict_to_file(
        model, Catalog.scan(file, id="id", rows=20), tmp_path / f"out{ending}", reporter=listening
    )
    [line] = lacking(listening)
    assert "'title' is filled in 23.0% of the 100 products here" in line
    # The first batch alone has them all, and the second hardly any: neither is what there is to tell.
    file = write(tmp_path / "most.csv", emptied(100, "title", keep=90))
    listening = Listening()
    predict_to_file(
        model, Catalog.scan(file, id="id", rows=20), tmp_path / f"most{ending}", reporter=listening
    )
    assert lacking(listening) == []


def test_a_column_that_is_missing_is_told_of_as_before(model: Categorizer, tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "title"} for row in tiny_rows(30, seed=1)]
    listening = Listening()
    model.predict(read(tmp_path / "new.csv", rows), reporter=listening)
    assert lacking(listening) == []
    assert any("does not have" in line for line in listening.told)


def test_a_model_without_figures_tells_nothing(model: Categorizer, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    old = Categorizer.load(tmp_path / "model")
    assert isinstance(old.facts_, fitted_facts.FittedFacts)
    old.facts_ = old.facts_.model_copy(update={"inputs": {}})
    listening = Listening()
    old.predict(read(tmp_path / "new.csv", emptied(60, "title")), reporter=listening)
    assert lacking(listening) == []
