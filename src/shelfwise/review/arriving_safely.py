"""Whether a prediction file can be queued: read to its end before anything is stored, and its ids are those of its products.

A product is known by its id alone. Where that is not enough, its decision would be stored for another product: an id that
repeats is told apart by its place, which is another one in a part of the catalog; and row numbers, which stand for ids in a
catalog without any, are others in the next catalog.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from shelfwise.progress import Reporter
from shelfwise.review.database import Database
from shelfwise.review.errors import PredictionFileError
from shelfwise.review.keys import storable
from shelfwise.review.model_card import ModelCard
from shelfwise.review.prediction_file import read_predictions
from shelfwise.review.product_fields import ProductFields
from shelfwise.review.schema import details, products

_IN_A_QUERY = 500


def check_arriving(
    database: Database, path: Path, card: ModelCard, shop: ProductFields, reporter: Reporter
) -> None:
    """Raise PredictionFileError where a file cannot be read to its end, or its products not be told apart."""
    times: Counter[str] = Counter()
    with reporter.stage("checking predictions", total=None) as stage:
        for one in read_predictions(path, card):
            times[one.id] += 1
            stage.advance(1)
    for name, count in times.items():
        known = shop.times(name)
        if known and known != count:
            raise PredictionFileError(
                f"'{path}' has the id '{name:.60}' {_often(count)}, and the catalog has it {_often(known)}: which product is "
                "which cannot be told. Give the catalog that was predicted, or give every product an id of its own, then "
                "predict again"
            )
    if shop.numbered:
        _check_row_numbers(database, path, list(times), shop)


def _check_row_numbers(database: Database, path: Path, names: Sequence[str], shop: ProductFields) -> None:
    """Refuse row numbers that the database has for products of other titles."""
    query = select(products.c.id, products.c.title, details.c.fields).join(
        details, details.c.product == products.c.pk
    )
    with database.read() as connection:
        for start in range(0, len(names), _IN_A_QUERY):
            part = names[start : start + _IN_A_QUERY]
            for row in connection.execute(query.where(products.c.id.in_(part), products.c.occurrence == 0)):
                title = storable(shop.title(shop.fields((row.id, 0))))
                if json.loads(row.fields) and row.title != title:
                    raise PredictionFileError(
                        f"the catalog of '{path}' has no ids, so row numbers stand for them, and product {row.id} is another one "
                        f"in the database: '{row.title:.60}', here '{title:.60}'. Give products ids (name their column with "
                        "--id, here and in `predict`), or use another --database for each catalog"
                    )


def _often(times: int) -> str:
    return "once" if times == 1 else f"{times:,} times"
