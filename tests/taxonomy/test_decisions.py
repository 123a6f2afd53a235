"""Decisions on their way back: read from every format that the desk writes, and laid over old labels."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.batch.rows import LIST_JOIN as WRITTEN_LIST_JOIN
from shelfwise.batch.rows import PATH_JOIN as WRITTEN_PATH_JOIN
from shelfwise.errors import DecisionsError
from shelfwise.taxonomy.decided import Conflict, conflicts_to_csv, lay_over
from shelfwise.taxonomy.decisions import LIST_JOIN, PATH_JOIN, Decision, Decisions, read_decisions
from shelfwise.taxonomy.truth import Truth

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
POTS, PANS = ("Home", "Pots"), ("Home", "Pans")


def row(id: str, path: tuple[str, ...] = POTS, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "path": list(path),
        "action": "correct" if path else "cannot_tell",
        "decided_at": NOON,
        "occurrence": 0,
        "final": True,
        **more,
    }


def write(file: Path, rows: list[dict[str, Any]]) -> Path:
    plain = [{**one, "decided_at": one["decided_at"].isoformat()} for one in rows]
    match file.suffix:
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), file)
        case ".jsonl":
            file.write_text("".join(json.dumps(one) + "\n" for one in plain))
        case ".csv":
            with file.open("w", newline="") as stream:
                writer = csv.DictWriter(stream, plain[0])
                writer.writeheader()
                joined = {"path": PATH_JOIN, "labels": LIST_JOIN}
                writer.writerows(
                    {name: joined[name].join(cell) if name in joined else cell for name, cell in one.items()}
                    for one in plain
                )
    return file


def test_cells_are_joined_as_the_desk_joins_them() -> None:
    assert (PATH_JOIN, LIST_JOIN) == (WRITTEN_PATH_JOIN, WRITTEN_LIST_JOIN)


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_every_format(tmp_path: Path, ending: str) -> None:
    rows = [row("007"), row("8", PANS, occurrence=1), row("9", ()), row("10", PANS, final=False)]
    found = read_decisions([write(tmp_path / f"d{ending}", rows)], multilabel=False)
    assert {key: one.answer for key, one in found.by_product.items()} == {
        ("007", 0): POTS,
        ("8", 1): PANS,
        ("9", 0): (),
    }
    assert (found.passed_over, found.ids) == (1, {"007", "8"})


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_label_sets(tmp_path: Path, ending: str) -> None:
    one = row("1")
    del one["path"]
    file = write(tmp_path / f"d{ending}", [{**one, "labels": ["red", "soft"]}])
    assert read_decisions([file], multilabel=True).by_product["1", 0].answer == ("red", "soft")
    with pytest.raises(DecisionsError, match="label sets, and the target is of the other kind"):
        read_decisions([file], multilabel=False)


def test_the_later_of_two_counts_whatever_file_it_is_in(tmp_path: Path) -> None:
    early = write(tmp_path / "early.parquet", [row("1", PANS)])
    late = write(tmp_path / "late.csv", [row("1", POTS, decided_at=NOON + timedelta(hours=1))])
    for files in ([early, late], [late, early]):
        found = read_decisions(files, multilabel=False)
        assert found.by_product["1", 0].answer == POTS
        assert found.passed_over == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"final": "perhaps"}, "'final' must be true or false"),
        ({"occurrence": "first"}, "'occurrence' must be a whole number"),
        ({"path": [], "action": "parent"}, "needs an answer"),
    ],
)
def test_cells_that_cannot_be(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    file = write(
        tmp_path / "d.jsonl",
        [row("1"), row("2", **change) if "path" not in change else {**row("2"), **change}],
    )
    with pytest.raises(DecisionsError, match=rf"decision 2: .*{told}"):
        read_decisions([file], multilabel=False)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DecisionsError, match="cannot be read"):
        read_decisions([tmp_path / "nowhere.parquet"], multilabel=False)
    (tmp_path / "torn.parquet").write_bytes(write(tmp_path / "d.parquet", [row("1")]).read_bytes()[:-50])
    with pytest.raises(DecisionsError, match="cannot be read"):
        read_decisions([tmp_path / "torn.parquet"], multilabel=False)
    (tmp_path / "other.csv").write_text("id,path\n1,A\n")
    with pytest.raises(DecisionsError, match="action, decided_at, occurrence, final is not there"):
        read_decisions([tmp_path / "other.csv"], multilabel=False)
    (tmp_path / "when.csv").write_text("id,path,action,decided_at,occurrence,final\n1,A,accept,noon,0,true\n")
    with pytest.raises(DecisionsError, match="'decided_at' must be a date"):
        read_decisions([tmp_path / "when.csv"], multilabel=False)


def decided(*pairs: tuple[str, tuple[str, ...]], multilabel: bool = False) -> Decisions:
    seen: dict[str, int] = {}
    made = {}
    for name, answer in pairs:
        made[name, seen.get(name, 0)] = Decision(answer, NOON)
        seen[name] = seen.get(name, 0) + 1
    return Decisions(made, multilabel)


def test_decisions_win_and_everything_is_counted() -> None:
    truth = Truth([POTS, POTS, (), PANS, PANS], " > ")
    decisions = decided(("a", POTS), ("b", PANS), ("c", PANS), ("d", ()), ("stranger", POTS))
    found = lay_over(truth, list("abcde"), decisions)
    assert found.truth.values == [POTS, PANS, PANS, (), PANS]
    assert found.conflicts == (Conflict("b", POTS, PANS), Conflict("d", PANS, ()))
    assert (found.new, found.kept, found.strangers, found.too_deep) == (1, 1, 1, 0)
    assert found.told() == [
        "decisions: 4 products take theirs: 1 had no label, 1 keep it, 2 had another",
        "  b: 'Home > Pots', decided: 'Home > Pans'",
        "  d: 'Home > Pans', decided: cannot tell",
        "on products that the catalog does not have: 1 of the decisions",
    ]
    assert (
        conflicts_to_csv(found.conflicts) == "id,label,decided\nb,Home > Pots,Home > Pans\nd,Home > Pans,\n"
    )


def test_spelling_is_no_conflict() -> None:
    truth = Truth([POTS, PANS], " > ")
    found = lay_over(truth, ["a", "b"], decided(("a", ("home", "POTS")), ("b", ("Home", "pots"))))
    assert found.truth.values == [POTS, POTS]
    assert found.conflicts == (Conflict("b", PANS, POTS),)


def test_label_sets_have_no_order() -> None:
    truth = Truth([("red", "soft"), ("red",)], None)
    found = lay_over(
        truth, ["a", "b"], decided(("a", ("soft", "red")), ("b", ("red", "hard")), multilabel=True)
    )
    assert found.kept == 1
    assert found.truth.values[1] == ("red", "hard")


def test_of_products_with_one_id_each_has_its_own() -> None:
    truth = Truth([POTS, POTS], " > ")
    assert lay_over(truth, ["a", "a"], decided(("a", PANS))).truth.values == [PANS, POTS]
    assert lay_over(truth, ["a", "a"], decided(("a", POTS), ("a", PANS))).truth.values == [POTS, PANS]


def test_more_levels_than_the_target_has_columns() -> None:
    truth = Truth([POTS], None, ("first", "second"))
    found = lay_over(truth, ["a"], decided(("a", (*POTS, "Woks"))))
    assert (found.truth.values, found.too_deep) == ([POTS], 1)
    assert "2 columns" in found.told()[-1]


ANSWERS = st.sampled_from([(), POTS, PANS, ("Toys",)])


@given(st.lists(ANSWERS, max_size=8), st.dictionaries(st.integers(0, 11), ANSWERS))
def test_every_decision_is_accounted_for(
    labels: list[tuple[str, ...]], made: dict[int, tuple[str, ...]]
) -> None:
    decisions = decided(*((str(number), answer) for number, answer in made.items()))
    found = lay_over(Truth(labels, " > "), [str(number) for number in range(len(labels))], decisions)
    for number, value in enumerate(found.truth.values):
        assert value == made.get(number, labels[number])
    same = sum(made.get(number) == label == () for number, label in enumerate(labels))
    assert found.new + found.kept + len(found.conflicts) + same + found.strangers == len(made)
