"""`shelfwise features` from the command line: what it prints, and where what is wrong is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Shelfwise
from tests.features.pictured_catalogs import features_of

from shelfwise.features.backbones import Backbones


@pytest.fixture
def features(shelfwise: Shelfwise, files: list[Path], backbones: Backbones) -> Shelfwise:
    """``features("-o", …)`` with both models, where no other is given."""
    models = ("--image-model", backbones.image, "--text-model", backbones.text)
    return lambda *args: shelfwise("features", files[0].parent, *models, *args)


def test_a_folder_is_written_and_what_is_missing_is_said(features: Shelfwise, tmp_path: Path) -> None:
    args = ("-o", f"{tmp_path / 'out'}/", "--shard-rows", 20, "--text", "title")
    finished = features(*args)
    assert finished.status == 0, finished.err
    assert "products  44" in finished.out
    assert "image     40 present, 2 absent, 2 failed" in finished.out
    assert "title     42 present, 2 absent, 0 failed" in finished.out
    assert features_of(tmp_path / "out").num_rows == 44
    assert "from earlier runs  44" in features(*args).out


def test_columns_can_be_chosen(features: Shelfwise, tmp_path: Path) -> None:
    finished = features("-o", tmp_path / "out", "--input", "title", "--text", "title", "--quiet")
    assert finished.status == 0, finished.err
    assert features_of(tmp_path / "out").column_names == ["id", "title_features", "title_state", "title_key"]


def test_what_is_wrong_is_one_line(features: Shelfwise, shelfwise: Shelfwise, tmp_path: Path) -> None:
    finished = features("-o", tmp_path / "out.csv")
    assert finished.status == 1
    assert finished.err.startswith("shelfwise: features are a folder of Parquet files")
    finished = shelfwise("features", tmp_path / "nowhere.csv", "-o", tmp_path / "out", "--text-model", "x/y")
    assert finished.status == 1
    assert "nowhere.csv" in finished.err
