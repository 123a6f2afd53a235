"""What is wrong with a request is said in one line that names it, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.complaints import fails, write
from tests.conftest import Shelfwise

from shelfwise.demo import StoreFiles


class TestWrongRequests:
    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("empty.csv", "", ["empty.csv"]),
            ("header.csv", "id,title,category\n", ["header.csv", "no products"]),
            ("catalog.xls", "id,title\n1,a\n", ["catalog.xls", "CSV"]),
        ],
    )
    @pytest.mark.parametrize("command", ["inspect", "train"])
    def test_catalogs(
        self, shelfwise: Shelfwise, tmp_path: Path, command: str, name: str, text: str, words: list[str]
    ) -> None:
        catalog = write(tmp_path / name, text)
        more = ["--target", "category", "-o", tmp_path / "model"] if command == "train" else []
        fails(shelfwise(command, catalog, *more), *words)
        assert not (tmp_path / "model").exists()

    @pytest.mark.parametrize("command", ["inspect", "train", "evaluate", "predict"])
    def test_a_catalog_that_is_not_there(
        self, shelfwise: Shelfwise, model_folder: Path, tmp_path: Path, command: str
    ) -> None:
        args: list[object] = [model_folder] if command in ("evaluate", "predict") else []
        more = {"train": ["--target", "t", "-o", tmp_path / "m"], "predict": ["-o", tmp_path / "o.csv"]}
        fails(shelfwise(command, *args, tmp_path / "nowhere.csv", *more.get(command, [])), "nowhere.csv")
        assert list(tmp_path.iterdir()) == []

    def test_the_nearest_column_is_named(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
    ) -> None:
        finished = shelfwise("train", store.catalog, "--target", "category_pth", "-o", tmp_path / "m")
        fails(finished, "category_pth", "did you mean 'category_path'?")

    def test_the_nearest_input_is_named(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
    ) -> None:
        args = ["--target", "category_path", "--inputs", "titel,brand", "-o", tmp_path / "m"]
        fails(shelfwise("train", store.catalog, *args), "titel", "did you mean 'title'?")

    def test_a_target_with_one_category(self, shelfwise: Shelfwise, tmp_path: Path) -> None:
        rows = "".join(f"{row},word{row} thing,Shoes\n" for row in range(30))
        catalog = write(tmp_path / "one.csv", "id,title,category\n" + rows)
        fails(shelfwise("train", catalog, "--target", "category", "-o", tmp_path / "m"), "categor")

    @pytest.mark.parametrize(
        ("recipe", "words"),
        [
            ("trainning: {seed: 1}", ["trainning", "did you mean 'training'?"]),
            ("training: {sed: 1}", ["training.sed", "did you mean 'seed'?"]),
            ("training: {seed: soon}", ["training.seed", "'soon'"]),
            ("- a", ["mapping"]),
            ("a: [", ["YAML"]),
        ],
    )
    def test_recipes(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path, recipe: str, words: list[str]
    ) -> None:
        file = write(tmp_path / "recipe.yaml", recipe)
        args = ["--target", "category_path", "--recipe", file, "-o", tmp_path / "m"]
        fails(shelfwise("train", store.catalog, *args), "recipe.yaml", *words)

    def test_a_recipe_that_is_not_there(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
    ) -> None:
        args = ["--target", "category_path", "--recipe", "best", "-o", tmp_path / "m"]
        fails(shelfwise("train", store.catalog, *args), "'best'", "auto")

    def test_a_text_model_that_is_not_there(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
    ) -> None:
        args = ["--inputs", "title", "--text-model", "./bert", "-o", tmp_path / "m"]
        fails(
            shelfwise("train", store.catalog, "--target", "category_path", *args),
            "'./bert'",
            "--text-model FOLDER",
        )

    def test_a_papers_preset_has_no_use_for_a_text_model(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
    ) -> None:
        args = ["--recipe", "paper-b", "--text-model", "bert", "-o", tmp_path / "m"]
        fails(
            shelfwise("train", store.catalog, "--target", "category_path", *args),
            "'paper-b'",
            "'bert'",
            "leave --text-model out",
        )

    @pytest.mark.parametrize("command", ["evaluate", "predict"])
    def test_a_model_that_is_not_there(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path, command: str
    ) -> None:
        more = ["-o", tmp_path / "out.csv"] if command == "predict" else []
        fails(shelfwise(command, tmp_path / "no-model", store.held_out, *more), "no-model", "shelfwise train")

    def test_a_catalog_without_the_target_cannot_be_evaluated(
        self, shelfwise: Shelfwise, store: StoreFiles, model_folder: Path
    ) -> None:
        fails(shelfwise("evaluate", model_folder, store.new_products), "category_path", "predict")
