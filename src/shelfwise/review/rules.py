"""Rules at the desk: written, tried before they are saved, kept in the database, measured and switched off.

What a rule says and which products it matches is `decision.rules`. At the desk its category becomes the first suggestion on
the products that nobody has decided, marked as the rule's; it decides nothing by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from shelfwise.catalog.words import words_of
from shelfwise.decision.rules import RuleSet, RuleText, rules_of, suggestion
from shelfwise.review import clock
from shelfwise.review.categories import Categories
from shelfwise.review.errors import NotThereError, RefusedError
from shelfwise.review.keys import Answer, from_key, to_key
from shelfwise.review.schema import decisions, details, products, rules
from shelfwise.review.standing import final_decisions
from shelfwise.review.text_search import matching_products

MAX_WORDS = 8
SHOWN = 50
"""Products that a preview lists; it counts all of them."""
_AT_ONCE = 500


def read_rule(field: str, value: str, words: str, target: Answer | None, categories: Categories) -> RuleText:
    """A rule from a form. Raises RefusedError, saying what is missing."""
    wanted = tuple(dict.fromkeys(words_of(words)))
    if bool(field) != bool(value.strip()):
        raise RefusedError("Give a field together with the value it must have, or leave both empty.")
    if not field and not wanted:
        raise RefusedError("Give a field and its value, or words, or both: a rule needs something to go by.")
    if field and not words_of(value):
        raise RefusedError("The value needs at least one letter or digit.")
    if len(wanted) > MAX_WORDS:
        raise RefusedError(f"At most {MAX_WORDS} words, please; this has {len(wanted)}.")
    if target is None or target not in categories:
        raise RefusedError("Choose the category that these products belong to.")
    return RuleText(field, value.strip()[:200], wanted, target)


@dataclass(frozen=True)
class Match:
    """One product that a rule is about."""

    pk: int
    title: str
    before: Answer
    status: str


@dataclass(frozen=True)
class Preview:
    """What a rule would do. ``changes`` lists up to ``SHOWN`` of the ``changed`` open products with another answer.

    Of the ``judged`` matching products that people have decided, ``right`` are in the rule's category.
    """

    matched: int
    changed: int
    changes: list[Match]
    judged: int
    right: int


def preview(connection: Connection, rule: RuleText, multilabel: bool) -> Preview:
    """Which products the rule would have changed, before it is saved."""
    found = list(_matching(connection, rule))
    changes = [
        one
        for one in found
        if one.status != "decided" and suggestion(rule.target, one.before, multilabel) != one.before
    ]
    decided = [one.pk for one in found if one.status == "decided"]
    afters: list[str] = []
    final = select(final_decisions().c.id)
    for part in _parts(decided):
        query = select(decisions.c.after).where(
            decisions.c.product.in_(part), decisions.c.id.in_(final), decisions.c.after != ""
        )
        afters += connection.execute(query).scalars()
    right = sum(agrees(rule.target, after, multilabel) for after in afters)
    return Preview(len(found), len(changes), changes[:SHOWN], len(afters), right)


def agrees(target: Answer, after: str, multilabel: bool) -> bool:
    """Whether a decision is what a rule says: the same path, or a label set that holds the rule's label."""
    return set(target) <= set(from_key(after)) if multilabel else to_key(target) == after


def save_rule(connection: Connection, rule: RuleText, person: str) -> int:
    """Keep a rule and apply it; returns its number."""
    at = clock.now()
    made = connection.execute(
        rules.insert()
        .values(
            field=rule.field,
            value=rule.value,
            words=" ".join(rule.words),
            target=to_key(rule.target),
            made_by=person,
            made_at=at,
            active=1,
            changed_by=person,
            changed_at=at,
        )
        .returning(rules.c.id)
    ).scalar_one()
    _claim(connection, made, rule)
    return int(made)


