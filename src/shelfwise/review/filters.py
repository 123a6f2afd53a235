"""What part of the queue a person works on, and in what order: from a page's address to a database query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Literal, cast, get_args
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Connection, Select, and_, not_, or_, select

from shelfwise.catalog.words import words_of
from shelfwise.review.categories import Categories
from shelfwise.review.keys import below, storable, to_key
from shelfwise.review.schema import decisions, products
from shelfwise.review.standing import ACTIONS, not_undone
from shelfwise.review.text_search import matching_products

Order = Literal["uncertain", "valuable", "sample", "disputed"]
ORDERS: tuple[str, ...] = get_args(Order)
MAX_TEXT = 200


@dataclass(frozen=True)
class QueueFilter:
    """What is looked at. Everything empty: all products that wait for a person, most uncertain first.

    The mixed ``sample`` is for measuring: it goes through all products, accepted ones too, in an order that
    nothing but chance decides, so the other filters do not apply to it.
    """

    order: Order = "uncertain"
    scope: Literal["review", "all"] = "review"
    category: str = ""
    """A category of the desk's model by its number, as text."""
    low: float = 0.0
    high: float = 1.0
    missing: str = ""
    reason: str = ""
    text: str = ""
    skipped: bool = False
    """Only what this person has skipped."""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> QueueFilter:
        """From an address or a form; what makes no sense is left out rather than refused."""
        order = given.get("order", "")
        made = cls(
            order=cast(Order, order) if order in ORDERS else "uncertain",
            scope="all" if given.get("scope") == "all" else "review",
            category=given.get("category", "") if given.get("category", "").isdecimal() else "",
            low=_share(given.get("low"), 0.0),
            high=_share(given.get("high"), 1.0),
            missing=storable(given.get("missing", ""))[:MAX_TEXT],
            reason=storable(given.get("reason", "")).strip()[:MAX_TEXT],
            text=storable(given.get("text", "")).strip()[:MAX_TEXT],
            skipped=given.get("skipped") == "1",
        )
        return cls(order=made.order) if made.order in ("sample", "disputed") else made

    @property
    def query(self) -> str:
        """The part of an address that says the same, without what is not set."""
        plain = asdict(QueueFilter())
        chosen = {name: value for name, value in asdict(self).items() if value != plain[name]}
        return urlencode({name: _spelled(value) for name, value in chosen.items()})

    @property
    def narrowed(self) -> bool:
        """Whether anything but the order is chosen."""
        return replace(self, order="uncertain") != QueueFilter()

    def conditions(
        self, connection: Connection, categories: Categories, multilabel: bool, person: str
    ) -> list[ColumnElement[bool]]:
        """Conditions on ``products``; ``person`` never gets what they have voted on or skipped."""
        wanted = [products.c.status == ("disputed" if self.order == "disputed" else "open")]
        if self.order == "disputed":
            return wanted
        wanted.append(_skipped_by(person) if self.skipped else unseen_by(person))
        if self.order == "sample":
            return wanted
        if self.scope == "review":
            wanted.append(products.c.to_review == 1)
        if self.low > 0:
            wanted.append(products.c.confidence >= self.low)
        if self.high < 1:
            wanted.append(products.c.confidence <= self.high)
        if self.category and int(self.category) < len(categories):
            wanted.append(_in_category(to_key(categories.all[int(self.category)]), multilabel))
        if self.missing:
            wanted.append(products.c.lacking.contains(f"|{self.missing}|", autoescape=True))
        if self.reason:
            wanted.append(products.c.reason.icontains(self.reason, autoescape=True))
        words = words_of(self.text)
        if self.text:
            found = matching_products(connection, words, prefix=True) if words else ()
            wanted.append(products.c.pk.in_(found))
        return wanted

    def sorting(self, connection: Connection) -> list[ColumnElement[Any]]:
        """What the products are ordered by; the last one makes the order complete."""
        by: ColumnElement[Any] = products.c.worth if self.order == "valuable" else products.c.confidence
        by = products.c.sample if self.order == "sample" else by
        found_few = connection.dialect.name == "sqlite" and self.text
        if self.category or found_few:
            # Not by an index of the order: it would go through all products to find the few that match. PostgreSQL
            # is given the few themselves (`matching_products`), and needs the index where there are many.
            by = by + 0
        if self.order == "valuable":
            # An index read backwards gives both columns backwards.
            return [by.desc(), products.c.pk.desc()]
        return [by.asc(), products.c.pk.asc()]


@lru_cache(maxsize=256)
def unseen_by(person: str) -> ColumnElement[bool]:
    """A condition on ``products``: the person has neither skipped it nor voted on it."""
    # Lists, not a question a product: there are few skips, and where nobody has voted none is asked for.
    voted = products.c.pk.in_(_mine(person, ACTIONS))
    return and_(products.c.pk.not_in(_mine(person, ("skip",))), or_(products.c.votes == 0, not_(voted)))


def _skipped_by(person: str) -> ColumnElement[bool]:
    voted = products.c.pk.in_(_mine(person, ACTIONS))
    return and_(products.c.pk.in_(_mine(person, ("skip",))), or_(products.c.votes == 0, not_(voted)))


def _mine(person: str, actions: tuple[str, ...]) -> Select[tuple[int]]:
    return select(decisions.c.product).where(
        decisions.c.person == person, decisions.c.action.in_(actions), not_undone()
    )


def _in_category(key: str, multilabel: bool) -> ColumnElement[bool]:
    first, last = below(key)
    own: ColumnElement[bool] = products.c.answer == key
    if not multilabel:
        # One range, which an index can find; what lies in it between the two is sorted out.
        within = and_(products.c.answer >= key, products.c.answer < last)
        return and_(within, or_(own, products.c.answer >= first))
    inside = [
        products.c.answer.startswith(first, autoescape=True),
        products.c.answer.endswith(first[-1] + key, autoescape=True),
        products.c.answer.contains(first[-1] + first, autoescape=True),
    ]
    return or_(own, *inside)


def _spelled(value: object) -> object:
    """As `QueueFilter.of` reads it: shares in percent, yes as 1."""
    if isinstance(value, bool):
        return int(value)
    return f"{value * 100:g}" if isinstance(value, float) else value


def _share(given: str | None, otherwise: float) -> float:
    """A share from a form, in percent."""
    try:
        value = float(given or "") / 100
    except ValueError:
        return otherwise
    return min(max(value, 0.0), 1.0) if value == value else otherwise
