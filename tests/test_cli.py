"""The command line as a whole: help, usage, quiet, and a reader that goes away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import Shelfwise

from shelfwise.cli import BROKEN_PIPE_STATUS
from shelfwise.demo import StoreFiles

HEAVY = (
    "torch",
    "numpy",
    "pyarrow",
    "sklearn",
    "scipy",
    "rich",
    "yaml",
    "PIL",
    "matplotlib",
    "transformers",
)
PROGRAM = [sys.executable, "-m", "shelfwise"]


class TestHelp:
    @pytest.mark.parametrize("command", [[], ["demo"], ["inspect"], ["train"], ["evaluate"], ["predict"]])
    def test_is_printed(self, shelfwise: Shelfwise, command: list[str]) -> None:
        finished = shelfwise(*command, "--help")
        assert finished.status == 0
        assert finished.out.startswith("Usage: shelfwise")

    @pytest.mark.parametrize("command", [[], ["train"], ["predict"]])
    def test_imports_nothing_heavy(self, command: list[str]) -> None:
        code = f"""
import atexit, sys
from shelfwise.cli import main
atexit.register(lambda: print("HEAVY", [name for name in {HEAVY} if name in sys.modules]))
main({[*command, "--help"]})
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "HEAVY []"

    def test_version(self, shelfwise: Shelfwise) -> None:
        finished = shelfwise("--version")
        assert (finished.status, finished.out.split()[0]) == (0, "shelfwise")

    def test_python_m(self) -> None:
        done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("shelfwise ")


class TestUsage:
    @pytest.mark.parametrize(
        "command",
        [
            ["fold"],
            ["inspect"],
            ["train", "a.csv", "--target", "t"],
            ["train", "a.csv", "-o", "model"],
            ["train", "a.csv", "--target", "t", "-o", "model", "--seed", "one"],
            ["train", "--target", "t", "--validation", "a.csv", "b.csv", "-o", "model"],
            ["predict", "model", "-o", "out.csv"],
            ["predict", "model", "a.csv"],
            ["evaluate", "model"],
            ["predict", "model", "a.csv", "-o", "out.csv", "--fast"],
        ],
    )
    def test_wrong_usage_is_status_2(self, shelfwise: Shelfwise, command: list[str]) -> None:
        finished = shelfwise(*command)
        assert finished.status == 2
        assert "Usage:" in finished.err


def test_a_reader_that_goes_away_is_no_complaint(store: StoreFiles) -> None:
    with subprocess.Popen(
        [*PROGRAM, "inspect", str(store.catalog)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        complaint = running.stderr.read()
    assert running.returncode == BROKEN_PIPE_STATUS
    assert complaint == ""


class TestQuiet:
    def test_remarks_go_to_stderr(self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path) -> None:
        args = ["train", store.catalog, "--target", "department", "--text", "title", "-o", tmp_path / "m"]
        finished = shelfwise(*args, "--inputs", "title")
        assert "held" not in finished.err
        assert shelfwise(*args, "--inputs", "title", "--quiet").err == ""

    def test_nothing_but_the_result(
        self, shelfwise: Shelfwise, store: StoreFiles, model_folder: Path, tmp_path: Path
    ) -> None:
        finished = shelfwise("predict", model_folder, store.new_products, "-o", tmp_path / "o.csv", "--quiet")
        assert finished.err == ""
        assert finished.out.splitlines()[0].split() == ["products", "30"]
