"""A folder is complete or absent, whatever happens while it is written, and what a kill leaves behind is tidied up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shelfwise import whole_folders
from shelfwise.locking import holding
from shelfwise.whole_folders import exchange, tidy_up, whole_folder

STEPS = ("mkdir", "replace", "fsync", "unlink", "rmdir", "rename", "open")
"""The calls of the system between which a process is killed."""


def write(folder: Path, text: str) -> None:
    """Two files that belong together."""
    with whole_folder(folder) as new:
        (new / "one").write_text(text)
        (new / "two").write_text(text)


def state(folder: Path) -> str | None:
    """What is there: nothing, or two files that agree."""
    if not folder.exists():
        return None
    texts = {(folder / name).read_text() for name in ("one", "two")}
    assert len(texts) == 1, "half of one and half of another"
    return texts.pop()


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Run ``work`` in a child that dies at its ``step``-th call of the system; False where it was over before."""
    child = os.fork()
    if not child:
        calls = 0

        def counting(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **words: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls == step:
                    os._exit(9)
                return function(*arguments, **words)

            return call

        for name in STEPS:
            setattr(os, name, counting(getattr(os, name)))
        whole_folders.exchange = counting(whole_folders.exchange)  # type: ignore[assignment]
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("replaces", [True, False], ids=["replacing", "new"])
@pytest.mark.parametrize("at_once", [True, False], ids=["exchanged", "in two steps"])
def test_killed_between_any_two_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaces: bool, at_once: bool
) -> None:
    if not at_once:
        monkeypatch.setattr("shelfwise.whole_folders.exchange", lambda *_: False)
    folder, step, kills = tmp_path / "model", 1, 0
    old = "old" if replaces else None
    while True:
        if replaces:
            write(folder, "old")
        met = killed_at(step, lambda: write(folder, "new"))
        allowed = {old, "new"} if at_once or not replaces else {old, "new", None}
        assert state(folder) in allowed, f"after a kill at step {step}"
        if not met:
            break
        kills += 1
        if state(folder) is None and replaces:
            tidy_up(folder)
            assert state(folder) == "old", "what was moved aside comes back"
        write(folder, "next")
        assert os.listdir(tmp_path) == ["model"], "the next writing leaves nothing behind"
        if not replaces:
            tidy(folder)
        step += 1
    assert kills > 10
    assert state(folder) == "new"


def tidy(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / name).unlink()
    folder.rmdir()


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write(folder, "old")

    def fails() -> None:
        with whole_folder(folder) as new:
            (new / "one").write_text("new")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fails()
    assert state(folder) == "old"
    assert os.listdir(tmp_path) == ["model"]


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    left = tmp_path / ".model.abc.saving"
    left.mkdir()
    with holding(left / "lock") as mine:
        assert mine
        write(tmp_path / "model", "new")
        assert left.is_dir()
    write(tmp_path / "model", "newer")
    assert not left.exists()


def test_names_with_marks_of_patterns(tmp_path: Path) -> None:
    (tmp_path / ".m1.x.saving").mkdir()
    write(tmp_path / "m[0-9]*?", "new")
    assert state(tmp_path / "m[0-9]*?") == "new"
    assert (tmp_path / ".m1.x.saving").exists(), "another folder's"


def test_an_exchange_is_one_step(tmp_path: Path) -> None:
    write(tmp_path / "a", "a")
    write(tmp_path / "b", "b")
    if not exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this system or disk cannot exchange two folders")
    assert (state(tmp_path / "a"), state(tmp_path / "b")) == ("b", "a")
    assert not exchange(tmp_path / "a", tmp_path / "none")
