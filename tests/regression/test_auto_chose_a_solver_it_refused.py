"""A recipe that gave a text the encoder `kim_cnn` and left the rest to `auto` was refused: `auto` chose support vector machines
for every text, which cannot read words in order, and told people who had chosen none to use another solver.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tiny_catalog import read, tiny_rows

from shelfwise import Categorizer, Recipe


@pytest.mark.parametrize("preset", ["auto", "fast"])
def test_what_is_left_to_a_preset_fits_the_encoder(tmp_path: Path, preset: str) -> None:
    rows = tiny_rows()
    catalog = read(tmp_path / "a.csv", rows)
    inputs = [
        {
            "name": "title",
            "role": "text",
            "encoder": {"kind": "kim_cnn", "embedding": 8, "filters": 8, "dense": 8},
        }
    ]
    recipe = Recipe(preset=preset, target="category", inputs=inputs)
    model = Categorizer(recipe).fit(catalog)
    assert [one.solver for one in model.recipe_.classifiers] == ["gradient"]
    for row, one in zip(rows, model.predict(catalog), strict=True):
        assert (one.decision == "failed") == (row["title"] == "")
