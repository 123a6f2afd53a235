"""The words that category names are made of: what a text must not hold if the answer is not to be read off it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shelfwise.catalog.masking import word_stem, words_of
from shelfwise.recipe import Recipe

_JOINING_WORDS = """
a an and as at by for from in more of off on or other others per the to up with without
al con da das de del der des di die du e el en et für il la le les los mit och ou pour sin un und y
"""
_JOINING = frozenset(_JOINING_WORDS.split())
"""Words between the words that name something, in the languages that shops are most often in."""


def label_words(names: Iterable[str]) -> list[str]:
    """The distinct words of category names, sorted, each once in whatever capitals, singular or plural.

    Single letters, numbers, and words that only join others are left out.

    >>> label_words(["Women", "Bags & Wallets", "Bag", "T-Shirts", "Gifts for Women", "60010200_Toys"])
    ['bag', 'gift', 'shirt', 'toy', 'wallet', 'women']
    """
    return sorted({word_stem(word) for name in names for word in words_of(name) if _names_something(word)})


def mask_labels(recipe: Recipe, values: Sequence[tuple[str, ...]]) -> Recipe:
    """A recipe whose inputs all have their roles, with the words of all categories in ``values`` to be masked in its text inputs.

    Only where the target says ``mask_labels``; words that an input already names (of a recipe used again) stay as they are.
    """
    if not recipe.target.mask_labels:
        return recipe
    words = label_words({name for value in values for name in value})
    inputs = [
        one.model_copy(update={"mask_words": words}) if one.role == "text" and one.mask_words is None else one
        for one in recipe.inputs
    ]
    return recipe.model_copy(update={"inputs": inputs})


def _names_something(word: str) -> bool:
    return len(word) > 1 and not word.isdigit() and word.casefold() not in _JOINING