def switch_rule(connection: Connection, number: int, active: bool, person: str) -> None:
    """Switch a rule off or on again. Its open products go to the next rule that matches. Raises NotThereError."""
    changed = connection.execute(
        rules.update()
        .where(rules.c.id == number)
        .values(active=int(active), changed_by=person, changed_at=clock.now())
    )
    if changed.rowcount == 0:
        raise NotThereError(f"There is no rule {number}.")
    connection.execute(
        products.update().where(products.c.rule == number, products.c.status != "decided").values(rule=None)
    )
    for rule in active_rules(connection):
        if active or rule.number > number:
            _claim(connection, rule.number, rule.text)


def active_rules(connection: Connection) -> RuleSet:
    """The rules in force, oldest first."""
    rows = connection.execute(select(rules).where(rules.c.active == 1))
    return rules_of((int(row.id), _text_of(row)) for row in rows)


def rule_text(connection: Connection, number: int) -> RuleText | None:
    """One rule by its number, whether it is in force or not."""
    row = connection.execute(select(rules).where(rules.c.id == number)).first()
    return _text_of(row) if row is not None else None


@dataclass(frozen=True)
class RuleRecord:
    """A rule with how it did: ``hits`` products fell under it, of ``judged`` decided ones ``right`` are its category.

    A product counts once, however many people voted on it: the promise that rests on these counts is about products.
    """

    number: int
    text: RuleText
    active: bool
    made_by: str
    made_at: float
    changed_by: str
    changed_at: float
    hits: int
    judged: int
    right: int


def rule_records(connection: Connection, multilabel: bool) -> list[RuleRecord]:
    """All rules, newest first."""
    hits = {
        row[0]: row[1]
        for row in connection.execute(
            select(products.c.rule, func.count())
            .where(products.c.rule.is_not(None))
            .group_by(products.c.rule)
        )
    }
    judged: dict[int, list[tuple[str, int]]] = {}
    for row in connection.execute(
        select(decisions.c.rule, decisions.c.after, func.count().label("times"))
        .where(
            decisions.c.id.in_(select(final_decisions().c.id)),
            decisions.c.after != "",
            decisions.c.rule.is_not(None),
        )
        .group_by(decisions.c.rule, decisions.c.after)
    ):
        judged.setdefault(row.rule, []).append((row.after, row.times))
    records = []
    for row in connection.execute(select(rules).order_by(rules.c.id.desc())):
        text = _text_of(row)
        after_counts = judged.get(row.id, [])
        records.append(
            RuleRecord(
                number=row.id,
                text=text,
                active=bool(row.active),
                made_by=row.made_by,
                made_at=row.made_at,
                changed_by=row.changed_by,
                changed_at=row.changed_at,
                hits=hits.get(row.id, 0),
                judged=sum(times for _, times in after_counts),
                right=sum(times for after, times in after_counts if agrees(text.target, after, multilabel)),
            )
        )
    return records


def _text_of(row: Row[Any]) -> RuleText:
    return RuleText(row.field, row.value, tuple(row.words.split()), from_key(row.target))


def _claim(connection: Connection, number: int, rule: RuleText) -> None:
    """Put the rule's open products under it, unless an older rule in force has them."""
    pks = [one.pk for one in _matching(connection, rule) if one.status != "decided"]
    statement = (
        products.update()
        .where(products.c.pk == bindparam("one"), (products.c.rule.is_(None)) | (products.c.rule > number))
        .values(rule=number)
    )
    for part in _parts(pks):
        connection.execute(statement, [{"one": pk} for pk in part])


def _matching(connection: Connection, rule: RuleText) -> Iterable[Match]:
    """The search index finds candidates; each one's fields decide."""
    statement = (
        select(products.c.pk, products.c.title, products.c.answer, products.c.status, details.c.fields)
        .join(details, details.c.product == products.c.pk)
        .where(products.c.pk.in_(matching_products(connection, rule.searched, prefix=False)))
        .order_by(products.c.pk)
    )
    for row in connection.execute(statement):
        if rule.matches(json.loads(row.fields)):
            yield Match(row.pk, row.title, from_key(row.answer), row.status)


def _parts(items: Sequence[int]) -> Iterable[Sequence[int]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
