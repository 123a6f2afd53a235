"""How many n-grams texts have: counted on a sample, and never more than an encoder keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tiny_catalog import read

from shelfwise.learning import text_width as module
from shelfwise.learning.text_width import text_width
from shelfwise.recipe import InputRecipe

TITLE = InputRecipe(name="title", role="text", encoder={"kind": "ngrams", "words": [1, 1], "min_products": 1})
BRAND = InputRecipe(name="brand", role="category", encoder={"kind": "one_hot"})


def test_counted_on_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": str(n), "title": f"word{n % 40} thing", "brand": "b", "category": "c"} for n in range(400)]
    shop = read(tmp_path / "a.csv", rows)
    assert text_width([TITLE, BRAND], shop, 0) == 41
    assert text_width([BRAND], shop, 0) == 0
    few = TITLE.model_copy(update={"encoder": {**(TITLE.encoder or {}), "max_features": 30}})
    assert text_width([few, TITLE], shop, 0) == 71
    monkeypatch.setattr(module, "_SAMPLE", 100)
    assert 41 <= text_width([TITLE], shop, 0) <= 4 * 41
