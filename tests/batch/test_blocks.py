"""One batch becomes one block: the same rows by columns and by objects, which only some blocks need."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from tests.tiny_catalog import read, tiny_rows, title_recipe

from shelfwise import Catalog, Categorizer
from shelfwise.batch.blocks import BlockMaker
from shelfwise.batch.rows import prediction_table
from shelfwise.decision.rules import RuleText, rules_of
from shelfwise.decision.ruling import Ruling


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return read(tmp_path_factory.mktemp("shop") / "shop.csv", tiny_rows(160))


@pytest.fixture(scope="module")
def model(shop: Catalog) -> Categorizer:
    return Categorizer(title_recipe()).fit(shop)


def forbid(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def used(*_: object, **__: object) -> None:
        raise AssertionError(f"{name} was called")

    monkeypatch.setattr(Categorizer, name, used)


@pytest.mark.parametrize("labels", [False, True])
def test_a_table_is_made_without_an_object_a_product(
    shop: Catalog, model: Categorizer, labels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if labels:
        model = Categorizer(title_recipe(target={"columns": ["tags"], "multilabel": True})).fit(shop)
    predictions = model.predict(shop)
    forbid(monkeypatch, "predict")
    block = BlockMaker(model, ".parquet").make(shop)
    assert isinstance(block.payload, pa.Table)
    assert block.payload.equals(prediction_table(predictions, labels))
    for decision in ("accept", "review", "failed"):
        assert block.tally[decision] == sum(one.decision == decision for one in predictions)
    assert (block.tally.products, block.tally["ruled"]) == (160, 0)
    assert block.tally["failed"] > 0, "products without a title are among them"


def test_no_products_are_no_rows(shop: Catalog, model: Categorizer) -> None:
    block = BlockMaker(model, ".parquet").make(shop.take([]))  # type: ignore[arg-type]
    assert isinstance(block.payload, pa.Table)
    assert block.payload.equals(prediction_table([], False))
    assert block.tally.products == 0


def test_rules_act_on_objects(shop: Catalog, model: Categorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(monkeypatch, "predict_columns")
    rules = rules_of([(7, RuleText("brand", "Brand 0", (), ("Home", "Lamps")))])
    block = BlockMaker(model, ".parquet", Ruling(rules, False, 0.95)).make(shop)
    assert isinstance(block.payload, pa.Table)
    assert block.tally["ruled"] == block.payload["rule"].drop_null().length() > 0


def test_explanations_are_told(shop: Catalog, model: Categorizer, tmp_path: Path) -> None:
    block = BlockMaker(model.with_explanations(), ".parquet").make(shop.take([0, 1]))  # type: ignore[arg-type]
    assert isinstance(block.payload, pa.Table)
    assert block.payload["explanation"].null_count == 0


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_lines_of_text_are_made_of_objects(shop: Catalog, model: Categorizer, suffix: str) -> None:
    block = BlockMaker(model, suffix).make(shop)
    assert isinstance(block.payload, bytes)
    assert block.payload.count(b"\n") == 160
