"""What an inspection found, as plain data: printed, written as JSON, shown as a page, read by other
programs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Found(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnFound(_Found):
    """A column: ``role`` and ``why`` it was guessed, ``filled`` (share of products, 0–1), how many
    ``values`` differ."""

    name: str
    role: str
    why: str
    filled: float
    values: int
    examples: list[str]


class ImageTrouble(_Found):
    """One reason why images cannot be used, how many ``products`` it hits, and the ``ids`` of a few of
    them."""

    reason: str
    products: int
    ids: list[str]


class ImagesFound(_Found):
    """One image column, every image read and decoded.

    ``found`` decode; ``missing`` are named but cannot be had; ``broken`` are there and cannot be decoded;
    ``none`` are not named at all. They add up to the products.
    """

    column: str
    found: int
    missing: int
    broken: int
    none: int
    troubles: list[ImageTrouble]


class RepeatedId(_Found):
    """An id that several products carry."""

    id: str
    products: int


class IdsFound(_Found):
    """``column`` is None where products are numbered; ``repeated`` ids are carried by ``products`` in all."""

    column: str | None
    repeated: int
    products: int
    examples: list[RepeatedId]


class GroupsFound(_Found):
    """Near-duplicates: ``products`` that share a group with another, in ``groups`` groups of two or more."""

    groups: int
    products: int
    largest: int
    by: list[str]
    examples: list[list[str]]
    """Ids of a few groups' products (at most five a group), the largest group first."""


class Spread(_Found):
    """How many there are of something: fewest, median, most, and how many have exactly ``one``."""

    fewest: int
    median: float
    most: int
    one: int


class LevelFound(_Found):
    """One level of the paths: how many ``categories`` it has and how many ``products`` reach it."""

    name: str
    categories: int
    products: int


class CategoryFound(_Found):
    """A category (its path, or the one label) and how many products carry it."""

    category: list[str]
    products: int


class Contradiction(_Found):
    """Near-duplicates whose categories differ."""

    ids: list[str]
    categories: list[list[str]]


class TargetFound(_Found):
    """What the products' categories are like, read exactly as training reads them.

    ``assumed`` says that nobody named the target and this one was the likeliest. ``categories`` counts the
    different paths at which products end, or the labels. ``depths`` counts products by the length of their
    path; ``ends_early`` those whose category has subcategories in which others are. ``per_product`` is for
    label sets.
    """

    columns: list[str]
    multilabel: bool
    assumed: bool
    separator: str | None
    labelled: int
    unlabelled: int
    categories: int
    levels: list[LevelFound]
    depths: dict[int, int]
    ends_early: int
    per_category: Spread | None
    per_product: Spread | None
    largest: list[CategoryFound]
    contradicting_groups: int
    contradictions: list[Contradiction]
    notes: list[str]


class Suggestion(_Found):
    """A target that the catalog seems to offer, why, and the ``options`` that name it on the command line."""

    columns: list[str]
    multilabel: bool
    separator: str | None
    why: str
    options: str


class PlannedInput(_Found):
    """A column that would be an input, and the encoder that would read it."""

    name: str
    role: str
    encoder: str


class LeftOut(_Found):
    """A column that would not be an input, and why. ``giveaway``: because it gives the target away."""

    name: str
    why: str
    giveaway: bool


class LeakFound(_Found):
    """An input text that names the product's own category; see ``catalog.leaks.Leak`` for what the figures are."""

    name: str
    share: float
    accuracy: float | None
    accuracy_masked: float | None
    tested: int


class Problem(_Found):
    """``fails``: training would stop with an error. ``warning``: it works, but someone should look."""

    kind: Literal["fails", "warning"]
    what: str


class RowTrouble(_Found):
    """A row that could not be read."""

    row: int
    id: str
    reason: str


class Inspection(_Found):
    """Everything `shelfwise inspect` says about a catalog.

    ``plan`` says in plain sentences what `train` would do with it by default; ``target`` is None where
    nothing in the catalog looks like categories.
    """

    sources: list[str]
    products: int
    columns: list[ColumnFound]
    ids: IdsFound
    images: list[ImagesFound]
    groups: GroupsFound
    unreadable_rows: int
    row_troubles: list[RowTrouble]
    target: TargetFound | None
    suggestions: list[Suggestion]
    inputs: list[PlannedInput]
    left_out: list[LeftOut]
    leaks: list[LeakFound] = []
    plan: list[str]
    problems: list[Problem]
    notes: list[str]

    def to_text(self) -> str:
        """The findings as aligned plain text, at most about 120 characters wide."""
        from shelfwise.catalog.inspection_text import write_text

        return write_text(self)

    def to_html(self) -> str:
        """The findings as one self-contained HTML page that opens offline."""
        from shelfwise.catalog.inspection_page import write_page

        return write_page(self)
