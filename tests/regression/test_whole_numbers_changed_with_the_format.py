"""A target of whole numbers was '8.0' from CSV and '8' from Parquet, so a model of one knew no category of the other."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfwise.catalog import Catalog
from shelfwise.recipe import TargetRecipe
from shelfwise.taxonomy.truth import read_truth

Answers = list[tuple[str, ...]]


def answers(folder: Path, values: list[str], known: Answers | None = None) -> Answers:
    file = folder / "c.csv"
    file.write_text(
        "id,c\n" + "".join(f"{row},{value}\n" for row, value in enumerate(values)), encoding="utf-8"
    )
    return read_truth(Catalog.read(file), TargetRecipe(columns=["c"]), known or ()).values


def test_csv_and_parquet_agree(tmp_path: Path) -> None:
    file = tmp_path / "c.parquet"
    pq.write_table(pa.table({"id": ["a", "b", "c"], "c": [8.0, None, 12.5]}), file)
    typed = read_truth(Catalog.read(file), TargetRecipe(columns=["c"])).values
    assert answers(tmp_path, ["8.0", "", "12.5"]) == typed == [("8",), (), ("12.5",)]


def test_levels(tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text("id,a,b\n1,1.0,x\n2,2.0,3.0\n", encoding="utf-8")
    read = read_truth(Catalog.read(file), TargetRecipe(columns=["a", "b"]))
    assert read.values == [("1", "x"), ("2", "3.0")]


@pytest.mark.parametrize("values", [["1.0", "2.0", "beta"], ["08.0", "1.0"], ["1,0", "2"]])
def test_what_is_not_all_numbers_stays(tmp_path: Path, values: list[str]) -> None:
    written = [f'"{value}"' for value in values]
    assert answers(tmp_path, written) == [(value,) for value in values]


@pytest.mark.parametrize("name", ["8.0", "8"])
def test_a_model_keeps_its_spelling(tmp_path: Path, name: str) -> None:
    known = [(name,), ("other",)]
    assert answers(tmp_path, ["8.0", "other"], known) == [(name,), ("other",)]
    assert answers(tmp_path, ["8", "8.0"], known) == [(name,), (name,)]
