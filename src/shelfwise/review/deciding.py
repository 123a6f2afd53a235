"""Decisions: each is one more row with who, when, before and after; undoing one adds a row too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, select, update

from shelfwise.review.categories import Categories
from shelfwise.review.errors import ConflictError, NotThereError, RefusedError
from shelfwise.review.filters import ORDERS
from shelfwise.review.keys import Answer, from_key, to_key
from shelfwise.review.queue import LEASE_S
from shelfwise.review.schema import decisions, products
from shelfwise.review.similar import MAX_BATCH
from shelfwise.review.standing import ACTIONS, not_undone, stands

Wanted = Literal["choose", "cannot_tell", "skip"]


@dataclass(frozen=True)
class Wish:
    """What a person wants to decide, as their page says it.

    ``taxonomy`` is the version of the categories that the page showed and ``arrival`` where its prediction came
    from: where either has changed, the person has not seen what they would decide on. ``ticket`` names the
    decision: sent twice, it is stored once.
    """

    product: int
    members: tuple[int, ...]
    wanted: Wanted
    after: Answer
    taxonomy: str
    arrival: int
    queue: str
    ticket: str


@dataclass(frozen=True)
class Receipt:
    """What was stored. ``left_out``: products of the batch that somebody else decided or holds by now."""

    ticket: str
    product: int
    stored: int
    left_out: int
    after: Answer
    action: str
    repeated: bool = False


def decide(
    connection: Connection,
    wish: Wish,
    categories: Categories,
    multilabel: bool,
    person: str,
    votes: int,
    now: float,
) -> Receipt:
    """Store one decision on a product and its batch, within the connection's writing transaction.

    ``votes``: how many people decide on each product. Raises ConflictError where the product is no longer the
    person's to decide, RefusedError where the wish makes no sense.
    """
    after = _check(wish, categories, multilabel)
    earlier = connection.execute(
        select(decisions.c.product, decisions.c.action, decisions.c.after, not_undone().label("stands"))
        .where(decisions.c.ticket == wish.ticket, decisions.c.person == person, decisions.c.action != "undo")
        .order_by(decisions.c.id)
    ).all()
    if earlier:
        return _repeated(earlier, wish, after, multilabel)
    rows = _rows(connection, (wish.product, *wish.members))
    if not rows or rows[0].pk != wish.product:
        raise NotThereError(f"There is no product number {wish.product} in this queue.")
    _refuse(connection, rows[0], wish, person, now)
    free = [rows[0]]
    free += [row for row in rows[1:] if _why_not(connection, row, person, now) is None]
    action = ""
    for row in free:
        action = _action(wish.wanted, row, after, multilabel)
        connection.execute(
            decisions.insert().values(
                product=row.pk,
                person=person,
                at=now,
                action=action,
                before=row.answer,
                after=_stored(after, row, multilabel),
                confidence=row.confidence,
                model=row.model,
                taxonomy=categories.version,
                queue=wish.queue if wish.queue in ORDERS else "uncertain",
                ticket=wish.ticket,
                rule=row.rule,
            )
        )
        _settle(connection, row.pk, votes)
        connection.execute(
            update(products).where(products.c.pk == row.pk).values(lease_by="", lease_until=0, lease_lead=0)
        )
    # Products of the batch that the person left unchecked go back to the queue.
    connection.execute(
        update(products)
        .where(products.c.lease_by == person, products.c.lease_lead == wish.product)
        .values(lease_by="", lease_until=0, lease_lead=0)
    )
    left_out = 1 + len(wish.members) - len(free)
    return Receipt(wish.ticket, wish.product, len(free), left_out, after, action)


def _repeated(earlier: Sequence[Row[Any]], wish: Wish, after: Answer, multilabel: bool) -> Receipt:
    """What is said of a ticket that was stored before: the same again, unless the page now wants something else.

    A page that the browser brought back has its old ticket, whatever is pressed on it.
    """
    first = earlier[0]
    stored = from_key(first.after)
    same = (wish.wanted == "skip") == (first.action == "skip") and first.product == wish.product
    if not same or (set(stored) != set(after) if multilabel else stored != after):
        raise ConflictError(
            f"This page's decision was stored before ({_SHORT.get(first.action) or ', '.join(stored[-1:])}); nothing was "
            "changed. Undo takes it back."
        )
    if not first.stands:
        raise ConflictError("You have taken this decision back since; look at the product again.")
    return Receipt(wish.ticket, wish.product, len(earlier), 0, after, first.action, repeated=True)


_SHORT = {"skip": "skipped", "cannot_tell": "cannot tell"}


@dataclass(frozen=True)
class Undone:
    """What was taken back: the product to look at again, and how many decisions it were."""

    product: int
    count: int
    action: str


def undo(connection: Connection, person: str, votes: int, now: float) -> Undone | None:
    """Take back the person's last decision (a whole batch) or skip; None when there is nothing to take back."""
    last = connection.execute(
        select(decisions.c.ticket)
        .where(decisions.c.person == person, decisions.c.action != "undo", not_undone())
        .order_by(decisions.c.id.desc())
        .limit(1)
    ).scalar()
    if last is None:
        return None
    rows = connection.execute(
        select(decisions)
        .where(
            decisions.c.ticket == last,
            decisions.c.person == person,
            decisions.c.action != "undo",
            not_undone(),
        )
        .order_by(decisions.c.id)
    ).all()
    lead = rows[0].product
    _rows(connection, [row.product for row in rows])
    for row in rows:
        connection.execute(
            decisions.insert().values(
                product=row.product,
                person=person,
                at=now,
                action="undo",
                before=row.after,
                after=row.before,
                confidence=row.confidence,
                model=row.model,
                taxonomy=row.taxonomy,
                queue=row.queue,
                ticket=f"{last}-undone",
                undoes=row.id,
                rule=row.rule,
            )
        )
        _settle(connection, row.product, votes)
        # Somebody may have got it since, by a skip or for their vote; it stays theirs.
        connection.execute(
            update(products)
            .where(
                products.c.pk == row.product,
                (products.c.lease_until <= now) | (products.c.lease_by == person),
            )
            .values(lease_by=person, lease_until=now + LEASE_S, lease_lead=lead)
        )
    return Undone(int(lead), len(rows), rows[0].action)


