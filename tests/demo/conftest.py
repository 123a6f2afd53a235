"""One small store on disk for all tests of the demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfwise.demo import StoreFiles, generate_store


@pytest.fixture(scope="session")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> StoreFiles:
    """300 catalog products, 45 held out, 30 new."""
    return generate_store(Path(tmp_path_factory.mktemp("store")), products=300, seed=1)
