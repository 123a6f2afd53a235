"""`fast` took the held-out products of categories that nothing else had into training, and promised by those that were left: of
Flipkart's titles 99 % were right of these, and 83 % of new ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.tiny_catalog import read

from shelfwise import Categorizer, Recipe
from shelfwise.taxonomy.truth import read_truth

KINDS = ("lamp", "chair", "table", "stool")


def products(count: int, seed: int, first: int) -> list[dict[str, str]]:
    """Half of them of four kinds that the title names, half of a kind of their own that it hardly tells."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(first, first + count):
        kind = KINDS[number % 4]
        mine = kind if number % 2 else f"{kind} {number // 4}"
        rows.append(
            {"id": str(number), "title": f"{kind} {random.integers(10_000)}", "category": f"Home > {mine}"}
        )
    return rows


def test_a_promise_reckons_with_categories_of_one_product(tmp_path: Path) -> None:
    model = Categorizer(Recipe(preset="fast", target="category", routing={"precision": 0.9}))
    model.fit(read(tmp_path / "a.csv", products(600, 0, 0)))
    facts = model.facts_
    assert facts.refitted
    assert facts.held_out >= 50
    held = model.ensemble_.evidence
    assert held is not None
    assert held.whole.right.mean() < 0.65, "of the held-out products half cannot be right"
    new = read(tmp_path / "b.csv", products(400, 1, 10_000))
    truth = read_truth(new, model.recipe_.target, model.target_.as_paths).values
    accepted = [
        one.answer == true
        for one, true in zip(model.predict(new), truth, strict=True)
        if one.decision == "accept"
    ]
    assert not accepted or np.mean(accepted) >= 0.85
