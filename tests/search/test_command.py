"""`shelfwise search` from end to end: it searches, goes on, tells what is wrong before any training, and keeps what is done."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import Finished, Shelfwise
from tests.search.conftest import quick_recipe
from tests.tiny_catalog import tiny_rows, write

from shelfwise.learning.fitting import Trainer
from shelfwise.recipe import Recipe
from shelfwise.search.run import read_search_recipe
from shelfwise.search.scorer import Scorer

pytest.importorskip("optuna")

ROLES = ["--id", "id", "--text", "title", "--category", "brand", "--number", "price"]
SPACE: dict[str, Any] = {
    "classifiers.words.epochs": {"low": 1, "high": 6},
    "fusion.policies.0.kind": {"choices": ["opinion_pool", "max"]},
}
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "search.md"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path / "shop.csv", tiny_rows(160))


def recipe_file(folder: Path, space: dict[str, Any] | None = SPACE, **changes: Any) -> Path:
    file = folder / "mine.yaml"
    values = quick_recipe(**changes).model_dump(mode="json")
    file.write_text(yaml.safe_dump(values | ({} if space is None else {"search": space})), encoding="utf-8")
    return file


def fails(finished: Finished, *words: str) -> None:
    assert finished.status == 1
    assert finished.out == ""
    last = finished.err.strip().splitlines()[-1]
    for word in ("shelfwise: ", *words):
        assert word in last


def trials(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_whole_way(shelfwise: Shelfwise, shop: Path, tmp_path: Path) -> None:
    out, recipe = tmp_path / "found", recipe_file(tmp_path)
    command = ["search", shop, *ROLES, "--recipe", recipe, "-o", out]
    finished = shelfwise(*command, "--trials", "3")
    assert finished.status == 0
    assert "optimistic: it is the highest of" in finished.out
    assert "24 products in 24 groups that no trial saw" in finished.out
    assert (out / "summary.txt").read_text(encoding="utf-8") == finished.out
    first = trials(out)
    assert len(first) == 3
    finished = shelfwise(*command, "--trials", "5")
    assert "going on after 3 trials" in finished.err
    assert trials(out)[:3] == first
    assert len(trials(out)) == 5
    told = json.loads((out / "trials.json").read_text(encoding="utf-8"))
    best = Recipe.read(out / "recipe.yaml")
    assert best.classifiers[0].epochs == told["best"]["values"]["classifiers.words.epochs"]
    assert all(one.encoder and len(one.encoder) > 1 for one in best.inputs)
    trained = shelfwise("train", shop, *ROLES, "--recipe", out / "recipe.yaml", "-o", tmp_path / "model")
    assert trained.status == 0


def test_ctrl_c_keeps_what_is_done(
    shelfwise: Shelfwise, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, recipe = tmp_path / "found", recipe_file(tmp_path)
    command = ["search", shop, *ROLES, "--recipe", recipe, "--trials", "4"]
    score, calls = Scorer.score, []

    def interrupted(self: Scorer, *args: Any) -> Any:
        calls.append(args)
        if len(calls) == 4:  # the start, two trials, and in the middle of the third
            raise KeyboardInterrupt
        return score(self, *args)

    monkeypatch.setattr(Scorer, "score", interrupted)
    finished = shelfwise(*command, "-o", out)
    assert finished.status == 130
    assert "2 trials" in finished.err
    assert "the same command goes on" in finished.err
    assert Recipe.read(out / "recipe.yaml")
    assert "interrupted before" in (out / "summary.txt").read_text(encoding="utf-8")
    monkeypatch.setattr(Scorer, "score", score)
    assert shelfwise(*command, "-o", out).status == 0
    assert shelfwise(*command, "-o", tmp_path / "whole").status == 0
    for one, other in zip(trials(out), trials(tmp_path / "whole"), strict=True):
        assert {**one, "trial": "", "seconds": "", "repeats": ""} == {
            **other,
            "trial": "",
            "seconds": "",
            "repeats": "",
        }


def test_interrupted_before_the_first_trial(
    shelfwise: Shelfwise, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Trainer, *args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "fit", interrupted)
    finished = shelfwise("search", shop, *ROLES, "--recipe", recipe_file(tmp_path), "-o", tmp_path / "found")
    assert finished.status == 130
    assert "before a trial was finished" in finished.err


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"classifiers.words.epoch": {"low": 1, "high": 3}}, ["did you mean 'classifiers.words.epochs'?"]),
        ({"classifiers.words.epochs": {"low": 3, "high": 3}}, ["mine.yaml", "low below high"]),
        ({"classifiers.words.head": {"choices": ["tree", "bush"]}}, ["bush"]),
        ({"training.seed": {"low": 1, "high": 3}}, ["training.seed", "cannot be searched"]),
        ({"classifiers.words.epochs": 3}, ["mine.yaml", "classifiers.words.epochs"]),
        ({}, ["mine.yaml", "mapping of paths"]),
    ],
)
def test_wrong_spaces_are_refused_before_training(
    shelfwise: Shelfwise,
    shop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    space: dict[str, Any],
    words: list[str],
) -> None:
    monkeypatch.setattr(Trainer, "fit", lambda *_: pytest.fail("trained"))
    recipe = recipe_file(tmp_path, space)
    fails(shelfwise("search", shop, *ROLES, "--recipe", recipe, "-o", tmp_path / "found"), *words)


def test_a_search_of_something_else_is_refused(shelfwise: Shelfwise, shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    command = ["search", shop, *ROLES, "--trials", "1", "-o", out]
    assert shelfwise(*command, "--recipe", recipe_file(tmp_path)).status == 0
    fails(shelfwise(*command, "--recipe", recipe_file(tmp_path), "--seed", "5"), "another", "seed", "-o")
    fails(shelfwise(*command, "--recipe", recipe_file(tmp_path), "--test", "0.3"), "kept aside")
    fails(
        shelfwise(
            *command, "--recipe", recipe_file(tmp_path, {"classifiers.words.epochs": {"low": 1, "high": 5}})
        ),
        "space",
    )
    write(shop, [{**row, "title": row["title"] + "!"} for row in tiny_rows(160)])
    fails(shelfwise(*command, "--recipe", recipe_file(tmp_path)), "another catalog;")


def test_a_folder_of_something_else_is_refused(shelfwise: Shelfwise, shop: Path, tmp_path: Path) -> None:
    fails(shelfwise("search", shop, *ROLES, "--target", "category", "-o", tmp_path), "something else", "-o")
    fails(shelfwise("search", shop, *ROLES, "--target", "category", "-o", shop), "got the file")
    assert shop.is_file()


def test_without_optuna(
    shelfwise: Shelfwise, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "optuna" else find(name, *more)
    )
    fails(
        shelfwise("search", shop, "--target", "category", "-o", tmp_path / "found"),
        "optuna",
        "shelfwise[search]",
    )


@pytest.mark.parametrize(
    "more", [[], ["--trials", "0"], ["--minutes", "-1"], ["--test", "0.9"], ["--trials", "x"]]
)
def test_wrong_usage(shelfwise: Shelfwise, shop: Path, tmp_path: Path, more: list[str]) -> None:
    # The first has no target.
    target = ["--target", "category"] if more else []
    assert shelfwise("search", shop, *target, *more, "-o", tmp_path / "found").status == 2


def test_train_says_what_a_search_block_is_for(shelfwise: Shelfwise, shop: Path, tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path)
    fails(shelfwise("train", shop, *ROLES, "--recipe", recipe, "-o", tmp_path / "model"), "shelfwise search")


@pytest.mark.parametrize("name", ["auto", "fast"])
def test_presets_have_no_space(name: str) -> None:
    recipe, space = read_search_recipe(name)
    assert (recipe.preset, space) == (name, None)


def test_the_guides_recipes_can_be_searched(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    for text in blocks:
        (tmp_path / "guide.yaml").write_text(text, encoding="utf-8")
        _, space = read_search_recipe(tmp_path / "guide.yaml")
        assert space
