"""Files, folders and globs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shelfwise.catalog.locate import find_files, format_of
from shelfwise.errors import CatalogError


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.csv", "csv"),
        ("a.CSV.GZ", "csv"),
        ("a.tsv.gz", "tsv"),
        ("a.v2.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.parquet.gz", None),
        ("a.gz", None),
        ("a.xlsx", None),
        ("csv", None),
    ],
)
def test_formats(name: str, format: str | None) -> None:
    assert format_of(Path(name)) == format


def test_folder_is_sorted_and_leaves_out_what_is_no_catalog(tmp_path: Path) -> None:
    for name in ("b.csv", "a.parquet", "c.tsv.gz", "settings.json", "_SUCCESS", ".hidden.csv", "x.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "folder.csv").mkdir()
    assert [file.path.name for file in find_files([tmp_path])] == ["a.parquet", "b.csv", "c.tsv.gz"]


def test_globs_and_doubles(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("s-1.csv", "s-0.csv", "in/s-2.csv", "s-3.txt"):
        (tmp_path / name).touch()
    found = find_files([f"{tmp_path}/s-*", tmp_path / "s-0.csv", f"{tmp_path}/**/*.csv"])
    assert [file.path.name for file in found] == ["s-0.csv", "s-1.csv", "s-2.csv"]


def test_a_name_with_brackets_is_a_file_first(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").touch()
    assert len(find_files([tmp_path / "a[1].csv"])) == 1


@pytest.mark.parametrize("given", ["nothing.csv", "*.csv", ".", "x.jpg"])
def test_what_is_not_there(tmp_path: Path, given: str) -> None:
    (tmp_path / "x.jpg").touch()
    with pytest.raises(CatalogError):
        find_files([tmp_path / given])
    with pytest.raises(CatalogError, match="No catalog"):
        find_files([])


def test_nothing_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert len(find_files(["."])) == 1
    with pytest.raises(CatalogError, match="got an empty text"):
        find_files(["a.csv", ""])


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "a.csv").touch()
    with pytest.raises(CatalogError, match=r"pipe\.csv: expected a file or folder, got a pipe"):
        find_files([tmp_path / "pipe.csv"])
    assert [file.path.name for file in find_files([tmp_path])] == ["a.csv"]
