"""`shelfwise train` writes a model and says what came of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import yaml
from tests.conftest import Shelfwise
from tests.tiny_catalog import tiny_rows, write

from shelfwise.demo import StoreFiles


class TestTrain:
    def test_the_recipe_is_written_out_and_can_be_given_back(
        self, shelfwise: Shelfwise, store: StoreFiles, model_folder: Path, tmp_path: Path
    ) -> None:
        recipe = yaml.safe_load((model_folder / "recipe.yaml").read_text(encoding="utf-8"))
        assert recipe["target"]["columns"] == ["category_path"]
        assert [one["encoder"]["kind"] for one in recipe["inputs"]] == [
            "ngrams",
            "one_hot",
            "number",
            "small_cnn",
        ]
        finished = shelfwise(
            "train",
            store.catalog,
            "--recipe",
            model_folder / "recipe.yaml",
            "-o",
            tmp_path / "m",
            "--seed",
            "0",
        )
        assert finished.status == 0
        assert (tmp_path / "m" / "recipe.yaml").read_text() == (model_folder / "recipe.yaml").read_text()

    def test_the_table_and_a_second_training(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
    ) -> None:
        args = [store.catalog, "--target", "department", "--inputs", "title", "-o", tmp_path / "m"]
        first = shelfwise("train", *args)
        assert first.status == 0
        assert [line.split("  ")[0] for line in first.out.splitlines()][:4] == [
            "products",
            "categories",
            "inputs",
            "held-out products",
        ]
        assert "took the place" not in first.out
        assert "took the place of an earlier model" in shelfwise("train", *args, "--quiet").out

    def test_validation_takes_several_names(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
    ) -> None:
        parts = [shutil.copy(store.held_out, tmp_path / f"{part}.csv") for part in "ab"]
        args = ["--target", "department", "--inputs", "title", "--validation", *parts, "-o", tmp_path / "m"]
        finished = shelfwise("train", store.catalog, *args)
        assert finished.status == 0
        told = dict(line.split("  ", 1) for line in finished.out.splitlines())
        assert told["products"].strip().startswith("300 ")
        assert told["held-out products"].strip() == "90"

    def test_random_labels_are_told_of(self, shelfwise: Shelfwise, tmp_path: Path) -> None:
        rows, random = tiny_rows(600), np.random.default_rng(0)
        right = [row["category"] for row in rows]
        for row in rows:
            if random.random() < 0.3:
                row["category"] = right[random.integers(600)]
        shop = write(tmp_path / "shop.csv", rows)
        args = [shop, "--target", "category", "--inputs", "title,brand", "--precision", "0.95"]
        finished = shelfwise("train", *args, "-o", tmp_path / "m")
        assert finished.status == 0
        assert "products are left out of the last training" in finished.err
        assert re.search(r"none: these inputs do not explain about (2|3)\d% of the labels", finished.out)
