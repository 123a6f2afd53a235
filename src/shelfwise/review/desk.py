"""Everything that a running desk is made of, and the few things that all its pages ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shelfwise.review import clock
from shelfwise.review.categories import Categories
from shelfwise.review.database import Database
from shelfwise.review.filters import QueueFilter
from shelfwise.review.model_card import ModelCard
from shelfwise.review.pictures import Pictures
from shelfwise.review.product_fields import ProductFields
from shelfwise.review.queue import Progress, count, progress
from shelfwise.review.recent import Recent

if TYPE_CHECKING:
    from shelfwise.review.neighbours import Neighbours

PROGRESS_S = 3.0
COUNT_S = 20.0
"""Counting goes through all products of a filter; the page itself counts down in between."""


@dataclass
class Desk:
    """One desk: a database, the model whose suggestions it shows, and where products' pictures are.

    ``votes``: how many people decide on each product. ``clock``: seconds since 1970, turned by tests.
    """

    database: Database
    card: ModelCard
    model: int
    shop: ProductFields
    votes: int = 1
    neighbours: Neighbours | None = None
    secure_cookies: bool = False
    clock: clock.Clock = clock.now
    pictures: Pictures = field(init=False)
    recent: Recent = field(init=False)

    def __post_init__(self) -> None:
        self.pictures = Pictures(self.shop)
        self.recent = Recent(self.clock)

    @property
    def categories(self) -> Categories:
        """The categories that can be chosen."""
        return self.card.categories

    def progress(self) -> Progress:
        """How far the queue is, a few seconds old at most."""

        def make() -> Progress:
            with self.database.read() as connection:
                return progress(connection, self.model)

        return self.recent.get("progress", PROGRESS_S, make)

    def count(self, chosen: QueueFilter, person: str) -> int:
        """How many products a filter holds, some seconds old at most; `COUNTED` stands for that many or more."""

        def make() -> int:
            with self.database.read() as connection:
                return count(connection, chosen, self.categories, self.card.multilabel, person)

        return self.recent.get(("count", chosen, person), COUNT_S, make)
