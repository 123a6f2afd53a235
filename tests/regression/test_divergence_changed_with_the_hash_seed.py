"""Divergence and distance of two catalogs were summed in the order of a set, so their last digits changed from run to run."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
from shelfwise.catalog.input_figures import distance
from shelfwise.catalog.shift import shannon_divergence
one = {f"value {number}": 1 / (number + 3) / 5 for number in range(200)}
other = {f"value {number}": 1 / (2 * number + 7) for number in range(100, 300)}
print(repr(shannon_divergence(one, other)), repr(distance(one, other)))
"""


def test_every_run_says_the_same() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(3)
    }
    assert len(said) == 1
