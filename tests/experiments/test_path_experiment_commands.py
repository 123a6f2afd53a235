"""The three commands from end to end: files, words, a second run from the cache, and what is wrong in one line."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from tests.conftest import Shelfwise
from tests.tiny_catalog import tiny_rows, write

COLUMNS = ("--text", "title", "--category", "brand", "--target", "category")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("studied") / "catalog.csv", tiny_rows(100))


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_inputs(shelfwise: Shelfwise, catalog: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = ("experiment", "inputs", catalog, *COLUMNS, "--inputs", "title,brand", "--threads", 1)
    asked = (*asked, "--sizes", "all", "--seeds", 2, "-o", out)
    stopped = shelfwise(*asked, "--minutes", 0)
    assert stopped.status == 1
    assert "--minutes" in stopped.err
    done = shelfwise(*asked)
    assert done.status == 0, done.err
    found = rows_of(out / "inputs.csv")
    assert [row["model"] for row in found] == ["most frequent category", "brand", "text + brand"]
    assert {row["seeds"] for row in found} == {"2"}
    for row in found:
        levels = [float(row[f"level {level}"]) for level in (1, 2, 3)]
        assert float(row["mean of levels"]) == pytest.approx(sum(levels) / 3)
        assert (
            float(row["mean of levels low"])
            <= float(row["mean of levels"])
            <= float(row["mean of levels high"])
        )
    assert len(json.loads((out / "inputs.json").read_text())["rows"]) == len(found)
    for name in ("inputs-mean", "inputs-path", "inputs-levels"):
        assert (out / f"{name}.svg").read_bytes().startswith(b"<?xml")
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "tests on the products it trained on" in page
    assert "shelfwise experiment inputs" in page
    assert not re.search(r"(src|href)=\"https?:", page)
    part = shelfwise(
        *asked, "--only", "brand", "--minutes", 0, "--cache", out / "cache", "-o", tmp_path / "part"
    )
    assert part.status == 0, part.err
    assert [row["model"] for row in rows_of(tmp_path / "part" / "inputs.csv")] == [
        "most frequent category",
        "brand",
    ]
    kept = {path.name: path.stat().st_mtime_ns for path in (out / "cache").iterdir()}
    again = shelfwise(*asked, "--minutes", 0)
    assert again.status == 0
    assert {path.name: path.stat().st_mtime_ns for path in (out / "cache").iterdir()} == kept
    assert again.out == done.out


def test_levels_reads_texts_alone_and_beam_is_never_less_probable(
    shelfwise: Shelfwise, catalog: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = shelfwise(
        *(
            "experiment",
            "levels",
            catalog,
            *COLUMNS,
            "--seeds",
            1,
            "--sizes",
            "all",
            "--threads",
            1,
            "-o",
            out,
        )
    )
    assert done.status == 0, done.err
    found = [row["model"] for row in rows_of(out / "levels.csv")]
    assert len(found) == 10
    assert {"multitask MLP", "sequential MLP, greedy", "LSTM, beam", "multitask LSTM", "tree MLP"} <= set(
        found
    )
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "title (bag_of_words)" in page
    assert "brand (" not in page
    assert page.count("for 0.0% less") == 2
    assert "Multitask or sequential?" in page


def test_data_size_of_paths_and_of_label_sets(shelfwise: Shelfwise, catalog: Path, tmp_path: Path) -> None:
    for name, target in (("paths", ("--target", "category")), ("tags", ("--target", "tags", "--multilabel"))):
        out = tmp_path / name
        done = shelfwise(
            *("experiment", "data-size", catalog, "--text", "title", "--inputs", "title", *target),
            *("--sizes", "20,40,all", "--seeds", 1, "--threads", 1, "-o", out),
        )
        assert done.status == 0, done.err
        labels = [int(row["labels"]) for row in rows_of(out / "data-size.csv")]
        assert labels == [20, 40, 75, 150, 300, 600]
        assert (out / "data-size-curve.png").is_file()
        assert "Twice as many labels" in done.out or "Enough labels" in done.out


def test_a_test_catalog(shelfwise: Shelfwise, catalog: Path, tmp_path: Path) -> None:
    test = write(tmp_path / "test.csv", tiny_rows(32, seed=1))
    done = shelfwise(
        *("experiment", "inputs", catalog, *COLUMNS, "--inputs", "brand", "--test", test),
        *("--sizes", "60", "--seeds", 1, "--threads", 1, "-o", tmp_path / "out"),
    )
    assert done.status == 0, done.err
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "32 products given with --test" in page


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (("--sizes", "2000,lots"), "'lots'"),
        (("--inputs", "brand", "--target", "brand"), "target"),
        (("--only", "brand,everything"), "got 'everything'"),
        (("--target", "categry"), "did you mean 'category'"),
        (("--test", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_is_wrong_is_one_line(
    shelfwise: Shelfwise, catalog: Path, tmp_path: Path, changes: tuple[str, ...], complaint: str
) -> None:
    done = shelfwise("experiment", "inputs", catalog, *COLUMNS, *changes, "-o", tmp_path / "out")
    assert done.status == 1
    errors = [line for line in done.err.splitlines() if line.startswith("shelfwise:")]
    assert len(errors) == 1
    assert complaint in errors[0]
    assert not (tmp_path / "out" / "index.html").exists()


def test_an_output_that_is_a_file_is_left_alone(shelfwise: Shelfwise, catalog: Path) -> None:
    before = catalog.read_bytes()
    done = shelfwise("experiment", "levels", catalog, *COLUMNS, "-o", catalog)
    assert done.status == 1
    assert "is a file" in done.err
    assert catalog.read_bytes() == before
