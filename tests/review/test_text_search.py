"""Words in products' texts: few matches and many are found by different ways, and are the same products."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from tests.review.desk_maker import make_desk

from shelfwise.review import text_search
from shelfwise.review.filters import QueueFilter
from shelfwise.review.queue import count, listing
from shelfwise.review.schema import products

TITLES = [f"{'blue' if number % 3 else 'red'} thing number{number}" for number in range(12)]


@pytest.mark.parametrize("few", [0, 4, 100])
def test_few_and_many(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(text_search, "FEW", few)
    desk = make_desk(tmp_path, database=database_url, titles=TITLES)
    with desk.database.read() as connection:
        for text, expected in (
            ("red", 4),
            ("re", 4),
            ("number1", 3),
            ("thing", 12),
            ("red number3", 1),
            ("nowhere", 0),
        ):
            chosen = QueueFilter.of({"text": text, "scope": "all"})
            given = (connection, chosen, desk.categories, False, "Ann")
            assert count(*given) == expected, text
            found = listing(*given, desk.clock(), 0)
            assert len(found) == expected, text
            assert [one.confidence for one in found] == sorted(one.confidence for one in found)
            words = text.split()
            matching = select(products.c.title).where(
                products.c.pk.in_(text_search.matching_products(connection, words, prefix=True))
            )
            assert sum(1 for _ in connection.execute(matching)) == expected
