"""Several processes that train together give the model that one gives, to the last bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tiny_catalog import tiny_rows, with_pictures, write

RECIPE = """
target: category
inputs: [{name: title}, {name: brand}, {name: photo}]
classifiers:
- {name: title, inputs: [title], solver: svm}
- {name: early, inputs: [title, brand], hidden: [16], embedding: 8, epochs: 3, batch: 16}
- {name: photo, inputs: [photo], hidden: [8], epochs: 1, batch: 16}
training: {folds: 2}
"""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def train(folder: Path, model: str, *launcher: str, **environment: str) -> subprocess.CompletedProcess[str]:
    words = ["-m", "shelfwise", "train", "shop.csv", "--recipe", "recipe.yaml", "-o", model]
    return subprocess.run(
        [sys.executable, *launcher, *words],
        cwd=folder,
        env=os.environ | ONE_THREAD | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write(tmp_path / "shop.csv", with_pictures(tiny_rows(80), tmp_path))
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


def test_two_processes_train_the_model_of_one(shop: Path) -> None:
    alone = train(shop, "by-one")
    assert alone.returncode == 0, alone.stderr
    both = train(shop, "by-two", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    assert both.returncode == 0, both.stderr
    for name in ("weights.safetensors", "recipe.yaml", "model.json"):
        assert (shop / "by-two" / name).read_bytes() == (shop / "by-one" / name).read_bytes(), name
    assert both.stdout == alone.stdout.replace("by-one", "by-two"), "one process speaks, not each"
    assert not (shop / "by-two.partial").exists()


def test_a_process_that_was_told_half_of_it_says_what_is_missing(shop: Path) -> None:
    found = train(shop, "model", WORLD_SIZE="2", RANK="0")
    assert found.returncode == 1
    assert "LOCAL_RANK" in found.stderr
    assert "torchrun" in found.stderr
    assert len(found.stderr.splitlines()) == 1
