"""Predictions arrive in the queue: file by file, each product with its fields, its batch and its rule.

A file that is interrupted is taken up again from its start; what was already stored is stored once. A product that
someone has decided stays as it is; one that nobody has decided takes the newer prediction.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, bindparam, func, select, update

from shelfwise.predictions import Prediction
from shelfwise.progress import Reporter
from shelfwise.review import clock
from shelfwise.review.database import Database
from shelfwise.review.errors import DatabaseError
from shelfwise.review.keys import to_key
from shelfwise.review.model_card import ModelCard
from shelfwise.review.prediction_file import file_digest, read_predictions
from shelfwise.review.product_fields import ProductFields
from shelfwise.review.rules import RuleText, active_rules, rule_for
from shelfwise.review.schema import arrivals, details, meta, models, products
from shelfwise.review.similar import find_alike
from shelfwise.review.text_search import put_words
from shelfwise.review.words import searchable

AT_ONCE = 2_000
"""Products a transaction: another desk on the database gets its turn in between."""
BANDS = 10
"""Confidence is counted in tenths."""
_IN_A_QUERY = 500
_UNFINISHED = "unfinished "


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


@dataclass
class _Told:
    """What is told of a file on the page of numbers."""

    categories: Counter[str] = field(default_factory=Counter)
    confidence: Counter[int] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    inputs: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, one: Prediction, multilabel: bool) -> None:
        self.routes[one.decision] += 1
        self.confidence[min(int(one.confidence * BANDS), BANDS - 1)] += 1
        self.categories.update(one.answer if multilabel else [to_key(one.answer)] if one.answer else [])
        for name, state in one.inputs.items():
            self.inputs.setdefault(name, Counter())[state.split(":")[0]] += 1

    def to_json(self) -> str:
        return json.dumps(
            {
                "categories": self.categories,
                "confidence": [self.confidence[band] for band in range(BANDS)],
                "routes": self.routes,
                "inputs": self.inputs,
            },
            ensure_ascii=False,
        )


def add_model(database: Database, card: ModelCard) -> int:
    """The model's number in the database. Raises DatabaseError where the database is of the other kind of answers."""
    with database.write() as connection:
        kind = connection.execute(select(meta.c.value).where(meta.c.name == "kind")).scalar()
        if kind is None:
            connection.execute(meta.insert().values(name="kind", value=card.kind))
        elif kind != card.kind:
            raise DatabaseError(
                f"the database '{database.name}' holds products with a {kind}, and the model predicts a "
                f"{card.kind}; give another --database"
            )
        known = connection.execute(
            select(models.c.id).where(models.c.fingerprint == card.fingerprint)
        ).scalar()
        if known is not None:
            return int(known)
        added = models.insert().values(
            fingerprint=card.fingerprint,
            taxonomy=card.categories.version,
            facts=card.to_json(),
            added_at=clock.now(),
        )
        return int(connection.execute(added.returning(models.c.id)).scalar_one())


def queue_file(
    database: Database, path: Path, card: ModelCard, model: int, shop: ProductFields, reporter: Reporter
) -> Arrived:
    """Put a prediction file's products in the queue. Raises PredictionFileError, DatabaseError."""
    done = Arrived(path)
    digest = file_digest(path)
    with database.write() as connection:
        already = select(arrivals.c.id).where(arrivals.c.model == model, arrivals.c.digest == digest)
        if connection.execute(already).first() is not None:
            done.known = True
            return done
        added = arrivals.insert().values(
            model=model, file=path.name, digest=_UNFINISHED + uuid4().hex, facts="{}", added_at=clock.now()
        )
        arrival = int(connection.execute(added.returning(arrivals.c.id)).scalar_one())
    told = _Told()
    seen: Counter[str] = Counter()
    touched: list[tuple[int, str, str]] = []
    predictions = read_predictions(path, card)
    with reporter.stage("queueing products", total=None) as stage:
        while block := list(islice(predictions, AT_ONCE)):
            with database.write() as connection:
                placed = list(_placed(block, seen))
                touched += _Block(connection, arrival, model, shop, done).put(placed)
            for one in block:
                told.count(one, card.multilabel)
            stage.advance(len(block))
    with reporter.stage("finding similar products", total=None):
        _batch(database, touched)
    with database.write() as connection:
        connection.execute(
            update(arrivals).where(arrivals.c.id == arrival).values(digest=digest, facts=told.to_json())
        )
    database.take_stock()
    return done


@dataclass(frozen=True)
class _Placed:
    """A prediction with the place of its id among the same ids of its file."""

    one: Prediction
    occurrence: int

    @property
    def key(self) -> tuple[str, int]:
        return self.one.id, self.occurrence


def _placed(block: Sequence[Prediction], seen: Counter[str]) -> Iterator[_Placed]:
    for one in block:
        yield _Placed(one, seen[one.id])
        seen[one.id] += 1


class _Block:
    """Some predictions on their way into the database, within one transaction."""

    def __init__(
        self, connection: Connection, arrival: int, model: int, shop: ProductFields, done: Arrived
    ) -> None:
        self._connection = connection
        self._arrival = arrival
        self._model = model
        self._shop = shop
        self._done = done
        self._rules: list[tuple[int, RuleText]] = active_rules(connection)

    def put(self, placed: Sequence[_Placed]) -> list[tuple[int, str, str]]:
        """Store them; the key, title and answer of each that is open."""
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
        for one in placed:
            pk, decided = there.get(one.key, (free, False))
            self._done.products += 1
            if decided:
                self._done.kept += 1
                continue
            fields = self._shop.fields(one.key)
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

    def _there(self, placed: Sequence[_Placed]) -> dict[tuple[str, int], tuple[int, bool]]:
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

    def _row(self, pk: int, placed: _Placed, fields: dict[str, str]) -> dict[str, Any]:
        one = placed.one
        lacking = [name for name, state in one.inputs.items() if state != "present"]
        return {
            "pk": pk,
            "id": one.id,
            "occurrence": placed.occurrence,
            "arrival": self._arrival,
            "model": self._model,
            "title": self._shop.title(fields),
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
            "rule": rule_for(self._rules, fields) if fields else None,
        }


def _details(pk: int, one: Prediction, fields: dict[str, str]) -> dict[str, Any]:
    alternatives = [[list(other.answer), other.probability] for other in one.alternatives]
    return {
        "product": pk,
        "parts": json.dumps(one.part_confidence),
        "alternatives": json.dumps(alternatives, ensure_ascii=False),
        "inputs": json.dumps(one.inputs, ensure_ascii=False),
        "fields": json.dumps(fields, ensure_ascii=False),
    }


def sample_place(key: tuple[str, int]) -> float:
    """A number in [0, 1) that depends on the product alone: the first by it are a random sample, on any day."""
    digest = hashlib.blake2b(f"{key[1]}:{key[0]}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _batch(database: Database, touched: Sequence[tuple[int, str, str]]) -> None:
    """Name each product's batch of similar ones."""
    leaders = find_alike([title for _, title, _ in touched], [answer for _, _, answer in touched])
    others = [
        {"one": touched[position][0], "lead": touched[leader][0]}
        for position, leader in enumerate(leaders)
        if leader != position
    ]
    statement = products.update().where(products.c.pk == bindparam("one")).values(alike=bindparam("lead"))
    for start in range(0, len(others), AT_ONCE):
        with database.write() as connection:
            connection.execute(statement, others[start : start + AT_ONCE])
