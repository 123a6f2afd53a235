"""Trials: resumed they go on as if nothing had happened, and a study that was made for something else is refused."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shelfwise.errors import RecipeError, ShelfwiseError
from shelfwise.progress import Silent
from shelfwise.recipe import Recipe
from shelfwise.search.bench import Bench
from shelfwise.search.candidates import Candidates
from shelfwise.search.scorer import OnStep
from shelfwise.search.space import parse_space
from shelfwise.search.study import STUDY_FILE, Study
from shelfwise.training.loop import EpochRecord

pytest.importorskip("optuna")

SPACE = {
    "classifiers.words.sparse_learning_rate": {"low": 0.01, "high": 1.0, "log": True},
    "classifiers.words.epochs": {"low": 1, "high": 8},
}
MADE_FOR = {"catalog": "1", "target": "2", "space": "3"}


@dataclass
class FakeScorer:
    """Scores by two fields of the recipe, in no time; ``fails`` at these calls, with this error."""

    fails: dict[int, BaseException] = field(default_factory=dict)
    calls: int = 0
    curve: Any = None

    def score(self, recipe: Recipe, reporter: object, on_step: OnStep | None = None) -> Any:
        self.calls += 1
        if self.calls in self.fails:
            raise self.fails[self.calls]
        one = recipe.classifiers[0]
        value = 1 - abs(one.sparse_learning_rate - 0.4) - one.epochs / 100
        if self.curve is not None and on_step is not None:
            for epoch in range(one.epochs):
                on_step(0, EpochRecord(epoch + 1, 0.0, self.curve(one, epoch)))
        return type("Scored", (), {"value": value})


def study_of(
    bench: Bench, folder: Path, space: dict[str, Any] = SPACE, made_for: dict[str, str] = MADE_FOR
) -> Study:
    folder.mkdir(exist_ok=True)
    return Study(folder, Candidates(bench.recipe, parse_space(space), bench.target), 0, made_for)


def run(study: Study, scorer: FakeScorer, trials: int | None = 7, minutes: float | None = None) -> str:
    with Silent().stage("searching", trials) as stage:
        return study.run(scorer, trials, minutes, stage)  # type: ignore[arg-type]


def told(study: Study) -> list[tuple[Any, float | None]]:
    return [(tuple(row.values.values()), row.score) for row in study.rows()]


def test_the_recipe_itself_comes_first_and_the_best_is_found(quick_bench: Bench, tmp_path: Path) -> None:
    study = study_of(quick_bench, tmp_path / "one")
    assert run(study, FakeScorer(), 16) == "trials"
    rows = study.rows()
    assert len(rows) == 16
    assert tuple(rows[0].values.values()) == (0.3, 4)
    best = study.best()
    assert best is not None
    assert best.score == max(row.score or 0 for row in rows)
    assert best.score > rows[0].score  # type: ignore[operator]
    assert set(study.importances()) == set(SPACE)


@pytest.mark.parametrize("stops", [[1], [5], [2, 6]])
def test_interrupted_it_goes_on_as_if_nothing_had_happened(
    quick_bench: Bench, tmp_path: Path, stops: list[int]
) -> None:
    whole = study_of(quick_bench, tmp_path / "whole")
    run(whole, FakeScorer())
    before = 0
    for stop in stops:
        study = study_of(quick_bench, tmp_path / "cut")
        with pytest.raises(KeyboardInterrupt):
            run(study, FakeScorer({stop - before: KeyboardInterrupt()}))
        assert len(study.rows()) == stop - 1
        before = stop - 1
    study = study_of(quick_bench, tmp_path / "cut")
    run(study, FakeScorer())
    assert told(study) == told(whole)


def test_a_killed_trial_counts_for_nothing(quick_bench: Bench, tmp_path: Path) -> None:
    whole = study_of(quick_bench, tmp_path / "whole")
    run(whole, FakeScorer(), 6)
    study = study_of(quick_bench, tmp_path / "cut")
    run(study, FakeScorer(), 3)
    study._study.ask()  # as a process that is killed in the middle of a trial leaves it
    again = study_of(quick_bench, tmp_path / "cut")
    run(again, FakeScorer(), 6)
    assert told(again) == told(whole)


def test_enough_trials_are_enough(quick_bench: Bench, tmp_path: Path) -> None:
    run(study_of(quick_bench, tmp_path / "one"), FakeScorer(), 4)
    scorer = FakeScorer()
    assert run(study_of(quick_bench, tmp_path / "one"), scorer, 4) == "trials"
    assert scorer.calls == 0


def test_no_trial_is_begun_after_the_time(quick_bench: Bench, tmp_path: Path) -> None:
    scorer = FakeScorer()
    assert run(study_of(quick_bench, tmp_path / "one"), scorer, None, 0.0) == "minutes"
    assert scorer.calls == 0


def test_what_has_been_tried_is_not_tried_again(quick_bench: Bench, tmp_path: Path) -> None:
    study = study_of(quick_bench, tmp_path / "one", {"classifiers.words.epochs": {"choices": [2, 4, 6]}})
    scorer = FakeScorer()
    assert run(study, scorer, 200) == "everything"
    assert scorer.calls == 3
    rows = study.rows()
    for row in rows:
        if row.repeats is not None:
            first = next(one for one in rows if one.number == row.repeats)
            assert (first.repeats, first.score, first.values) == (None, row.score, row.values)


def test_what_the_recipe_refuses_is_told_and_does_not_end_the_search(
    quick_bench: Bench, tmp_path: Path
) -> None:
    study = study_of(quick_bench, tmp_path / "one")
    run(study, FakeScorer({3: RecipeError("these do not go together")}), 6)
    rows = study.rows()
    assert [row.state for row in rows].count("refused") == 1
    assert (rows[2].note, rows[2].score) == ("these do not go together", None)


def test_an_error_ends_the_search_and_keeps_the_trials(quick_bench: Bench, tmp_path: Path) -> None:
    study = study_of(quick_bench, tmp_path / "one")
    with pytest.raises(OSError, match="disk"):
        run(study, FakeScorer({4: OSError("disk")}), 6)
    assert len(study_of(quick_bench, tmp_path / "one").rows()) == 3


def test_hopeless_trials_are_given_up(quick_bench: Bench, tmp_path: Path) -> None:
    study = study_of(quick_bench, tmp_path / "one")
    scorer = FakeScorer(curve=lambda one, epoch: one.sparse_learning_rate + epoch / 100)
    run(study, scorer, 24)
    pruned = [row for row in study.rows() if row.state == "pruned" and row.repeats is None]
    assert pruned
    assert all(row.score is None and "given up" in row.note for row in pruned)
    rates = {
        state: [next(iter(r.values.values())) for r in study.rows() if r.state == state]
        for state in ("pruned", "finished")
    }
    assert sum(rates["pruned"]) / len(rates["pruned"]) < sum(rates["finished"]) / len(rates["finished"])


@pytest.mark.parametrize("what", list(MADE_FOR))
def test_a_study_of_something_else_is_refused(quick_bench: Bench, tmp_path: Path, what: str) -> None:
    run(study_of(quick_bench, tmp_path / "one"), FakeScorer(), 2)
    with pytest.raises(ShelfwiseError, match=f"another {what};"):
        study_of(quick_bench, tmp_path / "one", made_for=MADE_FOR | {what: "other"})


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\x00" + bytes(200)])
def test_a_damaged_study_is_refused(quick_bench: Bench, tmp_path: Path, content: bytes) -> None:
    (tmp_path / STUDY_FILE).write_bytes(content)
    with pytest.raises(ShelfwiseError, match="cannot be read"):
        study_of(quick_bench, tmp_path)


def test_another_programs_database_is_not_touched_further(quick_bench: Bench, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / STUDY_FILE) as database:
        database.execute("CREATE TABLE studies (something TEXT)")
    with pytest.raises(ShelfwiseError, match="cannot be read"):
        study_of(quick_bench, tmp_path)