def _check(wish: Wish, categories: Categories, multilabel: bool) -> Answer:
    """The answer as it will be stored."""
    if wish.taxonomy != categories.version:
        raise ConflictError(
            "The categories have changed since this page was loaded; look at the product again."
        )
    if not 8 <= len(wish.ticket) <= 64 or not wish.ticket.isascii() or not wish.ticket.isalnum():
        raise RefusedError("The page is not whole (its ticket is missing); load it again.")
    if len(wish.members) >= MAX_BATCH or len({wish.product, *wish.members}) <= len(wish.members):
        raise RefusedError(f"Expected at most {MAX_BATCH} different products in one decision.")
    if wish.wanted != "choose":
        return ()
    after = tuple(sorted(set(wish.after))) if multilabel else wish.after
    parts = [(label,) for label in after] if multilabel else [after]
    if multilabel and not after:
        raise RefusedError("Tick at least one label; where none is right, say “cannot tell”.")
    if not after or not all(part in categories for part in parts):
        raise RefusedError("Choose a category that is in the taxonomy.")
    return after


def _rows(connection: Connection, pks: Sequence[int]) -> list[Row[Any]]:
    """The products in the given order, locked until the transaction ends."""
    # Locked in one order by everybody, or two batches that overlap would wait for each other.
    query = select(products).where(products.c.pk.in_(list(pks))).order_by(products.c.pk)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update()
    found = {row.pk: row for row in connection.execute(query)}
    return [found[pk] for pk in dict.fromkeys(pks) if pk in found]


def _refuse(connection: Connection, row: Row[Any], wish: Wish, person: str, now: float) -> None:
    why = _why_not(connection, row, person, now)
    if why is not None:
        raise ConflictError(why)
    if row.arrival != wish.arrival:
        raise ConflictError(
            "A newer prediction of this product arrived since the page was loaded; look at it again."
        )


def _why_not(connection: Connection, row: Row[Any], person: str, now: float) -> str | None:
    """Why the person cannot decide on a product; None where they can."""
    if row.status == "decided":
        by = connection.execute(
            select(decisions.c.person)
            .where(decisions.c.product == row.pk, stands())
            .order_by(decisions.c.id.desc())
            .limit(1)
        ).scalar()
        return f"Already decided{f' by {by}' if by else ''}; nothing was changed."
    if row.lease_by != person and row.lease_until > now:
        return f"{row.lease_by} has this product by now; nothing was changed."
    if row.status == "open":
        mine = select(decisions.c.id).where(
            decisions.c.product == row.pk, decisions.c.person == person, stands()
        )
        if connection.execute(mine.limit(1)).first() is not None:
            return "You have already given your vote on this product; nothing was changed."
    return None


def _action(wanted: Wanted, row: Row[Any], after: Answer, multilabel: bool) -> str:
    if wanted == "skip":
        return "skip"
    if row.status == "disputed":
        return "settle"
    if wanted == "cannot_tell":
        return "cannot_tell"
    before = from_key(row.answer)
    if after == before or (multilabel and set(after) == set(before)):
        return "accept"
    return "parent" if not multilabel and after == before[: len(after)] else "correct"


def _stored(after: Answer, row: Row[Any], multilabel: bool) -> str:
    """The key of what was chosen; equal to the prediction's key where the same labels were chosen."""
    same = multilabel and set(after) == set(from_key(row.answer))
    return str(row.answer) if same else to_key(after)


def _settle(connection: Connection, pk: int, votes: int) -> None:
    """Bring a product's status in line with the decisions on it."""
    standing = connection.execute(
        select(decisions.c.action, decisions.c.after, decisions.c.person)
        .where(decisions.c.product == pk, stands())
        .order_by(decisions.c.id)
    ).all()
    cast = [one.after for one in standing if one.action in ACTIONS and one.action != "settle"]
    if any(one.action == "settle" for one in standing):
        status = "decided"
    elif len(cast) >= votes and cast:
        status = "decided" if len(set(cast)) == 1 else "disputed"
    else:
        status = "open"
    connection.execute(update(products).where(products.c.pk == pk).values(status=status, votes=len(cast)))
