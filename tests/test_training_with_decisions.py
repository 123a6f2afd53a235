"""`shelfwise train --decisions`: what people decided at the desk becomes what the model learns."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import Shelfwise
from tests.review.desk_maker import decision_of, make_desk, path_card, predicted, sign_in

from shelfwise import Catalog, Categorizer
from shelfwise.review.export import decision_schema, export_decisions

RECIPE = """
target: {columns: [category]}
inputs: [{name: title}]
classifiers: [{name: title, inputs: [title], epochs: 3, weight_decay: 0.0}]
"""
THINGS = {"lamp": "Home > Lamps", "pot": "Home > Pots", "doll": "Toys > Dolls"}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Trains in a second."""
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE)
    return file


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Thirty products, of which every tenth has no label."""
    lines = []
    for number in range(30):
        thing = list(THINGS)[number % 3]
        label = "" if number % 10 == 9 else THINGS[thing]
        lines.append(f"p{number:05d},{thing} of kind {number},{label}")
    file = tmp_path / "catalog.csv"
    file.write_text("id,title,category\n" + "\n".join(lines) + "\n")
    return file


def decisions(file: Path, pairs: list[tuple[str, list[str]]], multilabel: bool = False) -> Path:
    answer = "labels" if multilabel else "path"
    rows: list[dict[str, Any]] = [
        {
            "id": name,
            answer: names,
            "action": "correct",
            "person": "Ann",
            "decided_at": datetime(2026, 1, 2, tzinfo=UTC),
            "occurrence": 0,
            "final": True,
        }
        for name, names in pairs
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=decision_schema(multilabel)), file)
    return file


def test_decisions_win_and_conflicts_are_listed(
    shelfwise: Shelfwise, recipe: Path, catalog: Path, tmp_path: Path
) -> None:
    pairs = [
        ("p00000", ["Home", "Chairs"]),  # was a lamp
        ("p00003", ["Home", "Lamps"]),  # is one
        ("p00009", ["Home", "Chairs"]),  # had no label
        ("elsewhere", ["Home", "Lamps"]),
    ]
    given = decisions(tmp_path / "decisions.parquet", pairs)
    conflicts = tmp_path / "conflicts.csv"
    more = ["--decisions", given, "--conflicts", conflicts]
    done = shelfwise("train", catalog, "--recipe", recipe, "-o", tmp_path / "model", *more)
    assert done.status == 0, done.err
    assert "3 products take theirs: 1 had no label, 1 keep it, 1 had another" in done.err
    assert "p00000: 'Home > Lamps', decided: 'Home > Chairs'" in done.err
    assert "does not have: 1 of the decisions" in done.err
    assert conflicts.read_text() == "id,label,decided\np00000,Home > Lamps,Home > Chairs\n"
    model = Categorizer.load(tmp_path / "model")
    assert ("Home", "Chairs") in model.target_.as_paths
    assert model.facts_.labelled == 28


def test_label_sets(shelfwise: Shelfwise, tmp_path: Path) -> None:
    file = tmp_path / "catalog.csv"
    lines = [f"{number},thing {number % 3},{'red' if number % 3 else 'blue'}" for number in range(30)]
    file.write_text("id,title,tags\n" + "\n".join(lines) + "\n")
    given = decisions(tmp_path / "d.parquet", [("0", ["blue", "soft"]), ("1", ["red"])], multilabel=True)
    target = ["--target", "tags", "--multilabel", "--inputs", "title", "--recipe", "fast"]
    done = shelfwise("train", file, *target, "-o", tmp_path / "model", "--decisions", given)
    assert done.status == 0, done.err
    assert "2 products take theirs: 0 had no label, 1 keep it, 1 had another" in done.err
    assert ("soft",) in Categorizer.load(tmp_path / "model").target_.as_paths


def test_what_the_desk_exports_is_what_training_reads(
    shelfwise: Shelfwise, recipe: Path, catalog: Path, tmp_path: Path
) -> None:
    from starlette.testclient import TestClient

    from shelfwise.review.app import make_app

    (tmp_path / "desk").mkdir()
    paths = [tuple(text.split(" > ")) for text in THINGS.values()]
    made = [predicted(number, answer=paths[number % 3], part_confidence=(0.5, 0.4)) for number in range(6)]
    made = [type(one)(**{**one.__dict__, "alternatives": ()}) for one in made]
    desk = make_desk(tmp_path / "desk", card=path_card(paths=paths), predictions=made)
    with TestClient(make_app(desk)) as client:
        sign_in(client)
        for _ in range(2):
            assert (
                client.post("/decide", data=decision_of(client.get("/review?scope=all").text)).status_code
                == 200
            )
    for ending in (".parquet", ".csv", ".jsonl"):
        file = tmp_path / f"decisions{ending}"
        export_decisions(desk.database, file)
        out = tmp_path / f"model{ending[1:]}"
        done = shelfwise("train", catalog, "--recipe", recipe, "-o", out, "--decisions", file)
        assert done.status == 0, done.err
        assert "2 products take theirs: 0 had no label, 2 keep it, 0 had another" in done.err


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("none.csv", None, "cannot be read"),
        ("d.csv", "id,path\n1,A\n", "is not there; export it with `shelfwise decisions`"),
        ("d.csv", "", "cannot be read"),
    ],
)
def test_files_that_are_no_decisions(
    shelfwise: Shelfwise, recipe: Path, catalog: Path, tmp_path: Path, name: str, text: str | None, told: str
) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    done = shelfwise("train", catalog, "--recipe", recipe, "-o", tmp_path / "model", "--decisions", file)
    assert (done.status, told in done.err, (tmp_path / "model").exists()) == (1, True, False), done.err


def test_from_python(catalog: Path, tmp_path: Path) -> None:
    from shelfwise import Recipe
    from shelfwise.taxonomy.decisions import read_decisions

    given = read_decisions(
        [decisions(tmp_path / "d.parquet", [("p00000", ["Toys", "Dolls"])])], multilabel=False
    )
    recipe = Recipe.model_validate(
        {"preset": "fast", "target": {"columns": ["category"]}, "inputs": [{"name": "title"}]}
    )
    model = Categorizer(recipe).fit(Catalog.read(str(catalog)), decisions=given)
    assert [one.decided for one in model.conflicts_] == [("Toys", "Dolls")]
