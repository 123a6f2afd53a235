"""The desk stored half of a file that it refused, and took products of one file for those of another with the same ids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.review.desk_maker import PATHS, arrive, make_desk, path_card, predicted, write_predictions
from tests.review.test_queue import judge, lease, product, wish

from shelfwise import Catalog
from shelfwise.errors import CatalogError
from shelfwise.predictions import Prediction
from shelfwise.progress import Silent
from shelfwise.review.arrivals import add_model, queue_file
from shelfwise.review.database import Database
from shelfwise.review.desk import Desk
from shelfwise.review.errors import PredictionFileError
from shelfwise.review.product_fields import ProductFields
from shelfwise.review.schema import arrivals, products


def counted(desk: Desk) -> tuple[int, int]:
    with desk.database.read() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (products, arrivals)
        )  # type: ignore[return-value]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_a_file_that_is_refused_leaves_the_queue_as_it_was(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelfwise.review.arrivals.AT_ONCE", 10)
    desk = make_desk(tmp_path, 5)
    before = counted(desk), product(desk, 1)
    other = path_card("other", (*PATHS, ("Garden", "Gnomes")))
    made = [predicted(number, 0.99, decision="accept") for number in range(30)]
    made.append(replace(made[0], id="last", answer=("Garden", "Gnomes"), part_confidence=(1.0, 1.0)))
    file = write_predictions(tmp_path / f"other{ending}", made, other.multilabel)
    with pytest.raises(PredictionFileError, match="not among the model's"):
        arrive(desk, file)
    assert (counted(desk), product(desk, 1)) == before


def numbered(folder: Path, name: str, titles: list[str]) -> ProductFields:
    """A catalog without ids."""
    file = folder / name
    file.write_text("title,price\n" + "".join(f"{title},1.0\n" for title in titles), encoding="utf-8")
    return ProductFields(Catalog.read(str(file)))


def row_numbers(count: int) -> list[Prediction]:
    return [predicted(number, 0.5 + number / 100, id=str(number + 1)) for number in range(count)]


def test_row_numbers_of_another_catalog_are_no_newer_predictions(tmp_path: Path) -> None:
    monday, tuesday = ["red pot", "blue pan", "green lamp"], ["wooden doll", "toy car"]
    shop, card = numbered(tmp_path, "monday.csv", monday), path_card()
    assert shop.numbered
    database = Database(str(tmp_path / "review.db"))
    model = add_model(database, card)
    first = write_predictions(tmp_path / "monday.parquet", row_numbers(3))
    queue_file(database, first, card, model, shop, Silent())
    desk = Desk(database, card, model, shop)
    held = lease(desk, "Ann")
    assert held is not None
    judge(desk, "Ann", wish(desk, held))
    second = write_predictions(tmp_path / "tuesday.parquet", row_numbers(2))
    with pytest.raises(
        PredictionFileError, match=r"row numbers stand for them.*'red pot', here 'wooden doll'"
    ):
        queue_file(database, second, card, model, numbered(tmp_path, "tuesday.csv", tuesday), Silent())
    assert counted(desk) == (3, 1)
    # The same catalog, predicted again and longer by two products, is welcome.
    longer = write_predictions(tmp_path / "again.parquet", row_numbers(5))
    grown = numbered(tmp_path, "monday.csv", monday + tuesday)
    done = queue_file(database, longer, card, model, grown, Silent())
    assert (done.new, done.renewed, done.kept) == (2, 2, 1)


@pytest.mark.parametrize("ids", [["twice"], ["twice", "twice", "twice"]])
def test_ids_that_repeat_otherwise_than_in_the_catalog(tmp_path: Path, ids: list[str]) -> None:
    """`next` chooses some of a catalog: the second of two products with one id was taken for the first."""
    (tmp_path / "shop.csv").write_text(
        "id,title\ntwice,red pot\nonce,lamp\ntwice,blue pan\n", encoding="utf-8"
    )
    shop, card = ProductFields(Catalog.read(str(tmp_path / "shop.csv"), id="id")), path_card()
    database = Database(str(tmp_path / "review.db"))
    model = add_model(database, card)
    made = [predicted(number, id=name) for number, name in enumerate([*ids, "once"])]
    file = write_predictions(tmp_path / "some.parquet", made)
    with pytest.raises(PredictionFileError, match=r"'twice' .* and the catalog has it 2 times"):
        queue_file(database, file, card, model, shop, Silent())
    whole = [predicted(number, id=name) for number, name in enumerate(["twice", "once", "twice"])]
    done = queue_file(
        database, write_predictions(tmp_path / "all.parquet", whole), card, model, shop, Silent()
    )
    assert (done.new, done.without_fields) == (3, 0)


def test_a_value_column_without_a_number(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="column of numbers as --value, but 'title'"):
        make_desk(tmp_path, 3, worth="title")
