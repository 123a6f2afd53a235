"""Makes the store as untidy as real ones: gaps, typos, shouting, lost and broken files, wrong labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from shelfwise.demo.products import Product
from shelfwise.demo.words import SHELVES, path_of

MISSING_IMAGE_SHARE = 0.06
LOST_IMAGE_SHARE = 0.01
MISSING_DESCRIPTION_SHARE = 0.08
MISSING_BRAND_SHARE = 0.03
MISSING_PRICE_SHARE = 0.02
TYPO_SHARE = 0.1
CASE_SHARE = 0.08
LINE_BREAK_SHARE = 0.03
WRONG_LABEL_SHARE = 0.02

LABELS = tuple(path_of(shelf) for shelf in SHELVES)


class ImageFault(StrEnum):
    """What is wrong with a row's image."""

    NONE = "none"
    MISSING = "missing"
    """The cell is empty."""
    LOST = "lost"
    """The cell names a file that does not exist."""
    TRUNCATED = "truncated"
    """The file ends in the middle of the JPEG data."""
    EMPTY_FILE = "empty file"
    """The file has 0 bytes."""


@dataclass(frozen=True)
class Row:
    """A product as the catalog shows it: ``price`` is text (it may be empty), ``path`` may be wrong."""

    title: str
    description: str
    brand: str
    price: str
    path: tuple[str, str, str]
    tags: tuple[str, ...]
    fault: ImageFault


def soil(product: Product, rng: Random, label_errors: bool = False) -> Row:
    """The row of one product with its share of dirt; ``label_errors`` lets its category be wrong too."""
    title, description, brand = product.title, product.description, product.brand
    if rng.random() < TYPO_SHARE:
        title = misspell(title, rng)
    if rng.random() < TYPO_SHARE:
        description = misspell(misspell(description, rng), rng)
    if rng.random() < CASE_SHARE:
        title = rng.choice(_SHOUTS)(title)
    if rng.random() < CASE_SHARE:
        brand = rng.choice(_SHOUTS)(brand)
    if rng.random() < LINE_BREAK_SHARE:
        description = description.replace(". ", ".\n", 1)
    if rng.random() < MISSING_DESCRIPTION_SHARE:
        description = ""
    if rng.random() < MISSING_BRAND_SHARE:
        brand = ""
    price = "" if rng.random() < MISSING_PRICE_SHARE else f"{product.price:.2f}"
    path = mislabel(product.path, rng) if label_errors and rng.random() < WRONG_LABEL_SHARE else product.path
    return Row(title, description, brand, price, path, product.tags, _image_fault(rng))


def _image_fault(rng: Random) -> ImageFault:
    draw = rng.random()
    if draw < MISSING_IMAGE_SHARE:
        return ImageFault.MISSING
    return ImageFault.LOST if draw < MISSING_IMAGE_SHARE + LOST_IMAGE_SHARE else ImageFault.NONE


_SHOUTS: tuple[Callable[[str], str], ...] = (str.upper, str.lower, str.title, lambda text: f" {text}  ")


def misspell(text: str, rng: Random) -> str:
    """``text`` with one letter dropped, doubled or swapped with the next; texts under four letters stay.

    >>> misspell("mug", Random(0))
    'mug'
    """
    letters = [i for i in range(len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
    if len(letters) < 3:
        return text
    i = rng.choice(letters)
    replacement = rng.choice((text[i + 1], text[i] * 2 + text[i + 1], text[i + 1] + text[i]))
    return text[:i] + replacement + text[i + 2 :]


def mislabel(path: tuple[str, str, str], rng: Random) -> tuple[str, str, str]:
    """Another path of the taxonomy: mostly one of the same department, as a hasty person would choose."""
    near = [other for other in LABELS if other != path and other[0] == path[0]]
    anywhere = [other for other in LABELS if other != path]
    return rng.choice(near if rng.random() < 0.8 else anywhere)


def break_two_images(rows: list[Row], rng: Random) -> list[Row]:
    """``rows`` with one truncated image and one of 0 bytes, among those whose image was whole."""
    whole = [i for i, row in enumerate(rows) if row.fault is ImageFault.NONE]
    broken = list(rows)
    for i, fault in zip(rng.sample(whole, 2), (ImageFault.TRUNCATED, ImageFault.EMPTY_FILE), strict=True):
        broken[i] = replace(rows[i], fault=fault)
    return broken
