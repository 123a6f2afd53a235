"""The words of category names, and how they come into a recipe."""

from __future__ import annotations

import pytest

from shelfwise.recipe import Recipe
from shelfwise.taxonomy.label_words import label_words, mask_labels

VALUES = [("Men", "Bags & Wallets"), ("Men", "T-Shirts"), (), ("Women", "Bags & Wallets")]
WORDS = ["bag", "men", "shirt", "wallet", "women"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["Men", "men", "MEN"], ["men"]),
        (["Sports Shoes", "Shoe"], ["shoe", "sport"]),
        (["Gifts for Women", "Taschen und Koffer"], ["gift", "koffer", "taschen", "women"]),
        (["75010400_Household Beds/Mattresses"], ["bed", "household", "mattress"]),
        (["TV", "A", "3", ""], ["tv"]),
        ([], []),
    ],
)
def test_words(names: list[str], words: list[str]) -> None:
    assert label_words(names) == words


def recipe(mask: bool = True) -> Recipe:
    return Recipe(
        target={"columns": "path", "mask_labels": mask},
        inputs=[
            {"name": "title", "role": "text"},
            {"name": "description", "role": "text", "mask_words": ["own"]},
            {"name": "brand", "role": "category"},
        ],
    )


def test_text_inputs_are_masked() -> None:
    found = mask_labels(recipe(), VALUES)
    assert [one.mask_words for one in found.inputs] == [WORDS, ["own"], None]
    assert mask_labels(found, [("Other",)]).inputs[0].mask_words == WORDS, (
        "a recipe used again stays as it is"
    )
    assert Recipe(**found.model_dump()) == found


def test_only_where_it_is_asked_for() -> None:
    given = recipe(mask=False)
    assert mask_labels(given, VALUES) is given
