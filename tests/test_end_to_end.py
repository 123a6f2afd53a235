"""From catalog files to prediction files, on a made-up store and on catalogs as bad as they come."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.batch.rows import prediction_row
from shelfwise.demo import StoreFiles

Shelfwise = Callable[..., Any]
"""See the fixture ``shelfwise``."""
Rows = list[dict[str, str]]


def read_csv(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, rows: Rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def predict(
    shelfwise: Shelfwise, model_folder: Path, store: StoreFiles, tmp_path: Path
) -> Callable[..., list[Any]]:
    """Predictions of the model of paths for catalog files, as rows of plain values."""

    def run(*catalogs: Path) -> list[Any]:
        out = tmp_path / "predictions.jsonl"
        finished = shelfwise("predict", model_folder, *catalogs, "--images", store.catalog.parent, "-o", out)
        assert finished.status == 0, finished.err
        return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]

    return run


@pytest.fixture
def new_rows(store: StoreFiles) -> Rows:
    """The store's new products."""
    return read_csv(store.new_products)


def test_every_product_comes_out_in_its_place(predict: Any, store: StoreFiles, new_rows: Rows) -> None:
    made = predict(store.new_products)
    assert [row["id"] for row in made] == [row["id"] for row in new_rows]
    assert {row["decision"] for row in made} <= {"accept", "review"}
    truth = [row["category_path"].split(" > ") for row in read_csv(store.new_products_answers)]
    right = sum(row["path"][0] == path[0] for row, path in zip(made, truth, strict=True))
    assert right >= 0.6 * len(truth)  # six departments: by chance a quarter


