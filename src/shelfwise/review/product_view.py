"""A product as its page shows it: what is known of it, what is suggested and why, and what a decision needs to name."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, select

from shelfwise.decision.rules import suggestion
from shelfwise.review.clock import to_text
from shelfwise.review.desk import Desk
from shelfwise.review.errors import NotThereError
from shelfwise.review.keys import Answer, from_key
from shelfwise.review.queue import Lease
from shelfwise.review.rules import rule_text
from shelfwise.review.schema import decisions, details, products
from shelfwise.review.standing import stands
from shelfwise.review.why import Why, shown

MOST_SUGGESTED = 9
"""As many as there are digits to choose one with."""


@dataclass(frozen=True)
class Level:
    """One name on a suggested path. ``number`` is None where the taxonomy no longer has the category."""

    name: str
    number: int | None
    probability: float | None


@dataclass(frozen=True)
class Suggestion:
    """One category that may be right. ``numbers`` names it in a form: one for a path or a label."""

    answer: Answer
    number: int | None
    probability: float | None
    why: str


@dataclass(frozen=True)
class Mate:
    """A product like the one shown, decided together with it."""

    pk: int
    id: str
    title: str


@dataclass(frozen=True)
class Past:
    """An earlier decision on the product."""

    person: str
    at: str
    action: str
    after: Answer


@dataclass(frozen=True)
class ProductView:
    """Everything that the template of one product needs."""

    pk: int
    id: str
    title: str
    fields: dict[str, str]
    inputs: dict[str, str]
    route: str
    reason: str
    confidence: float
    answer: Answer
    levels: list[Level]
    first: Suggestion | None
    """What one key accepts: the rule's category, or the model's answer; None where there is neither."""
    others: list[Suggestion]
    chosen_labels: frozenset[int]
    """For label sets: what is ticked at first."""
    gone: bool
    """Whether the model's answer is no longer in the taxonomy."""
    rule: int | None
    mates: list[Mate]
    past: list[Past]
    held: bool
    """Whether the product is this person's to decide."""
    status: str
    arrival: int
    ticket: str
    queue: str
    query: str
    why: Why | None = None
    """Where the predictions say so."""


def view_product(
    connection: Connection, desk: Desk, lease: Lease | int, queue: str, query: str
) -> ProductView:
    """The page of a leased product, or of one that is only looked at (its key). Raises NotThereError."""
    pk = lease if isinstance(lease, int) else lease.lead
    row = connection.execute(
        select(products, details).join(details, details.c.product == products.c.pk).where(products.c.pk == pk)
    ).first()
    if row is None:
        raise NotThereError(f"There is no product number {pk} in this queue.")
    answer = from_key(row.answer)
    rule = rule_text(connection, row.rule) if row.rule is not None else None
    ruled = suggestion(rule.target, answer, desk.card.multilabel) if rule is not None else None
    parts = json.loads(row.parts)
    others = [(tuple(names), probability) for names, probability in json.loads(row.alternatives)]
    number = desk.categories.number
    if desk.card.multilabel:
        suggestions = _label_suggestions(desk, answer, parts, others, ruled, row.rule)
        first = None
    else:
        suggestions = _path_suggestions(desk, answer, row.confidence, others, ruled, row.rule)
        first = suggestions[0] if suggestions else None
        suggestions = suggestions[1:]
    return ProductView(
        pk=pk,
        id=row.id,
        title=row.title,
        fields=json.loads(row.fields),
        inputs=json.loads(row.inputs),
        route=row.route,
        reason=row.reason,
        confidence=row.confidence,
        answer=answer,
        levels=[]
        if desk.card.multilabel
        else [
            Level(name, number.get(answer[: depth + 1]), parts[depth] if depth < len(parts) else None)
            for depth, name in enumerate(answer)
        ],
        first=first,
        others=suggestions[:MOST_SUGGESTED],
        chosen_labels=frozenset(number[name,] for name in ruled or answer if (name,) in number)
        if desk.card.multilabel
        else frozenset(),
        gone=any(
            part not in desk.categories
            for part in ([(name,) for name in answer] if desk.card.multilabel else [answer] if answer else [])
        ),
        rule=row.rule,
        mates=_mates(connection, lease) if isinstance(lease, Lease) else [],
        past=_past(connection, pk),
        held=isinstance(lease, Lease),
        status=row.status,
        arrival=row.arrival,
        ticket=secrets.token_hex(16),
        queue=queue,
        query=query,
        why=shown(row.explanation, number),
    )


def _path_suggestions(
    desk: Desk,
    answer: Answer,
    confidence: float,
    others: list[tuple[Answer, float]],
    ruled: Answer | None,
    rule: int | None,
) -> list[Suggestion]:
    number = desk.categories.number
    found = [Suggestion(answer, number.get(answer), confidence, "the model's answer")] if answer else []
    found += [Suggestion(other, number.get(other), chance, "") for other, chance in others]
    if ruled is not None:
        chance = next((one.probability for one in found if one.answer == ruled), None)
        found = [one for one in found if one.answer != ruled]
        found.insert(0, Suggestion(ruled, number.get(ruled), chance, f"rule {rule}"))
    return found


def _label_suggestions(
    desk: Desk,
    answer: Answer,
    parts: list[float],
    others: list[tuple[Answer, float]],
    ruled: Answer | None,
    rule: int | None,
) -> list[Suggestion]:
    chances = dict(zip(answer, parts, strict=False)) | {other[0]: chance for other, chance in others}
    names = list(dict.fromkeys([*(ruled or answer), *chances]))
    number = desk.categories.number
    return [
        Suggestion(
            (name,),
            number.get((name,)),
            chances.get(name),
            f"rule {rule}" if ruled is not None and name in ruled and name not in answer else "",
        )
        for name in names
    ]


def _mates(connection: Connection, lease: Lease) -> list[Mate]:
    if not lease.members:
        return []
    rows = connection.execute(
        select(products.c.pk, products.c.id, products.c.title)
        .where(products.c.pk.in_(lease.members))
        .order_by(products.c.pk)
    )
    return [Mate(row.pk, row.id, row.title) for row in rows]


def _past(connection: Connection, pk: int) -> list[Past]:
    rows = connection.execute(
        select(decisions).where(decisions.c.product == pk, stands()).order_by(decisions.c.id)
    )
    return [Past(row.person, to_text(row.at), row.action, from_key(row.after)) for row in rows]
