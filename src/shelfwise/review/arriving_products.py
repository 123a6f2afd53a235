"""Predictions become rows of the database: new products, and undecided ones that take a newer prediction."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from shelfwise.catalog.words import searchable
from shelfwise.decision.rules import RuleSet
from shelfwise.predictions import Prediction
from shelfwise.review.keys import storable, to_key
from shelfwise.review.product_fields import ProductFields
from shelfwise.review.rules import active_rules
from shelfwise.review.schema import details, products
from shelfwise.review.text_search import put_words

_IN_A_QUERY = 500


@dataclass
class Arrived:
    """What came of one file. ``kept``: products that had been decided, and stay."""

    file: Path
    products: int = 0
    new: int = 0
    renewed: int = 0
    kept: int = 0
    without_fields: int = 0
    known: bool = False
    """The very same file was queued before, so there was nothing to do."""


@dataclass(frozen=True)
class Placed:
    """A prediction with the place of its id among the same ids of its file."""

    one: Prediction
    occurrence: int

    @property
    def key(self) -> tuple[str, int]:
        """What names the product within its file."""
        return self.one.id, self.occurrence


def placed(block: Sequence[Prediction], seen: Counter[str]) -> Iterator[Placed]:
    """Predictions with their places; ``seen`` counts the ids of the file so far, and is counted on."""
    for one in block:
        yield Placed(one, seen[one.id])
        seen[one.id] += 1


class ArrivingProducts:
    """Some predictions on their way into the database, within one transaction."""

    def __init__(
        self, connection: Connection, arrival: int, model: int, shop: ProductFields, done: Arrived
    ) -> None:
        self._connection = connection
        self._arrival = arrival
        self._model = model
        self._shop = shop
        self._done = done
        self._rules: RuleSet = active_rules(connection)

    def put(
        self, placed: Sequence[Placed], fields_of: Sequence[dict[str, str]]
    ) -> list[tuple[int, str, str]]:
        """Store them, with what the catalog says of each; the key, title and answer of each that is open."""
        if self._connection.dialect.name == "postgresql":
            # Two desks that queue at once must not hand out the same keys; readers and deciders go on.
            self._connection.exec_driver_sql("LOCK TABLE arrivals IN SHARE ROW EXCLUSIVE MODE")
        there = self._there(placed)
        free = (
            int(self._connection.execute(select(func.coalesce(func.max(products.c.pk), 0))).scalar_one()) + 1
        )
        new: list[dict[str, Any]] = []
        renewed: list[dict[str, Any]] = []
        more: list[dict[str, Any]] = []
        words: list[tuple[int, str]] = []
        for one, fields in zip(placed, fields_of, strict=True):
            pk, decided = there.get(one.key, (free, False))
            self._done.products += 1
            if decided:
                self._done.kept += 1
                continue
            self._done.without_fields += not fields
            row = self._row(pk, one, fields)
            if one.key in there:
                renewed.append(row)
            else:
                new.append(row)
                free += 1
            more.append(_details(pk, one.one, fields))
            words.append((pk, searchable([one.one.id, *fields.values()])))
        self._done.new += len(new)
        self._done.renewed += len(renewed)
        self._store(new, renewed, more, words)
        return [(row["pk"], row["title"], row["answer"]) for row in (*new, *renewed)]

    def _store(
        self,
        new: list[dict[str, Any]],
        renewed: list[dict[str, Any]],
        more: list[dict[str, Any]],
        words: list[tuple[int, str]],
    ) -> None:
        if new:
            self._connection.execute(products.insert(), new)
        if renewed:
            replace = (
                products.update()
                .where(products.c.pk == bindparam("one"))
                .values({name: bindparam(f"new_{name}") for name in renewed[0] if name != "pk"})
            )
            self._connection.execute(
                replace,
                [
                    {"one": row["pk"], **{f"new_{name}": row[name] for name in row if name != "pk"}}
                    for row in renewed
                ],
            )
            self._connection.execute(
                details.delete().where(details.c.product == bindparam("one")),
                [{"one": row["pk"]} for row in renewed],
            )
        if more:
            self._connection.execute(details.insert(), more)
            put_words(self._connection, words)

    def _there(self, placed: Sequence[Placed]) -> dict[tuple[str, int], tuple[int, bool]]:
        """Products that the database has: their keys, and whether anybody has decided them."""
        found = {}
        for start in range(0, len(placed), _IN_A_QUERY):
            ids = [one.one.id for one in placed[start : start + _IN_A_QUERY]]
            query = select(
                products.c.pk, products.c.id, products.c.occurrence, products.c.votes, products.c.status
            ).where(products.c.id.in_(ids))
            for row in self._connection.execute(query):
                found[row.id, row.occurrence] = (row.pk, row.votes > 0 or row.status != "open")
        return found

    def _row(self, pk: int, placed: Placed, fields: Mapping[str, str]) -> dict[str, Any]:
        one = placed.one
        rule = self._rules.find(fields) if fields else None
        lacking = [name for name, state in one.inputs.items() if state != "present"]
        return {
            "pk": pk,
            "id": one.id,
            "occurrence": placed.occurrence,
            "arrival": self._arrival,
            "model": self._model,
            "title": storable(self._shop.title(fields)),
            "answer": to_key(one.answer),
            "confidence": one.confidence,
            "route": one.decision,
            "to_review": int(one.decision != "accept"),
            "reason": one.reason,
            "lacking": f"|{'|'.join(lacking)}|" if lacking else "",
            "worth": self._shop.worth(placed.key),
            "sample": sample_place(placed.key),
            "alike": pk,
            "status": "open",
            "rule": None if rule is None else rule.number,
        }


def _details(pk: int, one: Prediction, fields: Mapping[str, str]) -> dict[str, Any]:
    alternatives = [[list(other.answer), other.probability] for other in one.alternatives]
    return {
        "product": pk,
        "parts": json.dumps(one.part_confidence),
        "alternatives": json.dumps(alternatives, ensure_ascii=False),
        "inputs": json.dumps(one.inputs, ensure_ascii=False),
        "fields": json.dumps(dict(fields), ensure_ascii=False),
        "explanation": "" if one.explanation is None else json.dumps(one.explanation.to_json()),
    }


def sample_place(key: tuple[str, int]) -> float:
    """A number in [0, 1) that depends on the product alone: the first by it are a random sample, on any day."""
    digest = hashlib.blake2b(f"{key[1]}:{key[0]}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