def test_a_prediction_holds_together(predict: Any, store: StoreFiles) -> None:
    known = {tuple(row["category_path"].split(" > ")) for row in read_csv(store.catalog)}
    for row in predict(store.new_products):
        assert tuple(row["path"]) in known
        assert len(row["level_confidence"]) == len(row["path"])
        assert row["level_confidence"] == sorted(row["level_confidence"], reverse=True)
        assert 0 <= row["confidence"] <= 1
        probabilities = [other["probability"] for other in row["alternatives"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert row["path"] not in [other["path"] for other in row["alternatives"]]
        assert (row["reason"] == "") == (row["decision"] == "accept")
        assert list(row["inputs"]) == ["title", "brand", "price", "image"]


def test_python_gives_what_the_command_line_gives(
    predict: Any, model_folder: Path, store: StoreFiles
) -> None:
    from_python = Categorizer.load(model_folder).predict(Catalog.read(store.new_products))
    assert predict(store.new_products) == [prediction_row(one, multilabel=False) for one in from_python]


def test_the_three_formats_agree(
    shelfwise: Shelfwise, model_folder: Path, store: StoreFiles, tmp_path: Path
) -> None:
    for ending in ("parquet", "csv", "jsonl"):
        out = tmp_path / f"out.{ending}"
        assert shelfwise("predict", model_folder, store.new_products, "-o", out).status == 0
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    parquet = [
        {**row, "inputs": dict(row["inputs"])} for row in pq.read_table(tmp_path / "out.parquet").to_pylist()
    ]
    assert parquet == lines
    for cells, row in zip(read_csv(tmp_path / "out.csv"), lines, strict=True):
        assert cells["path"] == " > ".join(row["path"])
        assert float(cells["confidence"]) == row["confidence"]
        assert [float(part) for part in cells["level_confidence"].split(" | ")] == row["level_confidence"]
        assert json.loads(cells["alternatives"]) == row["alternatives"]


class TestPredictionsDependOnTheProductAlone:
    def test_permuted_rows(self, predict: Any, store: StoreFiles, new_rows: Rows, tmp_path: Path) -> None:
        straight = predict(store.new_products)
        random.Random(3).shuffle(new_rows)
        permuted = predict(write_csv(tmp_path / "permuted.csv", new_rows))
        assert [row["id"] for row in permuted] == [row["id"] for row in new_rows]
        assert sorted(permuted, key=lambda row: row["id"]) == sorted(straight, key=lambda row: row["id"])

    def test_split_files(self, predict: Any, store: StoreFiles, new_rows: Rows, tmp_path: Path) -> None:
        parts = [new_rows[:1], new_rows[1:12], new_rows[12:]]
        files = [write_csv(tmp_path / f"part{number}.csv", part) for number, part in enumerate(parts)]
        assert predict(*files) == predict(store.new_products)

    def test_products_alone(self, predict: Any, store: StoreFiles, new_rows: Rows, tmp_path: Path) -> None:
        together = predict(store.new_products)
        for number in (0, 7, 29):
            assert predict(write_csv(tmp_path / "one.csv", [new_rows[number]])) == [together[number]]

    def test_another_format(self, predict: Any, store: StoreFiles, new_rows: Rows, tmp_path: Path) -> None:
        pq.write_table(pa.Table.from_pylist(new_rows), tmp_path / "new.parquet")
        assert predict(tmp_path / "new.parquet") == predict(store.new_products)


class TestBadProducts:
    def test_unseen_brands(self, predict: Any, new_rows: Rows, tmp_path: Path) -> None:
        changed = [{**row, "brand": "Never Heard Of"} for row in new_rows]
        made = predict(write_csv(tmp_path / "unseen.csv", changed))
        emptied = predict(write_csv(tmp_path / "empty.csv", [{**row, "brand": ""} for row in new_rows]))
        assert all(row["decision"] != "failed" for row in made)
        # An unseen brand says no more about the category than none does.
        agree = sum(one["path"] == other["path"] for one, other in zip(made, emptied, strict=True))
        assert agree >= 0.9 * len(made)

    def test_columns_missing(self, predict: Any, new_rows: Rows, tmp_path: Path) -> None:
        kept = [{"id": row["id"], "title": row["title"]} for row in new_rows]
        made = predict(write_csv(tmp_path / "titles.csv", kept))
        assert [row["id"] for row in made] == [row["id"] for row in new_rows]
        assert all(row["inputs"]["brand"] == "absent" and row["inputs"]["image"] == "absent" for row in made)
        assert all(row["path"] for row in made)

    def test_nothing_to_go_by(self, predict: Any, new_rows: Rows, tmp_path: Path) -> None:
        blank = {"title": " ", "description": "", "brand": "", "price": "", "image": ""}
        new_rows[4] |= blank
        made = predict(write_csv(tmp_path / "blank.csv", new_rows))
        assert len(made) == len(new_rows)
        assert (made[4]["id"], made[4]["decision"], made[4]["path"]) == (new_rows[4]["id"], "failed", [])
        assert made[4]["reason"]
        assert made[4]["alternatives"] == []

    def test_all_texts_empty(self, predict: Any, new_rows: Rows, tmp_path: Path) -> None:
        made = predict(
            write_csv(tmp_path / "empty.csv", [{**row, "title": "", "brand": ""} for row in new_rows])
        )
        assert [row["id"] for row in made] == [row["id"] for row in new_rows]
        assert {row["inputs"]["title"] for row in made} == {"absent"}

    def test_broken_images_stay_with_their_product(
        self, predict: Any, new_rows: Rows, store: StoreFiles, tmp_path: Path
    ) -> None:
        good = next(
            row["image"] for row in new_rows if row["image"] and (store.images.parent / row["image"]).exists()
        )
        data = (store.images.parent / good).read_bytes()
        broken = {"empty.jpg": b"", "truncated.jpg": data[: len(data) // 3], "words.jpg": b"this is no image"}
        for name, content in broken.items():
            (tmp_path / name).write_bytes(content)
        names = [*broken, "nowhere.jpg", "https://example.com/a.jpg"]
        for row, name in zip(new_rows, names, strict=False):
            row["image"] = str(tmp_path / name) if "/" not in name else name
        made = predict(write_csv(tmp_path / "broken.csv", new_rows))
        assert [row["id"] for row in made] == [row["id"] for row in new_rows]
        for row in made[: len(names)]:
            assert row["inputs"]["image"].startswith("failed: ")
            assert row["decision"] in ("accept", "review")
            assert row["path"]

    def test_repeated_ids(self, predict: Any, store: StoreFiles, new_rows: Rows, tmp_path: Path) -> None:
        straight = predict(store.new_products)
        ids = [f"00{row // 2}" for row in range(len(new_rows))]
        repeated = [{**row, "id": same} for row, same in zip(new_rows, ids, strict=True)]
        made = predict(write_csv(tmp_path / "twice.csv", repeated))
        assert [row["id"] for row in made] == ids
        assert [row["path"] for row in made] == [row["path"] for row in straight]

    def test_no_ids(self, predict: Any, new_rows: Rows, tmp_path: Path) -> None:
        rows = [{name: value for name, value in row.items() if name != "id"} for row in new_rows]
        files = [write_csv(tmp_path / "a.csv", rows[:10]), write_csv(tmp_path / "b.csv", rows[10:])]
        assert [row["id"] for row in predict(*files)] == [str(number) for number in range(1, len(rows) + 1)]

    def test_a_cell_of_ten_megabytes(self, predict: Any, new_rows: Rows, tmp_path: Path) -> None:
        new_rows[2]["title"] = "cotton shirt " * 800_000
        made = predict(write_csv(tmp_path / "long.csv", new_rows[:4]))
        assert [row["id"] for row in made] == [row["id"] for row in new_rows[:4]]

    def test_a_row_that_cannot_be_read(self, predict: Any, store: StoreFiles, tmp_path: Path) -> None:
        lines = store.new_products.read_text(encoding="utf-8").splitlines()
        jsonl = [json.dumps(row) for row in read_csv(store.new_products)]
        jsonl[3] = jsonl[3][:20]
        (tmp_path / "new.jsonl").write_text("\n".join(jsonl) + "\n", encoding="utf-8")
        made = predict(tmp_path / "new.jsonl")
        assert len(made) == len(lines) - 1
        assert made[3]["decision"] == "failed"
        assert "could not be read" in made[3]["reason"]
        assert {row["decision"] for row in made[:3] + made[4:]} <= {"accept", "review"}


def test_evaluate_writes_figures_and_a_page(
    shelfwise: Shelfwise, model_folder: Path, store: StoreFiles, tmp_path: Path
) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page.html"
    finished = shelfwise("evaluate", model_folder, store.held_out, "--json", figures, "--report", page)
    assert finished.status == 0, finished.err
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert found["products"] == 45
    assert found["data"]["catalogs"] == ["held_out.csv"]
    assert found["data"]["command"].startswith("shelfwise ")
    html = page.read_text(encoding="utf-8")
    assert "<html" in html
    assert 'src="http' not in html
    assert str(page) in finished.out
    printed = shelfwise("evaluate", model_folder, store.held_out, "--json", "-", "--quiet")
    again = json.loads(printed.out)
    assert (again["headline"], again["classifiers"]) == (found["headline"], found["classifiers"])


class TestTraining:
    def test_the_same_seed_gives_the_same_predictions(
        self, shelfwise: Shelfwise, store: StoreFiles, model_folder: Path, quick_recipe: Path, tmp_path: Path
    ) -> None:
        args = ["--recipe", quick_recipe, "-o", tmp_path / "again", "--quiet"]
        assert shelfwise("train", store.catalog, *args).status == 0
        new = Catalog.read(store.new_products)
        assert Categorizer.load(tmp_path / "again").predict(new) == Categorizer.load(model_folder).predict(
            new
        )

    def test_python_trains_what_the_command_line_trains(
        self, store: StoreFiles, model_folder: Path, quick_recipe: Path
    ) -> None:
        model = Categorizer(Recipe.read(quick_recipe)).fit(Catalog.read(store.catalog))
        new = Catalog.read(store.new_products)
        assert model.predict(new) == Categorizer.load(model_folder).predict(new)

    def test_label_sets(self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path) -> None:
        args = ["--target", "tags", "--multilabel", "--inputs", "title,description", "-o", tmp_path / "m"]
        assert shelfwise("train", store.catalog, *args).status == 0
        assert (
            shelfwise("evaluate", tmp_path / "m", store.held_out, "--report", tmp_path / "r.html").status == 0
        )
        out = tmp_path / "out.parquet"
        assert shelfwise("predict", tmp_path / "m", store.new_products, "-o", out).status == 0
        table = pq.read_table(out)
        assert table.column_names[:4] == ["id", "labels", "confidence", "label_confidence"]
        known = {tag for row in read_csv(store.catalog) for tag in row["tags"].split(" | ")}
        for row in table.to_pylist():
            assert known.issuperset(row["labels"])
            assert len(row["labels"]) == len(row["label_confidence"])

    def test_one_column_a_level(self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path) -> None:
        target = "department,product_group,product_type"
        args = ["--target", target, "--inputs", "title", "-o", tmp_path / "m"]
        finished = shelfwise("train", store.catalog, *args)
        assert finished.status == 0, finished.err
        out = tmp_path / "out.parquet"
        assert shelfwise("predict", tmp_path / "m", store.new_products, "-o", out).status == 0
        assert {len(row["path"]) for row in pq.read_table(out).to_pylist() if row["path"]} == {3}

    def test_a_bad_catalog_trains(self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path) -> None:
        rows = [
            {"id": row["id"], "title": row["title"], "category_path": row["category_path"]}
            for row in read_csv(store.catalog)
        ]
        rows[0] |= {"title": "", "category_path": "Only > One > Product"}
        rows[1] |= {"category_path": ""}
        rows[2] |= {"id": rows[3]["id"]}
        rows[4] |= {"title": "nul \x00 and \ufffd"}
        catalog = write_csv(tmp_path / "bad.csv", rows)
        finished = shelfwise("train", catalog, "--target", "category_path", "-o", tmp_path / "m")
        assert finished.status == 0, finished.err
        assert "(299 labelled" in finished.out
        out = tmp_path / "out.jsonl"
        assert shelfwise("predict", tmp_path / "m", catalog, "-o", out).status == 0
        made = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert [row["id"] for row in made] == [row["id"] for row in rows]

    def test_a_moved_store_still_finds_its_images(
        self, shelfwise: Shelfwise, store: StoreFiles, model_folder: Path, tmp_path: Path
    ) -> None:
        moved = Path(shutil.copy(store.new_products, tmp_path))
        out = tmp_path / "out.jsonl"
        shelfwise("predict", model_folder, moved, "-o", out)
        assert "present" not in {json.loads(line)["inputs"]["image"] for line in out.read_text().splitlines()}
        shelfwise("predict", model_folder, moved, "--images", store.catalog.parent, "-o", out)
        assert "present" in {json.loads(line)["inputs"]["image"] for line in out.read_text().splitlines()}


def test_the_demo_does_the_whole_job(shelfwise: Shelfwise, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    finished = shelfwise("demo", "--out", out, "--products", "150", "--quiet")
    assert finished.status == 0, finished.err
    made = {path.name for path in out.iterdir()}
    assert {"catalog.csv", "model", "report.html", "evaluation.json", "predictions.csv"} <= made
    assert len(read_csv(out / "predictions.csv")) == len(read_csv(out / "new_products.csv"))
    assert finished.out.splitlines()[-1].split() == ["report", str(out / "report.html")]


@pytest.mark.real_data
def test_a_real_shop_with_a_truncated_and_a_missing_image(
    shelfwise: Shelfwise, shared_data: Path, tmp_path: Path
) -> None:
    [catalog] = (shared_data / "livostyle").glob("*.csv")
    args = ["--target", "category_path", "--inputs", "title", "-o", tmp_path / "m"]
    assert shelfwise("train", catalog, *args).status == 0
    out = tmp_path / "out.parquet"
    assert shelfwise("predict", tmp_path / "m", catalog, "-o", out).status == 0
    table = pq.read_table(out)
    assert table.num_rows == 2766
    assert table.column("id").to_pylist() == Catalog.read(catalog).ids
