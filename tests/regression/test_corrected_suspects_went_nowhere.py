"""People were asked to fill in the column `correct` of the suspects file, and nothing read it."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from shelfwise.doctor.findings import Suspect
from shelfwise.doctor.suspects_file import write_suspects
from shelfwise.errors import DecisionsError
from shelfwise.taxonomy.decided import lay_over
from shelfwise.taxonomy.decisions import read_decisions
from shelfwise.taxonomy.truth import Truth

IDS = ["7", "8", "7", "9"]
LABELS = [("Home", "Pots"), ("Home", "Pots"), ("Home", "Pots"), ("Toys", "Cars")]


def suspect(row: int) -> Suspect:
    return Suspect(
        row=row, id=IDS[row], title="a title", label=list(LABELS[row]), suggested=["Toys", "Dolls"],
        wrong=0.9, probability=0.1, suggested_probability=0.8,
    )  # fmt: skip


def fill(file: Path, answers: dict[int, str]) -> Path:
    """The file with ``correct`` filled in, by its rows."""
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        filled = [answers[row].split(" > ") if row in answers else None for row in range(len(table))]
        at = table.column_names.index("correct")
        pq.write_table(table.set_column(at, table.schema.field(at), [filled]), file)
        return file
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row, answer in answers.items():
        rows[row]["correct"] = answer
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return file


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_people_fill_in_is_learned_from(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"suspects.{ending}"
    write_suspects([suspect(2), suspect(1), suspect(3)], file, ids=IDS, multilabel=False)
    # Of two products with one id the second is meant; the row that is left open decides nothing.
    fill(file, {0: "Toys > Dolls", 2: "Toys > Cars"})
    decisions = read_decisions([file], multilabel=False)
    assert len(decisions) == 2
    laid = lay_over(Truth(list(LABELS), " > "), IDS, decisions)
    assert laid.truth.values == [LABELS[0], LABELS[1], ("Toys", "Dolls"), LABELS[3]]
    assert (laid.kept, len(laid.conflicts), laid.strangers) == (1, 1, 0)


def test_an_untouched_file_decides_nothing_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "suspects.csv"
    write_suspects([suspect(2)], file, ids=IDS, multilabel=False)
    assert len(read_decisions([file], multilabel=False)) == 0
    damaged = fill(file, {0: "Toys > Dolls"}).read_text(encoding="utf-8").replace("7,3,1,", "7,3,one,")
    file.write_text(damaged, encoding="utf-8")
    with pytest.raises(DecisionsError, match="row 1: 'occurrence' must be a whole number"):
        read_decisions([file], multilabel=False)
    file.write_text("id,label\n7,A\n", encoding="utf-8")
    with pytest.raises(DecisionsError, match="inspect --suspects"):
        read_decisions([file], multilabel=False)
