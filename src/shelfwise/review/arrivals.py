"""Predictions arrive in the queue: file by file, each product with its fields, its batch and its rule.

A file is read to its end before anything of it is stored: one that is refused leaves the queue as it was. A file that is
interrupted is taken up again from its start; what was already stored is stored once. A product that
someone has decided stays as it is; one that nobody has decided takes the newer prediction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from uuid import uuid4

from sqlalchemy import bindparam, select, update

from shelfwise.progress import Reporter
from shelfwise.review import clock
from shelfwise.review.arrival_figures import ArrivalFigures
from shelfwise.review.arriving_products import Arrived, ArrivingProducts, placed
from shelfwise.review.arriving_safely import check_arriving
from shelfwise.review.database import Database, kind_of_answers
from shelfwise.review.errors import DatabaseError
from shelfwise.review.model_card import ModelCard
from shelfwise.review.prediction_file import file_digest, read_predictions
from shelfwise.review.product_fields import ProductFields
from shelfwise.review.schema import arrivals, meta, models, products
from shelfwise.review.similar import find_alike

AT_ONCE = 2_000
"""Products a transaction: another desk on the database gets its turn in between."""
_UNFINISHED = "unfinished "


def add_model(database: Database, card: ModelCard) -> int:
    """The model's number in the database. Raises DatabaseError where the database is of the other kind of answers."""
    with database.write() as connection:
        kind = kind_of_answers(connection)
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
    """Put a prediction file's products in the queue. Raises PredictionFileError and DatabaseError; nothing is stored then."""
    done = Arrived(path)
    digest = file_digest(path)
    with database.write() as connection:
        already = select(arrivals.c.id).where(arrivals.c.model == model, arrivals.c.digest == digest)
        if connection.execute(already).first() is not None:
            done.known = True
            return done
    check_arriving(database, path, card, shop, reporter)
    with database.write() as connection:
        added = arrivals.insert().values(
            model=model, file=path.name, digest=_UNFINISHED + uuid4().hex, facts="{}", added_at=clock.now()
        )
        arrival = int(connection.execute(added.returning(arrivals.c.id)).scalar_one())
    told = ArrivalFigures(card.inputs)
    seen: Counter[str] = Counter()
    touched: list[tuple[int, str, str]] = []
    predictions = read_predictions(path, card)
    with reporter.stage("queueing products", total=None) as stage:
        while block := list(islice(predictions, AT_ONCE)):
            arriving = list(placed(block, seen))
            fields = [shop.fields(one.key) for one in arriving]
            with database.write() as connection:
                touched += ArrivingProducts(connection, arrival, model, shop, done).put(arriving, fields)
            told.count(block, fields, card.multilabel)
            stage.advance(len(block))
    with reporter.stage("finding similar products", total=None):
        _batch(database, touched)
    with database.write() as connection:
        connection.execute(
            update(arrivals).where(arrivals.c.id == arrival).values(digest=digest, facts=told.to_json())
        )
    database.take_stock()
    return done


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
