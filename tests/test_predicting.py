"""From a catalog to predictions: block by block it is the same as all at once, and nothing is lost between two blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_catalog import read, tiny_rows, title_recipe

from shelfwise import Categorizer
from shelfwise.engine.classifier import BLOCK_ROWS
from shelfwise.predicting import predicted_blocks
from shelfwise.progress import Silent


def test_blocks_are_the_catalog_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Categorizer(title_recipe()).fit(read(tmp_path / "shop.csv", tiny_rows(160)))
    new = read(tmp_path / "new.csv", tiny_rows(2 * BLOCK_ROWS + 7, seed=1))
    at_once = model.predict(new)
    monkeypatch.setattr("shelfwise.predicting._SCORES_AT_ONCE", 1)
    blocks = list(predicted_blocks(model.recipe_, model.ensemble_, model.router_, new, Silent()))
    assert [len(block.predictions) for block in blocks] == [BLOCK_ROWS, BLOCK_ROWS, 7]
    assert [one for block in blocks for one in block.predictions] == at_once
    for block in blocks:
        assert block.logits.shape == (1, len(block.predictions), 4)
        # A classifier of titles is present where there is one.
        np.testing.assert_array_equal(
            block.present[0], [one.inputs["title"] == "present" for one in block.predictions]
        )
