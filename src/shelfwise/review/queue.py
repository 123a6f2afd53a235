"""Who gets which product: a product is leased to one person for some minutes, with the ones like it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Select, func, select, update

from shelfwise.review.categories import Categories
from shelfwise.review.errors import NotThereError
from shelfwise.review.filters import QueueFilter, unseen_by
from shelfwise.review.schema import decisions, products
from shelfwise.review.similar import MAX_BATCH
from shelfwise.review.standing import ACTIONS, not_undone

LEASE_S = 600
"""A product goes back to the queue when it was not decided in this time."""
PAGE = 25
COUNTED = 2_000
MAX_PAGES = 40
"""Further down a list of 1,000 nobody looks; a search or a filter finds better."""


@dataclass(frozen=True)
class Lease:
    """A product that one person has for now, with the open ones like it."""

    lead: int
    members: tuple[int, ...]
    """Products like it, without itself."""


@dataclass(frozen=True)
class Line:
    """One product in the list of the queue."""

    pk: int
    id: str
    title: str
    answer: str
    confidence: float
    route: str
    reason: str
    worth: float
    held_by: str


def release(connection: Connection, person: str) -> None:
    """Give back everything that the person has."""
    connection.execute(
        update(products).where(products.c.lease_by == person).values(lease_by="", lease_until=0, lease_lead=0)
    )


def renew(connection: Connection, person: str, leads: Collection[int], now: float) -> None:
    """Let the person have the products on their page (and those like them) for the whole time from now on."""
    connection.execute(
        update(products)
        .where(products.c.lease_by == person, products.c.lease_lead.in_(list(leads)))
        .values(lease_until=now + LEASE_S)
    )


def lease_next(
    connection: Connection,
    chosen: QueueFilter,
    categories: Categories,
    multilabel: bool,
    person: str,
    now: float,
    besides: Collection[int] = (),
) -> Lease | None:
    """The first free product of the filter, from now on the person's; None when there is none.

    ``besides``: leads that the person is looking at already. Must run in a writing transaction: then no two
    people get the same product.
    """
    wanted = (
        select(products.c.pk, products.c.alike)
        .where(*chosen.conditions(connection, categories, multilabel, person))
        .where(products.c.lease_until <= now, products.c.pk.not_in(list(besides)))
        .order_by(*chosen.sorting(connection))
        .limit(1)
    )
    found = connection.execute(_locked(connection, wanted)).first()
    if found is None:
        return None
    single = chosen.order in ("sample", "disputed")
    return _take(connection, found.pk, 0 if single else found.alike, person, now)


def lease_one(connection: Connection, pk: int, person: str, now: float) -> Lease | None:
    """One product by its key, or None while somebody else has it or it is decided. Raises NotThereError."""
    row = connection.execute(
        select(products.c.lease_by, products.c.lease_until, products.c.status, products.c.alike).where(
            products.c.pk == pk
        )
    ).first()
    if row is None:
        raise NotThereError(f"There is no product number {pk} in this queue.")
    free = row.lease_until <= now or row.lease_by == person
    if not free or row.status == "decided" or _has_voted(connection, pk, person, row.status):
        return None
    return _take(connection, pk, row.alike if row.status == "open" else 0, person, now)


def _has_voted(connection: Connection, pk: int, person: str, status: str) -> bool:
    mine = select(decisions.c.id).where(
        decisions.c.product == pk,
        decisions.c.person == person,
        decisions.c.action.in_(ACTIONS),
        not_undone(),
    )
    # A disputed product is settled by anyone, its voters included.
    return status == "open" and connection.execute(mine.limit(1)).first() is not None


def _take(connection: Connection, lead: int, alike: int, person: str, now: float) -> Lease:
    mates: list[int] = []
    if alike:
        free = (products.c.lease_until <= now) | (products.c.lease_by == person) & (
            products.c.lease_lead == lead
        )
        query = (
            select(products.c.pk)
            .where(products.c.alike == alike, products.c.status == "open", products.c.pk != lead)
            .where(free, unseen_by(person))
            .order_by(products.c.pk)
            .limit(MAX_BATCH - 1)
        )
        mates = [row.pk for row in connection.execute(_locked(connection, query))]
    connection.execute(
        update(products)
        .where(products.c.pk.in_([lead, *mates]))
        .values(lease_by=person, lease_until=now + LEASE_S, lease_lead=lead)
    )
    return Lease(lead, tuple(mates))


def _locked(
    connection: Connection, query: Select[tuple[int, int]] | Select[tuple[int]]
) -> Select[tuple[int]]:
    """PostgreSQL's writers work side by side, so rows that another one is about to take are passed over."""
    if connection.dialect.name == "postgresql":
        return query.with_for_update(skip_locked=True, of=products)  # type: ignore[return-value]
    return query  # type: ignore[return-value]


def count(
    connection: Connection, chosen: QueueFilter, categories: Categories, multilabel: bool, person: str
) -> int:
    """How many products the filter holds, `COUNTED` at most: beyond that nobody minds, and counting takes long."""
    found = (
        select(products.c.pk)
        .where(*chosen.conditions(connection, categories, multilabel, person))
        .limit(COUNTED)
        .subquery()
    )
    return int(connection.execute(select(func.count()).select_from(found)).scalar_one())


def listing(
    connection: Connection,
    chosen: QueueFilter,
    categories: Categories,
    multilabel: bool,
    person: str,
    now: float,
    page: int,
) -> list[Line]:
    """One page (from 0) of the filter's products, in its order."""
    query = (
        select(products)
        .where(*chosen.conditions(connection, categories, multilabel, person))
        .order_by(*chosen.sorting(connection))
        .limit(PAGE)
        .offset(min(page, MAX_PAGES - 1) * PAGE)
    )
    return [
        Line(
            row.pk,
            row.id,
            row.title,
            row.answer,
            row.confidence,
            row.route,
            row.reason,
            row.worth,
            row.lease_by if row.lease_until > now else "",
        )
        for row in connection.execute(query)
    ]


@dataclass(frozen=True)
class Progress:
    """How far the queue is. ``sampled``: products of the mixed sample that are decided."""

    products: int
    to_review: int
    reviewed: int
    decided: int
    disputed: int
    sampled: int


def progress(connection: Connection, model: int | None = None) -> Progress:
    """Counts of the whole queue; of the sample those predicted by ``model``, whose promise it measures (None: by any)."""
    rows = connection.execute(
        select(products.c.status, products.c.to_review, func.count()).group_by(
            products.c.status, products.c.to_review
        )
    ).all()
    total = {(status, review): int(number) for status, review, number in rows}
    in_sample = [decisions.c.queue == "sample", decisions.c.action.in_(ACTIONS), not_undone()]
    if model is not None:
        in_sample.append(decisions.c.model == model)
    sampled = connection.execute(
        select(func.count(func.distinct(decisions.c.product))).where(*in_sample)
    ).scalar_one()
    return Progress(
        products=sum(total.values()),
        to_review=sum(number for (_, review), number in total.items() if review),
        reviewed=total.get(("decided", 1), 0),
        decided=total.get(("decided", 0), 0) + total.get(("decided", 1), 0),
        disputed=total.get(("disputed", 0), 0) + total.get(("disputed", 1), 0),
        sampled=int(sampled),
    )
