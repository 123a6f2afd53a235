"""What cannot be written is refused before any work is done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.complaints import fails, write
from tests.conftest import Shelfwise

from shelfwise.categorizer import Categorizer
from shelfwise.demo import StoreFiles


class TestOutputs:
    """They are looked at before any work is done."""

    @pytest.fixture(autouse=True)
    def no_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def work(*args: object, **kwargs: object) -> None:
            raise AssertionError("work was begun")

        for name in ("fit", "load"):
            monkeypatch.setattr(Categorizer, name, work)

    @pytest.mark.parametrize("name", ["out", "out.xlsx", "out.csv.gz"])
    def test_another_ending(self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path, name: str) -> None:
        fails(
            shelfwise("predict", "m", store.new_products, "-o", tmp_path / name),
            name,
            ".parquet, .csv, .jsonl",
        )

    def test_a_file_where_the_folder_should_be(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
    ) -> None:
        write(tmp_path / "file", "")
        out = tmp_path / "file" / "out.csv"
        fails(shelfwise("predict", "m", store.new_products, "-o", out), "cannot be made")
        fails(shelfwise("evaluate", "m", store.new_products, "--json", out), "cannot be made")
        fails(
            shelfwise("train", store.catalog, "--target", "t", "-o", tmp_path / "file" / "m"),
            "cannot be made",
        )

    def test_the_catalog_itself(self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path) -> None:
        catalog = shutil.copy(store.new_products, tmp_path)
        content = Path(catalog).read_bytes()
        fails(shelfwise("predict", "m", tmp_path, "-o", catalog), "the catalog's own files")
        fails(shelfwise("evaluate", "m", catalog, "--report", catalog), "the catalog's own files")
        fails(shelfwise("inspect", catalog, "--report", catalog), "the catalog's own files")
        assert Path(catalog).read_bytes() == content

    def test_a_folder_that_is_no_model(self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path) -> None:
        photo = write(tmp_path / "photo.jpg", "dear to me")
        fails(shelfwise("train", store.catalog, "--target", "t", "-o", tmp_path), "not a model")
        assert photo.read_text() == "dear to me"

    def test_a_file_in_the_models_place(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
    ) -> None:
        file = write(tmp_path / "model", "x")
        fails(shelfwise("train", store.catalog, "--target", "t", "-o", file), "is a file")

    def test_a_demo_never_writes_into_a_folder_of_other_files(
        self, shelfwise: Shelfwise, tmp_path: Path
    ) -> None:
        catalog = write(tmp_path / "catalog.csv", "mine")
        fails(shelfwise("demo", "--out", tmp_path), "not a demo's")
        assert catalog.read_text() == "mine"
