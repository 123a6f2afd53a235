"""What is written at the end: complete tables, a recipe that reads back, pictures, and a summary that does not boast."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image
from tests.search.conftest import quick_recipe

from shelfwise.recipe import Recipe
from shelfwise.search.aside import AsideScores, Interval
from shelfwise.search.outcome import Outcome, Taken, summary, to_csv, to_json, write_tables
from shelfwise.search.picture import write_picture
from shelfwise.search.space import parse_space
from shelfwise.search.study import TrialRow

RATE, SHAPE = "classifiers.words.learning_rate", "classifiers.$<b>.hidden"
SPACE = {RATE: {"low": 1e-4, "high": 1.0, "log": True}, SHAPE: {"choices": [[], [16], "$x_1 <&>"]}}


def row(number: int, score: float | None, rate: float, **more: Any) -> TrialRow:
    state = "finished" if score is not None else more.pop("state", "pruned")
    shape = [16] if number % 2 else "$x_1 <&>"
    told = {"seconds": 1.5, "note": "", "repeats": None} | more
    return TrialRow(number=number, state=state, score=score, values={RATE: rate, SHAPE: shape}, **told)


@pytest.fixture
def outcome() -> Outcome:
    rows = [
        row(0, 0.5, 0.001),
        row(1, 0.75, 0.01),
        row(2, None, 0.1, note="given up"),
        row(3, None, 0.2, state="refused", note='no, "never"'),
        row(5, 0.7, 0.02),
        row(6, 0.75, 0.01, repeats=1),
    ]
    return Outcome(
        measure="micro-F1",
        judged_on="100 held-out products in 4 folds",
        start=0.5,
        start_values={RATE: 0.001, SHAPE: "$x_1 <&>"},
        domains=parse_space(SPACE),
        rows=rows,
        best=rows[1],
        recipe=quick_recipe(),
        importances={RATE: 0.9, SHAPE: 0.1},
        aside=AsideScores(
            30, 20, Interval(0.5, 0.4, 0.6), Interval(0.55, 0.45, 0.65), Interval(0.05, -0.02, 0.12)
        ),
        why_no_aside="Nothing was kept aside.",
        taken={},
        seed=3,
        command="shelfwise search shop.csv",
    )


def test_csv(outcome: Outcome) -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(outcome))))
    assert [line["trial"] for line in lines] == ["0", "1", "2", "3", "5", "6"]
    assert [line["best_so_far"] for line in lines] == ["0.500000", *["0.750000"] * 5]
    assert (lines[1][RATE], lines[1][SHAPE], lines[0][SHAPE]) == ("0.01", "[16]", "$x_1 <&>")
    assert (lines[2]["state"], lines[2]["score"]) == ("pruned", "")
    assert lines[3]["note"] == 'no, "never"'
    assert lines[5]["repeats"] == "1"


def test_json(outcome: Outcome) -> None:
    found = json.loads(to_json(outcome))
    assert (found["best"]["trial"], found["best"]["score"], found["chosen_among"]) == (1, 0.75, 3)
    assert (found["aside"]["gain"]["low"], found["aside"]["sure"]) == (-0.02, False)
    assert len(found["trials"]) == 6


def test_how_many_were_compared(outcome: Outcome) -> None:
    assert outcome.compared == 3
    # A start that was no trial is one recipe more to choose from.
    assert replace(outcome, start_values={RATE: 0.5, SHAPE: []}).compared == 4


def test_the_summary_says_that_the_best_is_optimistic(outcome: Outcome) -> None:
    told = summary(outcome, Path("out"))
    assert "optimistic: it is the highest of 3 recipes" in told
    assert "30 products in 20 groups that no trial saw" in told
    assert "+0.050 (-0.020 to +0.120)" in told
    assert "cannot be told from luck" in told
    assert f"{RATE}: 0.01 (was 0.001)" in told
    assert "3 trials finished, 1 were given up early, 1 were refused" in told


@pytest.mark.parametrize(
    ("gain", "words"),
    [((0.05, 0.01, 0.1), "more than luck"), ((-0.05, -0.1, -0.01), "keep that one")],
)
def test_the_summary_follows_the_test(outcome: Outcome, gain: tuple[float, float, float], words: str) -> None:
    assert outcome.aside
    told = summary(replace(outcome, aside=replace(outcome.aside, gain=Interval(*gain))), Path("out"))
    assert words in told
    assert "cannot be told" not in told


def test_nothing_better_and_nothing_aside(outcome: Outcome) -> None:
    told = summary(replace(outcome, best=None, aside=None), Path("out"))
    assert "No trial was better" in told
    assert "Nothing was kept aside." in told


def test_the_policy_that_training_would_take(outcome: Outcome) -> None:
    told = summary(replace(outcome, taken={"the best": Taken("mean", 0.9)}), Path("out"))
    assert "train would take: mean (0.9000) for the best" in told


@pytest.mark.parametrize("rows", [6, 1, 0])
def test_files(outcome: Outcome, tmp_path: Path, rows: int) -> None:
    few = replace(outcome, rows=outcome.rows[:rows], best=outcome.best if rows > 1 else None)
    write_tables(few, tmp_path)
    write_picture(few, tmp_path)
    assert Recipe.read(tmp_path / "recipe.yaml") == few.recipe
    names = {"recipe.yaml", "summary.txt", "trials.csv", "trials.json", "trials.svg", "trials.png"}
    assert {path.name for path in tmp_path.iterdir()} == names
    # Parses, so nothing that a recipe says was taken for markup.
    words = "".join(ElementTree.parse(tmp_path / "trials.svg").getroot().itertext())
    assert "classifiers.$<b>" in words
    with Image.open(tmp_path / "trials.png") as picture:
        picture.verify()


def test_the_same_outcome_gives_the_same_files(outcome: Outcome, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_picture(outcome, tmp_path / name)
    assert (tmp_path / "one" / "trials.svg").read_bytes() == (tmp_path / "two" / "trials.svg").read_bytes()


def test_many_fields(outcome: Outcome, tmp_path: Path) -> None:
    names = [f"classifiers.words.{number}" for number in range(14)]
    values: dict[str, Any] = dict.fromkeys(names, 0.5)
    rows = [replace(one, values=dict.fromkeys(names, one.number / 10)) for one in outcome.rows]
    domains = dict.fromkeys(names, parse_space({"a": {"low": 0.0, "high": 1.0}})["a"])
    write_picture(replace(outcome, start_values=values, domains=domains, rows=rows, best=rows[1]), tmp_path)
    assert (tmp_path / "trials.png").stat().st_size > 10_000


def test_that_nothing_searched_makes_a_difference_is_said(outcome: Outcome) -> None:
    alike = replace(outcome, rows=[row(0, 0.5, 0.001), row(1, 0.5, 0.01), row(3, 0.5, 0.02)], best=None)
    assert "All scored exactly the same: what was searched makes no difference" in summary(
        alike, Path("found")
    )
    other = replace(alike, rows=[*alike.rows, row(5, 0.4, 0.03)])
    assert "exactly the same" not in summary(other, Path("found"))
