"""'N/A' and 'nan' in the target were learned as categories, though they count as absent everywhere else."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfwise.catalog import Catalog
from shelfwise.recipe import TargetRecipe
from shelfwise.taxonomy.truth import Truth, read_truth


def truth_of(folder: Path, text: str, recipe: TargetRecipe) -> Truth:
    file = folder / "c.csv"
    file.write_text(text, encoding="utf-8")
    return read_truth(Catalog.read(file, id="id"), recipe)


@pytest.mark.parametrize("word", ["N/A", "nan", "null", "None", "-", " NULL "])
def test_in_one_column(tmp_path: Path, word: str) -> None:
    found = truth_of(tmp_path, f"id,c\n1,Shoes\n2,{word}\n3,Hats\n4,{word}\n", TargetRecipe(columns=["c"]))
    assert found.values == [("Shoes",), (), ("Hats",), ()]
    assert f"2 words for nothing are taken as no category in 'c': '{word.strip()}' (2)" in found.notes[0]


def test_many_of_them_are_no_sign_of_a_separator(tmp_path: Path) -> None:
    rows = "".join(f"{row},N/A\n" for row in range(20))
    found = truth_of(tmp_path, f"id,c\na,Shoes\nb,Hats\n{rows}", TargetRecipe(columns=["c"]))
    assert found.separator is None
    assert found.values[:3] == [("Shoes",), ("Hats",), ()]


def test_in_a_path(tmp_path: Path) -> None:
    text = "id,c\n1,Shoes > nan\n2,Shoes > Boots\n3,nan > nan\n4,Hats > None > Caps\n"
    found = truth_of(tmp_path, text, TargetRecipe(columns=["c"]))
    assert found.values == [("Shoes",), ("Shoes", "Boots"), (), ("Hats", "Caps")]
    assert "'nan' (3), 'None' (1)" in found.notes[0]
    assert any("empty level" in note for note in found.notes)


def test_in_one_column_a_level(tmp_path: Path) -> None:
    text = "id,a,b\n1,Shoes,nan\n2,Shoes,Boots\n3,N/A,N/A\n"
    found = truth_of(tmp_path, text, TargetRecipe(columns=["a", "b"]))
    assert found.values == [("Shoes",), ("Shoes", "Boots"), ()]
    assert "in 'a,b'" in found.notes[0]


def test_in_label_sets(tmp_path: Path) -> None:
    recipe = TargetRecipe(columns=["c"], multilabel=True)
    assert truth_of(tmp_path, "id,c\n1,red|null\n2,none\n3,red|blue\n", recipe).values == [
        ("red",),
        (),
        ("red", "blue"),
    ]
    file = tmp_path / "c.parquet"
    pq.write_table(pa.table({"id": ["1", "2"], "c": [["red", "nan"], ["-", None]]}), file)
    assert read_truth(Catalog.read(file), recipe).values == [("red",), ()]


def test_what_is_missing_is_not_counted(tmp_path: Path) -> None:
    found = truth_of(tmp_path, "id,c\n1,Shoes\n2,\n3,NA\n", TargetRecipe(columns=["c"]))
    assert found.values == [("Shoes",), (), ("NA",)]
    assert found.notes == ()
