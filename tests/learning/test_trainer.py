"""Training side by side gives what training one after the other gives, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.tiny_catalog import read, tiny_rows, title_recipe, with_pictures

from shelfwise.ensemble import build_encoders, prepare
from shelfwise.learning import trainer as trainer_module
from shelfwise.learning.plans import Plan, Trained
from shelfwise.learning.presets import complete
from shelfwise.learning.trainer import Trainer, raw_scores
from shelfwise.progress import Silent
from shelfwise.taxonomy.targets import PathTarget
from shelfwise.taxonomy.truth import read_truth
from shelfwise.training.loop import as_much
from shelfwise.training.side_by_side import SideBySide

BODY = {"inputs": ["title", "brand"], "hidden": [16], "embedding": 8, "epochs": 3, "batch": 16}
RECIPE: dict[str, Any] = {
    "inputs": [{"name": "title"}, {"name": "brand"}, {"name": "photo"}],
    "classifiers": [
        {"name": "title", "inputs": ["title"], "solver": "svm"},
        {"name": "early", **BODY},
        {"name": "photo", "inputs": ["photo"], "hidden": [8], "epochs": 1, "batch": 16},
    ],
}


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def trainer(tmp_path: Path, two_threads: None) -> Trainer:
    catalog = read(tmp_path / "shop.csv", with_pictures(tiny_rows(80), tmp_path))
    recipe = title_recipe(**RECIPE)
    truth = read_truth(catalog, recipe.target)
    recipe = complete(recipe, catalog, truth, np.arange(80), Silent())
    target = PathTarget.from_truth(truth.values)
    prepared = prepare(build_encoders(recipe.inputs), recipe.inputs, catalog, Silent())
    return Trainer(recipe, target, prepared, target.encode(truth.values), Silent())


PLANS = [
    Plan(np.arange(60), np.arange(60, 80), where=" (fold 1 of 2)"),
    Plan(np.arange(20, 80), np.arange(20), where=" (fold 2 of 2)", keep=False),
]


def one_after_the_other(trainer: Trainer) -> list[Trained]:
    return trainer.fit_all(PLANS)


def side_by_side(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Trained], list[str]]:
    monkeypatch.setattr(trainer_module, "_WORTH_PROCESSES", 1)
    sent: list[str] = []
    submit = SideBySide.submit

    def noted(self: SideBySide, function: Any, lesson: Any, *others: object) -> None:
        sent.append(lesson.recipe.name)
        submit(self, function, lesson, *others)

    monkeypatch.setattr(SideBySide, "submit", noted)
    return trainer.fit_all(PLANS), sent


def test_the_same_side_by_side(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = one_after_the_other(trainer)
    found, sent = side_by_side(trainer, monkeypatch)
    # Two networks on pictures for two threads: they are sent too. The longest goes first.
    assert sorted(sent) == ["early", "early", "photo", "photo", "title", "title"]
    assert sent[2] == sent[5] == "title"
    for mine, theirs in zip(found, straight, strict=True):
        assert list(mine.scores) == list(theirs.scores) == ["title", "early", "photo"]
        assert list(mine.fits) == list(theirs.fits)
        for name in ("title", "early"):  # on one thread each way
            np.testing.assert_array_equal(mine.scores[name][0], theirs.scores[name][0])
            np.testing.assert_array_equal(mine.scores[name][1], theirs.scores[name][1])
            assert mine.fits[name].curve == theirs.fits[name].curve
    kept, scores_only = found
    assert list(kept.classifiers) == ["title", "early", "photo"]
    assert not scores_only.classifiers
    assert not scores_only.data
    again = raw_scores(kept, PLANS[0].held_out if PLANS[0].held_out is not None else np.arange(0))
    for name, (logits, present) in kept.scores.items():
        np.testing.assert_array_equal(again[name][0], logits)
        np.testing.assert_array_equal(again[name][1], present)
    weights = {name: one.state_dict() for name, one in straight[0].classifiers.items() if name != "photo"}
    for name, state in weights.items():
        for key, value in kept.classifiers[name].state_dict().items():
            torch.testing.assert_close(value, state[key], rtol=0, atol=0)


def test_a_network_that_would_leave_threads_idle_is_trained_here(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "_WORTH_PROCESSES", 1)
    sent: list[str] = []
    submit = SideBySide.submit

    def noted(self: SideBySide, function: Any, lesson: Any, *others: object) -> None:
        sent.append(lesson.recipe.name)
        submit(self, function, lesson, *others)

    monkeypatch.setattr(SideBySide, "submit", noted)
    (found,) = trainer.fit_all(PLANS[:1])
    assert sorted(sent) == ["early", "title"]
    assert list(found.scores) == ["title", "early", "photo"]


@pytest.mark.parametrize("plans", [PLANS[:1], PLANS])
def test_processes_are_started_for_much_work_that_can_be_divided(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch, plans: list[Plan]
) -> None:
    started: list[int] = []

    @contextmanager
    def noted(processes: int) -> Iterator[None]:
        started.append(processes)
        yield

    monkeypatch.setattr(SideBySide, "working", noted)
    monkeypatch.setattr(trainer, "_side_by_side", lambda plans, pool, chosen: [])
    trainer.fit_all(plans)
    assert not started, "eighty products are sooner learned from than processes are started"
    monkeypatch.setattr(trainer_module, "_WORTH_PROCESSES", 1)
    trainer.fit_all(plans)
    assert started == [2]
    trainer.recipe = trainer.recipe.model_copy(update={"classifiers": trainer.recipe.classifiers[1:2]})
    trainer.fit_all(plans)
    assert len(started) == len(plans), "one classifier on one part would have the other process wait"


def test_epochs_name_who_is_trained(trainer: Trainer) -> None:
    (found,) = trainer.fit_all([Plan(np.arange(80), epochs={"early": 2})])
    assert list(found.classifiers) == ["early"]
    declared = next(one.epochs for one in trainer.recipe.classifiers if one.name == "early")
    assert len(found.fits["early"].curve) == as_much(2, declared, "cosine")
    assert not found.scores


def test_where_processes_cannot_be_all_is_done_here(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "processes_possible", lambda: False)
    found, sent = side_by_side(trainer, monkeypatch)
    assert not sent
    assert list(found[0].classifiers) == ["title", "early", "photo"]
