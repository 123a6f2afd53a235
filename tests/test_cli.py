"""The command line keeps its promises: exit statuses, one clear line for what is wrong, whole files."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from shelfwise.categorizer import Categorizer
from shelfwise.cli import BROKEN_PIPE_STATUS
from shelfwise.demo import StoreFiles

HEAVY = (
    "torch",
    "numpy",
    "pyarrow",
    "sklearn",
    "scipy",
    "rich",
    "yaml",
    "PIL",
    "matplotlib",
    "transformers",
)
Shelfwise = Callable[..., Any]
"""See the fixture ``shelfwise``."""
PROGRAM = [sys.executable, "-m", "shelfwise"]


def fails(finished: Any, *words: str) -> None:
    """Exit status 1, nothing on stdout, and one line on stderr that holds all ``words``."""
    assert (finished.status, finished.out) == (1, ""), finished
    complaint = finished.err.splitlines()[-1]
    assert complaint.startswith("shelfwise: ")
    assert finished.err.count("shelfwise: ") == 1
    assert "Traceback" not in finished.err
    for word in words:
        assert word in complaint


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


class TestHelp:
    @pytest.mark.parametrize("command", [[], ["demo"], ["inspect"], ["train"], ["evaluate"], ["predict"]])
    def test_is_printed(self, shelfwise: Shelfwise, command: list[str]) -> None:
        finished = shelfwise(*command, "--help")
        assert finished.status == 0
        assert finished.out.startswith("Usage: shelfwise")

    @pytest.mark.parametrize("command", [[], ["train"], ["predict"]])
    def test_imports_nothing_heavy(self, command: list[str]) -> None:
        code = f"""
import atexit, sys
from shelfwise.cli import main
atexit.register(lambda: print("HEAVY", [name for name in {HEAVY} if name in sys.modules]))
main({[*command, "--help"]})
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "HEAVY []"

    def test_version(self, shelfwise: Shelfwise) -> None:
        finished = shelfwise("--version")
        assert (finished.status, finished.out.split()[0]) == (0, "shelfwise")

    def test_python_m(self) -> None:
        done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("shelfwise ")


class TestUsage:
    @pytest.mark.parametrize(
        "command",
        [
            ["fold"],
            ["inspect"],
            ["train", "a.csv", "--target", "t"],
            ["train", "a.csv", "-o", "model"],
            ["train", "a.csv", "--target", "t", "-o", "model", "--seed", "one"],
            ["train", "--target", "t", "--validation", "a.csv", "b.csv", "-o", "model"],
            ["predict", "model", "-o", "out.csv"],
            ["predict", "model", "a.csv"],
            ["evaluate", "model"],
            ["predict", "model", "a.csv", "-o", "out.csv", "--fast"],
        ],
    )
    def test_wrong_usage_is_status_2(self, shelfwise: Shelfwise, command: list[str]) -> None:
        finished = shelfwise(*command)
        assert finished.status == 2
        assert "Usage:" in finished.err


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
        args = [
            "--target",
            "category_path",
            "--inputs",
            "title",
            "--text-model",
            "./bert",
            "-o",
            tmp_path / "m",
        ]
        fails(shelfwise("train", store.catalog, *args), "'./bert'", "--text-model FOLDER")

    def test_a_papers_preset_has_no_use_for_a_text_model(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
    ) -> None:
        args = [
            "--target",
            "category_path",
            "--recipe",
            "paper-b",
            "--text-model",
            "bert",
            "-o",
            tmp_path / "m",
        ]
        fails(shelfwise("train", store.catalog, *args), "'paper-b'", "'bert'", "leave --text-model out")

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


class TestPredictMidway:
    @pytest.fixture
    def many(self, tmp_path: Path) -> Path:
        """5,000 products: more than one batch."""
        rows = "".join(f"{row:05d},cotton shirt {row % 7}\n" for row in range(5000))
        return write(tmp_path / "many.csv", "id,title\n" + rows)

    @pytest.fixture
    def stop(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """``stop(error)``: the second batch raises it."""
        predict = Categorizer.predict
        calls: list[int] = []

        def arm(error: BaseException) -> None:
            def stopping(self: Categorizer, *args: Any, **kwargs: Any) -> Any:
                calls.append(1)
                if len(calls) == 2:
                    raise error
                return predict(self, *args, **kwargs)

            monkeypatch.setattr(Categorizer, "predict", stopping)

        return arm

    def test_ctrl_c_keeps_what_is_finished(
        self, shelfwise: Shelfwise, model_folder: Path, many: Path, tmp_path: Path, stop: Any
    ) -> None:
        stop(KeyboardInterrupt())
        finished = shelfwise("predict", model_folder, many, "-o", tmp_path / "out.csv", "--quiet")
        partial = tmp_path / "out.partial.csv"
        assert (finished.status, finished.out) == (130, "")
        assert finished.err == f"shelfwise: interrupted; 4,096 products written to {partial} are complete\n"
        lines = partial.read_text(encoding="utf-8").splitlines()
        assert [line[:5] for line in lines[1:]] == [f"{row:05d}" for row in range(4096)]
        assert not (tmp_path / "out.csv").exists()

    def test_a_full_disk(
        self, shelfwise: Shelfwise, model_folder: Path, many: Path, tmp_path: Path, stop: Any
    ) -> None:
        stop(OSError(errno.ENOSPC, "No space left on device"))
        finished = shelfwise("predict", model_folder, many, "-o", tmp_path / "out.parquet")
        fails(finished, "the disk is full", "4,096 products", "out.partial.parquet")

    def test_a_full_disk_at_training(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*args: object, **kwargs: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", "weights.safetensors")

        monkeypatch.setattr(Categorizer, "fit", full)
        finished = shelfwise(
            "train", store.catalog, "--target", "category_path", "-o", tmp_path / "m", "--quiet"
        )
        fails(finished, "weights.safetensors", "the disk is full")
        assert not (tmp_path / "m").exists()

    def test_ctrl_c_at_training(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*args: object, **kwargs: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Categorizer, "fit", interrupted)
        finished = shelfwise("train", store.catalog, "--target", "category_path", "-o", tmp_path / "m")
        assert finished.status == 130
        assert finished.err.splitlines()[-1].startswith("shelfwise: interrupted")


def test_a_reader_that_goes_away_is_no_complaint(store: StoreFiles) -> None:
    with subprocess.Popen(
        [*PROGRAM, "inspect", str(store.catalog)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        complaint = running.stderr.read()
    assert running.returncode == BROKEN_PIPE_STATUS
    assert complaint == ""


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


class TestQuiet:
    def test_remarks_go_to_stderr(self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path) -> None:
        args = ["train", store.catalog, "--target", "department", "--text", "title", "-o", tmp_path / "m"]
        finished = shelfwise(*args, "--inputs", "title")
        assert "held" not in finished.err
        assert shelfwise(*args, "--inputs", "title", "--quiet").err == ""

    def test_nothing_but_the_result(
        self, shelfwise: Shelfwise, store: StoreFiles, model_folder: Path, tmp_path: Path
    ) -> None:
        finished = shelfwise("predict", model_folder, store.new_products, "-o", tmp_path / "o.csv", "--quiet")
        assert finished.err == ""
        assert finished.out.splitlines()[0].split() == ["products", "30"]
