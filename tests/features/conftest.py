"""What the tests of this room share: backbones and catalogs, made once, and a cache of each test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.features.pictured_catalogs import make_backbones, pictured_files

from shelfwise.features.backbones import Backbones


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this test's cache."""
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> Backbones:
    """One for pictures and one for texts. Not to be changed."""
    pytest.importorskip("transformers", reason="needs the extra `pretrained`, which is not installed")
    return make_backbones(tmp_path_factory.mktemp("backbones"))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A catalog of two Parquet files. Not to be changed."""
    return pictured_files(tmp_path_factory.mktemp("pictured"))
