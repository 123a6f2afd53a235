"""`shelfwise inspect` says what it found, where it was asked to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.complaints import fails
from tests.conftest import Shelfwise

from shelfwise.demo import StoreFiles


class TestInspect:
    def test_text(self, shelfwise: Shelfwise, store: StoreFiles) -> None:
        finished = shelfwise("inspect", store.catalog)
        assert finished.status == 0
        assert "300 products" in finished.out
        assert "category_path" in finished.out

    @pytest.mark.parametrize("before", [True, False])
    def test_json_on_stdout(self, shelfwise: Shelfwise, store: StoreFiles, before: bool) -> None:
        content = store.catalog.read_bytes()
        args = ("--json", store.catalog) if before else (store.catalog, "--json")
        finished = shelfwise("inspect", *args)
        assert finished.status == 0
        assert json.loads(finished.out)["products"] == 300
        assert store.catalog.read_bytes() == content

    def test_json_and_report_files(self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path) -> None:
        page, found = tmp_path / "new" / "page.html", tmp_path / "found.json"
        finished = shelfwise("inspect", store.catalog, "--json", found, "--report", page)
        assert finished.status == 0
        assert "300 products" in finished.out
        assert json.loads(found.read_text())["products"] == 300
        assert page.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")

    def test_text_report(self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path) -> None:
        finished = shelfwise("inspect", store.catalog, "--report", tmp_path / "found.txt")
        assert (tmp_path / "found.txt").read_text(encoding="utf-8") == finished.out

    def test_roles_can_be_set(self, shelfwise: Shelfwise, store: StoreFiles) -> None:
        finished = shelfwise(
            "inspect", store.catalog, "--json", "--text", "brand,title", "--category", "product_group"
        )
        roles = {column["name"]: column["role"] for column in json.loads(finished.out)["columns"]}
        assert (roles["brand"], roles["title"], roles["product_group"]) == ("text", "text", "category")

    def test_a_target_that_is_not_there(self, shelfwise: Shelfwise, store: StoreFiles) -> None:
        fails(
            shelfwise("inspect", store.catalog, "--target", "categori_path"),
            "categori_path",
            "'category_path'",
        )
