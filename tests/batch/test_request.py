"""The command line predicts into folders, with several processes, and says where the time went."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.batch.catalogs import rows_of
from tests.tiny_catalog import tiny_rows, write

from shelfwise.demo import StoreFiles

Shelfwise = Callable[..., Any]


@pytest.fixture
def catalog(store: StoreFiles, tmp_path: Path) -> Path:
    """The new products of the made-up store, three times over, with their images where they are."""
    with store.new_products.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    path = tmp_path / "many.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for copy in range(3):
            writer.writerows({**row, "id": f"{copy}-{row['id']}"} for row in rows)
    return path


@pytest.fixture
def predict(shelfwise: Shelfwise, model_folder: Path, catalog: Path, store: StoreFiles) -> Shelfwise:
    """``predict("-o", …)``."""

    def run(*args: object) -> Any:
        return shelfwise("predict", model_folder, catalog, "--images", store.new_products.parent, *args)

    return run


def test_a_folder_holds_what_a_file_would(predict: Shelfwise, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    finished = predict("-o", f"{folder}/", "--shard-rows", 40)
    assert finished.status == 0, finished.err
    assert "shards       3" in finished.out
    assert predict("-o", tmp_path / "one.parquet").status == 0
    assert rows_of(folder) == pq.read_table(tmp_path / "one.parquet").to_pylist()
    again = predict("-o", folder, "--shard-rows", 40)  # a folder that is there needs no slash
    assert again.status == 0
    assert "from earlier runs  90" in again.out


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_workers_write_the_same_file(predict: Shelfwise, tmp_path: Path, suffix: str) -> None:
    assert predict("-o", tmp_path / f"one.{suffix}").status == 0
    finished = predict("-o", tmp_path / f"two.{suffix}", "--workers", 2, "--profile")
    assert finished.status == 0, finished.err
    assert (tmp_path / f"two.{suffix}").read_bytes() == (tmp_path / f"one.{suffix}").read_bytes()
    assert "encode (workers)" in finished.out


def test_a_profile_names_the_stages(predict: Shelfwise, tmp_path: Path) -> None:
    finished = predict("-o", tmp_path / "out.parquet", "--profile")
    table = finished.out.partition("its limit\n")[2]
    stages = [line[:17].strip() for line in table.splitlines()]
    assert {"read", "encode", "classify", "fuse and decide", "write", "all"} <= set(stages)
    assert "of plain reading" in table


def test_training_has_a_profile_too(shelfwise: Shelfwise, tmp_path: Path) -> None:
    catalog = write(tmp_path / "tiny.csv", tiny_rows(60))
    finished = shelfwise(
        *("train", catalog, "--target", "category", "--inputs", "title", "--recipe", "fast"),
        *("-o", tmp_path / "model", "--profile", "--quiet"),
    )
    assert finished.status == 0, finished.err
    assert "group near-duplicates" in finished.out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-o", "out.parquet", "--address", "auto"], "--engine ray"),
        (["-o", "s3://bucket/out"], "--engine ray"),
        (["-o", "out.parquet", "--engine", "ray"], "ends in a slash"),
    ],
)
def test_what_does_not_go_together(predict: Shelfwise, args: list[str], words: str) -> None:
    if "ray" in args:
        pytest.importorskip("ray", reason="needs the extra `ray`, which is not installed")
    finished = predict(*args)
    assert finished.status == 1
    assert words in finished.err


def test_the_catalogs_own_folder_is_refused(predict: Shelfwise, catalog: Path) -> None:
    finished = predict("-o", f"{catalog.parent}/")
    assert finished.status == 1
    assert "the catalog's own files" in finished.err


def test_another_catalogs_folder_is_refused(predict: Shelfwise, catalog: Path, tmp_path: Path) -> None:
    assert predict("-o", f"{tmp_path / 'out'}/").status == 0
    manifest = tmp_path / "out" / "_manifest.jsonl"
    assert json.loads(manifest.read_text().splitlines()[0])["files"][0]["path"] == str(catalog)
    with catalog.open("a", encoding="utf-8") as file:
        file.write("x,y\n")
    finished = predict("-o", f"{tmp_path / 'out'}/")
    assert finished.status == 1
    assert "has changed since" in finished.err
