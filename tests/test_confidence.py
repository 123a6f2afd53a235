"""Confidence from end to end: promises, back-off, calibration and sets, through the command line and Python."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.confidence_checks import check_confidence
from tests.conftest import Shelfwise
from tests.tiny_catalog import read, text_recipe, tiny_rows, title_recipe, write

from shelfwise import Catalog, Categorizer
from shelfwise.errors import RecipeError

LABELS = {"columns": ["tags"], "multilabel": True, "label_space": "labels"}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return read(tmp_path_factory.mktemp("catalog") / "shop.csv", tiny_rows(240))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalog, new products and a recipe."""
    folder = tmp_path_factory.mktemp("shop")
    write(folder / "shop.csv", tiny_rows(200))
    write(folder / "new.csv", tiny_rows(40, seed=3))
    (folder / "recipe.yaml").write_text(title_recipe().to_yaml(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained by the command line with a precision of its own."""
    model = tmp_path_factory.mktemp("models") / "model"
    Categorizer(title_recipe(routing={"precision": 0.7})).fit(read(files / "again.csv", tiny_rows(200))).save(
        model
    )
    return model


@pytest.mark.parametrize("kind", ["vector", "isotonic"])
@pytest.mark.parametrize("target", ["category", LABELS], ids=["paths", "labels"])
def test_other_calibrations_in_whole_models(catalog: Catalog, tmp_path: Path, kind: str, target: Any) -> None:
    recipe = text_recipe(target=target, calibration={"classifiers": kind, "fused": kind})
    model = Categorizer(recipe).fit(catalog)
    assert model.ensemble_.calibration.maps.kinds == {"0": kind, "1": kind, "fused": kind}
    model.save(tmp_path / "model")
    again = Categorizer.load(tmp_path / "model")
    assert again.recipe_.calibration == model.recipe_.calibration
    assert again.predict(catalog) == model.predict(catalog)
    assert model.evaluate(catalog).headline.value > 0.8
    check_confidence(again, catalog)


def test_200_products_cannot_promise_999_in_1000(shelfwise: Shelfwise, files: Path, trained: Path) -> None:
    out = files / "none.csv"
    done = shelfwise("predict", trained, files / "new.csv", "-o", out, "--precision", "0.999", "--quiet")
    assert done.status == 0
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 40
    assert {row["decision"] for row in rows} <= {"review", "failed"}
    reasons = {row["reason"] for row in rows if row["decision"] == "review"}
    [reason] = [reason for reason in reasons if "0.999" in reason]
    # About 3,000 all right are needed, and one product of six was held out.
    assert re.search(r"that takes about 1\d,000 more labelled products like these", reason)


def test_the_precision_of_training_is_kept_and_can_be_changed(
    shelfwise: Shelfwise, files: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    arguments = [
        "train",
        files / "shop.csv",
        "--recipe",
        files / "recipe.yaml",
        "--precision",
        "0.8",
        "-o",
        model,
    ]
    done = shelfwise(*arguments, "--back-off", "--quiet")
    assert done.status == 0
    assert "(0.8 is promised)" in done.out
    routing = Categorizer.load(model).recipe_.routing
    assert (routing.precision, routing.back_off) == (0.8, True)
    changed = shelfwise(
        "evaluate", model, files / "new.csv", "--precision", "0.9,level 1=0.6", "--no-back-off",
        "--review-cost", "0.25", "--json", tmp_path / "e.json", "--report", tmp_path / "e.html", "--quiet",
    )  # fmt: skip
    assert changed.status == 0
    assert "promise of 90 % right" in changed.out
    assert "which costs" in changed.out
    found = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))["promises"]
    assert "promise of 60 % right, level 1" in changed.out
    assert [(score["about"], score["name"], score["precision"]) for score in found["scores"]] == [
        ("whole", "", 0.9),
        ("level", "level 1", 0.6),
    ]
    assert found["review_cost"] == 0.25
    assert {choice["precision"] for choice in found["choices"]} >= {0.8, 0.9, 0.95, 0.98, 0.99}
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert "What is promised, and whether it held" in page
    assert "cost per 1,000" in page


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_sets_in_every_format(shelfwise: Shelfwise, files: Path, trained: Path, ending: str) -> None:
    out = files / f"sets.{ending}"
    done = shelfwise("predict", trained, files / "new.csv", "-o", out, "--coverage", "0.9", "--quiet")
    assert done.status == 0
    wanted = [
        one.set
        for one in Categorizer.load(trained).predict(Catalog.read(files / "new.csv", id="id"), coverage=0.9)
    ]
    if ending == "parquet":
        sets = pq.read_table(out).column("set").to_pylist()
    elif ending == "jsonl":
        sets = [json.loads(line)["set"] for line in out.read_text(encoding="utf-8").splitlines()]
    else:
        with out.open(encoding="utf-8", newline="") as stream:
            sets = [json.loads(row["set"]) if row["set"] else None for row in csv.DictReader(stream)]
    told = [
        None
        if one is None
        else [{"path": list(held.answer), "probability": held.probability} for held in one]
        for one in wanted
    ]
    assert sets == told
    assert any(sets)


WRONG = [
    (["--precision", "much"], 2, "expected a number such as 0.98"),
    (["--precision", "1.5"], 1, "precision"),
    (["--precision", "Colour=0.9"], 1, "got one of 'Colour'"),
    (["--precision-of", "labels"], 1, "'routing.of: whole' for paths"),
    (["--precision-of", "sets"], 1, "routing.of"),
    (["--coverage", "1"], 1, "between 0 and 1"),
    (["--coverage", "0.9999"], 1, "takes at least 9,999 held-out products"),
]


@pytest.mark.parametrize(("options", "status", "told"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_what_cannot_be_asked(
    shelfwise: Shelfwise, files: Path, trained: Path, options: list[str], status: int, told: str
) -> None:
    out = files / "never.csv"
    done = shelfwise("predict", trained, files / "new.csv", "-o", out, *options, "--quiet")
    assert done.status == status
    assert told in done.err.replace("\n", " ")
    assert not out.exists()


def test_a_promise_that_the_target_does_not_have_stops_before_training(catalog: Catalog) -> None:
    with pytest.raises(RecipeError, match="'Colour'"):
        Categorizer(title_recipe(routing={"precisions": {"Colour": 0.9}})).fit(catalog)


def test_a_model_without_evidence_says_so(trained: Path, catalog: Catalog) -> None:
    """As one of an earlier version."""
    model = Categorizer.load(trained)
    model.ensemble_.evidence = None
    assert {one.decision for one in model.predict(catalog)} >= {"accept"}
    with pytest.raises(RecipeError, match="trained by an earlier version"):
        model.with_routing(precision=0.9)
    with pytest.raises(RecipeError, match="trained by an earlier version"):
        model.with_sets(0.9)
    assert model.evaluate(catalog).promises is not None


def test_what_routing_cannot_change_is_refused(trained: Path) -> None:
    model = Categorizer.load(trained)
    with pytest.raises(RecipeError, match=r"got 'unknown', .* train again"):
        model.with_routing(unknown=0.5)
    with pytest.raises(RecipeError, match=r"unknown key 'routing\.foo' in the recipe$"):
        model.with_routing(foo=1)
    assert model.with_routing(certainty=0.6, alternatives=0).recipe_.routing.alternatives == 0
