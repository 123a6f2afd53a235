"""The doctor finds what was planted, says it in text, JSON and on a page, and stays calm where nothing is wrong."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.conftest import Shelfwise
from tests.doctor.shops import KINDS, VARIANTS, WRONG, shop_rows, with_photos, write_shop

from shelfwise import Catalog, Recipe
from shelfwise.doctor import examine
from shelfwise.doctor.examination import Examined
from shelfwise.doctor.findings import Diagnosis, Suspect
from shelfwise.doctor.page import headline, write_page
from shelfwise.doctor.suspects_file import write_suspects
from shelfwise.errors import CatalogError, ShelfwiseError, TargetError

RECIPE = {"preset": "fast", "training": {"threads": 1}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    rows = with_photos(folder, shop_rows())
    write_shop(folder, rows)
    lacking = [
        {
            **row,
            "brand": "" if row["id"] < "p0020" else row["brand"],
            "material": ("steel", "wood", "glass")[number % 3],
        }
        for number, row in enumerate(rows[:80])
    ]
    for row in lacking:
        del row["photo"]
        row["title"] = f"new {row['title']} arrival" if row["id"] > "p0004" else row["title"]
        row["price"] = f"{float(row['price']) + 500:.2f}"
    write_shop(folder / "other", lacking)
    return folder


@pytest.fixture(scope="module")
def examined(folder: Path) -> Examined:
    return examine(Catalog.read(folder / "shop.csv"), Recipe(target="category", **RECIPE))


def test_planted_wrong_labels_come_first(examined: Examined) -> None:
    assert {one.row for one in examined.suspects[: len(WRONG)]} == set(WRONG)
    assert len(examined.suspects) <= len(WRONG) + 2
    paths = [path.split(" > ") for path in KINDS]
    for one in examined.suspects[: len(WRONG)]:
        assert one.suggested == paths[one.row % 4]
        assert one.label == paths[(one.row + 1) % 4]
        assert one.id == f"p{one.row:04d}"
        assert one.wrong > 0.5 > one.probability
    assert examined.diagnosis.labels is not None
    assert examined.diagnosis.labels.judged == 240


def test_planted_variants_are_one_group(examined: Examined) -> None:
    assert examined.groups is not None
    for together in VARIANTS:
        assert len({int(examined.groups[row]) for row in together}) == 1
    found = examined.diagnosis.duplicates
    assert found is not None
    assert found.groups == len(VARIANTS)
    assert {tuple(group.rows) for group in found.examples} == set(VARIANTS)


def test_every_check_has_a_verdict_and_what_to_do(examined: Examined) -> None:
    diagnosis = examined.diagnosis
    assert diagnosis.worst == diagnosis.checks[0].verdict
    order = [("FAIL", "WARN", "PASS").index(check.verdict) for check in diagnosis.checks]
    assert order == sorted(order)
    assert all(check.to_do for check in diagnosis.checks if check.verdict != "PASS")
    assert {"wrong labels", "training", "near-duplicates"} <= {check.name for check in diagnosis.checks}


def test_text_json_and_page(examined: Examined, folder: Path) -> None:
    diagnosis = examined.diagnosis
    text = diagnosis.to_text()
    for words in ("Near-duplicates", "probably wrong", "Checks", "p0011", "→"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 140
    assert Diagnosis.model_validate(json.loads(diagnosis.model_dump_json())) == diagnosis
    page = write_page(diagnosis, Catalog.read(folder / "shop.csv"), command="shelfwise inspect <b>")
    assert page.startswith("<!doctype html>")
    assert "data:image/jpeg;base64," in page
    assert "&lt;b&gt;" in page
    assert not re.search(r"<script|src=\"(?!data:)|href=|@import|url\(", page)
    assert headline(diagnosis) in page


def test_a_hostile_title_is_shown_as_text(folder: Path, tmp_path: Path) -> None:
    rows = shop_rows(120)
    rows[11]["title"] = "<script>alert(1)</script> pan"
    rows[11]["id"] = "<img src=x onerror=alert(1)>"
    catalog = Catalog.read(write_shop(tmp_path, rows))
    page = write_page(examine(catalog, Recipe(target="category", **RECIPE)).diagnosis, catalog)
    assert "<script" not in page
    assert "<img src=x" not in page


def test_two_catalogs_are_compared(folder: Path) -> None:
    one, other = Catalog.read(folder / "shop.csv"), Catalog.read(folder / "other" / "shop.csv")
    diagnosis = examine(one, Recipe(target="category", **RECIPE), thorough=False, against=other).diagnosis
    assert diagnosis.labels is diagnosis.duplicates is None
    assert diagnosis.comparison is not None
    shifts = {shift.name: shift for shift in diagnosis.comparison.inputs}
    assert shifts["photo"].second is None
    assert shifts["material"].first is None
    assert shifts["brand"].second == 0.75
    assert shifts["price"].auc is not None
    assert shifts["price"].auc > 0.9
    assert shifts["price"].stability is not None
    assert shifts["price"].stability > 0.25
    assert Diagnosis.model_validate_json(diagnosis.model_dump_json()) == diagnosis
    checks = {check.name: check for check in diagnosis.checks}
    assert checks["input 'photo'"].verdict == "FAIL"
    assert checks["input 'material'"].verdict == "WARN"
    assert checks["input 'price'"].verdict == "WARN"
    assert checks["products in both"].verdict == "WARN"
    assert diagnosis.worst == "FAIL"


def test_a_catalog_is_like_itself(folder: Path) -> None:
    catalog = Catalog.read(folder / "shop.csv")
    halves = catalog.take(range(0, 120)), catalog.take(range(120, 240))
    diagnosis = examine(
        halves[0], Recipe(target="category", **RECIPE), thorough=False, against=halves[1]
    ).diagnosis
    verdicts = {check.name: check.verdict for check in diagnosis.checks if check.name.startswith("input")}
    assert set(verdicts.values()) == {"PASS"}


def test_what_cannot_be_judged_is_said(tmp_path: Path) -> None:
    rows = [{"id": str(n), "title": f"thing {n} of some kind", "price": str(n)} for n in range(20)]
    diagnosis = examine(Catalog.read(write_shop(tmp_path, rows)), Recipe(**RECIPE)).diagnosis
    assert diagnosis.labels is None
    assert "labels were not judged" in diagnosis.skipped[0]
    assert diagnosis.worst == "FAIL"
    with pytest.raises(TargetError, match="categry"):
        examine(Catalog.read(write_shop(tmp_path, shop_rows(40))), Recipe(target="categry", **RECIPE))
    empty = write_shop(tmp_path, shop_rows(1), "empty.csv")
    empty.write_text("id,title,category\n", encoding="utf-8")
    shop = Catalog.read(write_shop(tmp_path, shop_rows(40)))
    with pytest.raises(CatalogError):
        examine(shop, Recipe(target="category", **RECIPE), thorough=False, against=Catalog.read(empty))


def test_label_sets(tmp_path: Path) -> None:
    rows = shop_rows()
    for row in rows:
        row["category"] = row["category"].replace(" > ", "|")
    catalog = Catalog.read(write_shop(tmp_path, rows))
    recipe = Recipe(target={"columns": ["category"], "multilabel": True}, **RECIPE)
    examined = examine(catalog, recipe)
    assert {one.row for one in examined.suspects[: len(WRONG)]} == set(WRONG)
    labels = examined.diagnosis.categories
    assert labels is not None
    assert labels.categories == 7


def test_the_suspects_file(tmp_path: Path, examined: Examined, folder: Path) -> None:
    ids = Catalog.read(folder / "shop.csv").ids
    write_suspects(examined.suspects, tmp_path / "s.parquet", ids=ids, multilabel=False)
    write_suspects(examined.suspects, tmp_path / "s.csv", ids=ids, multilabel=False)
    table = pq.read_table(tmp_path / "s.parquet").to_pylist()
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert (
        [row["id"] for row in table]
        == [line["id"] for line in lines]
        == [one.id for one in examined.suspects]
    )
    assert lines[0]["label"] == " > ".join(table[0]["label"])
    assert lines[0]["correct"] == ""
    odd = Suspect(
        row=0,
        id='=1,"x"',
        title="a\nb",
        label=["x"],
        suggested=[],
        wrong=0.9,
        probability=0.1,
        suggested_probability=0.8,
    )
    write_suspects([odd], tmp_path / "odd.csv", ids=[odd.id], multilabel=True)
    with (tmp_path / "odd.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["id"] == odd.id
    with pytest.raises(ShelfwiseError, match=r"\.csv or \.parquet"):
        write_suspects([], tmp_path / "s.xlsx", ids=[], multilabel=False)


def test_the_command(shelfwise: Shelfwise, folder: Path, tmp_path: Path) -> None:
    shop = folder / "shop.csv"
    done = shelfwise(
        *("inspect", shop, "--target", "category", "--inputs", "title,brand,price", "--quiet"),
        *("--suspects", tmp_path / "s.csv", "--against", folder / "other" / "shop.csv"),
        *("--report", tmp_path / "r.html", "--json", tmp_path / "d.json"),
    )
    assert done.status == 0, done.err
    assert "Checks" in done.out
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        suspects = list(csv.DictReader(file))
    assert {int(row["row"]) - 1 for row in suspects} >= set(WRONG)
    found = Diagnosis.model_validate_json((tmp_path / "d.json").read_text(encoding="utf-8"))
    assert found.comparison is not None
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_inspect_alone_does_not_train(
    shelfwise: Shelfwise, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "shelfwise.doctor.examination.examine", lambda *_: pytest.fail("trained"), raising=True
    )
    done = shelfwise("inspect", folder / "shop.csv", "--target", "category")
    assert done.status == 0
    assert "Checks" not in done.out


@pytest.mark.parametrize(
    "wrong",
    [("--suspects", "suspects.xlsx"), ("--against", "nowhere.csv"), ("--doctor", "--inputs", "colour")],
    ids=["format", "no such catalog", "no such input"],
)
def test_wrong_requests_are_one_line(
    shelfwise: Shelfwise, folder: Path, tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    done = shelfwise("inspect", folder / "shop.csv", "--target", "category", *wrong, "--quiet")
    if wrong[0] == "--doctor":
        assert done.status == 0
        assert "labels were not judged" in done.out
    else:
        assert done.status == 1
        assert done.err.startswith("shelfwise: ")
        assert len(done.err.strip().splitlines()) == 1
