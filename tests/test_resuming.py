"""A training that is killed at any moment and called again gives the model that it would have given, to the last byte."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.conftest import Shelfwise
from tests.killing import Nursery, same_files, train_through_kills, train_undisturbed
from tests.tiny_catalog import LINEAR, picture_recipe, text_recipe, tiny_rows, with_pictures, write

from shelfwise.learning.unfinished import unfinished_folder
from shelfwise.locking import holding

KILLS = int(os.environ.get("SHELFWISE_TEST_KILLS", "3"))
"""`make fuzz` asks for more."""
RECIPE = "r.yaml"
QUICK = {"policies": ["mean"]}


def many_epochs() -> Any:
    """A classifier without epochs, one with several inputs, and one that trains a network on pictures."""
    return picture_recipe(
        fusion=QUICK,
        inputs=[
            *({"name": name} for name in ("title", "brand", "price")),
            {"name": "photo", "encoder": {"kind": "small_cnn", "side": 16, "width": 64, "augment": True}},
        ],
        classifiers=[
            {"name": "title", "inputs": ["title"], **LINEAR},
            {"name": "early", "inputs": ["title", "brand", "price"], "hidden": [16], "embedding": 8}
            | {"epochs": 12, "batch": 16, "learning_rate": 1e-2, "hide_inputs": 0.2},
            {"name": "photo", "inputs": ["photo"], "hidden": [16], "epochs": 4, "batch": 16},
        ],
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a catalog with pictures and a recipe."""
    write(tmp_path / "shop.csv", with_pictures(tiny_rows(), tmp_path))
    (tmp_path / RECIPE).write_text(many_epochs().to_yaml(), encoding="utf-8")
    return tmp_path


def arguments(model: str) -> list[str]:
    return ["train", "shop.csv", "--recipe", RECIPE, "-o", model]


def test_killed_at_random_moments(shop: Path) -> None:
    with Nursery(shop) as nursery:
        takes_s = train_undisturbed(nursery, arguments("whole"))
        killed = train_through_kills(nursery, arguments("killed"), shop / "killed", KILLS, takes_s, seed=1)
    assert killed.kills >= 1
    assert same_files(shop / "whole", shop / "killed")
    left = [name for name in os.listdir(shop) if name.startswith(("killed.", "."))]
    assert not left, "nothing is left over beside a finished model"


def test_ctrl_c_says_that_the_same_command_goes_on(shop: Path) -> None:
    with Nursery(shop) as nursery:
        training = nursery.begin(*arguments("m"))
        unit = unfinished_folder(shop / "m") / "round-1-classifier-1.safetensors"
        while not unit.exists():
            time.sleep(0.01)
        training.kill(signal.SIGINT)
        status, said = training.finish()
    assert status == 130
    assert "the same command goes on from there" in said
    assert unfinished_folder(shop / "m").is_dir()


class TestWithoutKills:
    """The same in this process: the work folder is made by hand, by an interrupt between classifiers."""

    @pytest.fixture
    def stopped(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shelfwise: Shelfwise
    ) -> tuple[Path, list[str]]:
        """(A folder with an unfinished training, the command's arguments.)"""
        write(tmp_path / "shop.csv", tiny_rows())
        (tmp_path / RECIPE).write_text(text_recipe(fusion=QUICK).to_yaml(), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        typed = arguments("m")
        with monkeypatch.context() as patch:

            def interrupted(*_: object) -> None:
                raise KeyboardInterrupt

            patch.setattr("shelfwise.learning.fitting.fuse", interrupted)
            assert shelfwise(*typed).status == 130
        assert unfinished_folder(tmp_path / "m").is_dir()
        return tmp_path, typed

    def test_goes_on_and_says_so(self, stopped: tuple[Path, list[str]], shelfwise: Shelfwise) -> None:
        folder, typed = stopped
        assert shelfwise(*arguments("whole")).status == 0
        done = shelfwise(*typed)
        assert (done.status, "going on with the unfinished training" in done.err) == (0, True)
        assert same_files(folder / "whole", folder / "m")
        assert not unfinished_folder(folder / "m").exists()

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (["--fresh"], "as asked"),
            (["--seed", "5"], "another recipe"),
        ],
    )
    def test_begins_anew(
        self, stopped: tuple[Path, list[str]], shelfwise: Shelfwise, change: list[str], said: str
    ) -> None:
        _, typed = stopped
        done = shelfwise(*typed, *change)
        assert done.status == 0
        assert "is not gone on with" in done.err
        assert said in done.err

    def test_another_catalog_begins_anew(self, stopped: tuple[Path, list[str]], shelfwise: Shelfwise) -> None:
        folder, typed = stopped
        rows = tiny_rows()
        rows[3]["title"] += " new"
        write(folder / "shop.csv", rows)
        done = shelfwise(*typed)
        assert done.status == 0
        assert "of another catalog" in done.err

    def test_in_other_numbers_it_begins_anew(
        self, stopped: tuple[Path, list[str]], shelfwise: Shelfwise, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("shelfwise.learning.fingerprint.precision", lambda: torch.bfloat16)
        done = shelfwise(*stopped[1])
        assert done.status == 0
        assert "another machine, precision or number of threads" in done.err

    @pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
    def test_damaged_units_are_trained_again(
        self, stopped: tuple[Path, list[str]], shelfwise: Shelfwise, damage: str
    ) -> None:
        folder, typed = stopped
        assert shelfwise(*arguments("whole")).status == 0
        for unit in unfinished_folder(folder / "m").glob("*.safetensors"):
            data = bytearray(unit.read_bytes())
            if damage == "flip":
                data[len(data) * 3 // 4] ^= 1
            unit.write_bytes({"cut": data[: len(data) // 2], "flip": data, "empty": b""}[damage])
        assert shelfwise(*typed).status == 0
        assert same_files(folder / "whole", folder / "m")

    def test_a_second_training_of_the_same_model_is_refused(
        self, stopped: tuple[Path, list[str]], shelfwise: Shelfwise
    ) -> None:
        folder, typed = stopped
        with holding(unfinished_folder(folder / "m") / "lock") as mine:
            assert mine
            done = shelfwise(*typed)
        assert done.status == 1
        assert "another training is under way" in done.err

    def test_other_peoples_folders_are_refused(
        self, stopped: tuple[Path, list[str]], shelfwise: Shelfwise
    ) -> None:
        folder, typed = stopped
        (unfinished_folder(folder / "m") / "thesis.txt").write_text("years of work")
        done = shelfwise(*typed)
        assert (done.status, "holds other things" in done.err) == (1, True)
        assert (unfinished_folder(folder / "m") / "thesis.txt").exists()


def test_an_error_before_anything_is_trained_leaves_nothing(
    tmp_path: Path, shelfwise: Shelfwise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "shop.csv", tiny_rows()[:3])
    assert shelfwise("train", "shop.csv", "--target", "category", "-o", "m").status == 1
    assert sorted(os.listdir(tmp_path)) == ["shop.csv"]


def test_a_full_disk_ends_keeping_and_not_training(
    tmp_path: Path, shelfwise: Shelfwise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "shop.csv", tiny_rows())
    (tmp_path / RECIPE).write_text(text_recipe(fusion=QUICK).to_yaml(), encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shelfwise.learning.unfinished.write_snapshot", full)
    done = shelfwise(*arguments("m"))
    assert (done.status, done.err.count("cannot be kept")) == (0, 1)
