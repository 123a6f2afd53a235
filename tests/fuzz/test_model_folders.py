"""A hundred spoiled model folders, in a process of their own: one that crashed, hung or ate the memory would show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_spoiled_model_folders_end_in_a_clear_error_or_predict() -> None:
    program = ROOT / "tests" / "fuzz" / "fuzz_model_folders.py"
    done = subprocess.run(
        [sys.executable, str(program), "--count", "100", "--seed", "9000", "--few"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused" in done.stdout
