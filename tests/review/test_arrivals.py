"""Prediction files into the queue and decisions out of it, and the files that are refused."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select
from tests.review.desk_maker import (
    PATHS,
    arrive,
    label_card,
    labelled,
    make_desk,
    path_card,
    predicted,
    write_predictions,
)
from tests.review.test_queue import judge, lease, product, wish

from shelfwise.errors import CatalogError, ShelfwiseError
from shelfwise.predictions import Alternative
from shelfwise.progress import Silent
from shelfwise.review.arrivals import add_model, queue_file
from shelfwise.review.arriving_products import sample_place
from shelfwise.review.errors import DatabaseError, PredictionFileError
from shelfwise.review.export import decision_schema, export_decisions
from shelfwise.review.prediction_file import read_predictions
from shelfwise.review.product_fields import ProductFields
from shelfwise.review.queue import lease_one
from shelfwise.review.schema import products

ODD = replace(predicted(1), id=' "odd", id\r; =1+1 \N{SNOWMAN} ', reason="comma, and\nline")


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_a_set_that_was_asked_for_is_what_is_suggested(tmp_path: Path, ending: str) -> None:
    made = predicted(0)
    others = tuple(Alternative(path, 0.1) for path in PATHS if path != made.answer)
    held = (Alternative(made.answer, made.confidence), *others)
    alone = replace(predicted(1), set=(Alternative(predicted(1).answer, 0.9),))
    file = write_predictions(tmp_path / f"predictions{ending}", [replace(made, set=held), alone])
    first, second = read_predictions(file, path_card())
    assert first.alternatives == others, "the answer itself is shown already"
    assert second.alternatives == alone.alternatives, (
        "a set of the answer alone leaves nothing to choose from"
    )


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
class TestFormats:
    def test_paths_come_back_as_they_were_written(self, tmp_path: Path, ending: str) -> None:
        failed = replace(predicted(2), answer=(), part_confidence=(), confidence=0.0)
        made = [predicted(0), ODD, replace(failed, decision="failed", alternatives=())]
        file = write_predictions(tmp_path / f"predictions{ending}", made)
        assert list(read_predictions(file, path_card())) == made

    def test_label_sets_too(self, tmp_path: Path, ending: str) -> None:
        made = [labelled(0), replace(labelled(1), answer=(), part_confidence=())]
        file = write_predictions(tmp_path / f"predictions{ending}", made, multilabel=True)
        assert list(read_predictions(file, label_card())) == made

    def test_another_models_answers_are_refused(self, tmp_path: Path, ending: str) -> None:
        file = write_predictions(tmp_path / f"predictions{ending}", [predicted(0), predicted(3)])
        other = path_card("other", (PATHS[0], PATHS[1]))
        with pytest.raises(
            PredictionFileError, match=r"product 2: 'Toys > Dolls' is not among the model's 4 "
        ):
            list(read_predictions(file, other))

    def test_the_other_kind_is_refused(self, tmp_path: Path, ending: str) -> None:
        file = write_predictions(tmp_path / f"predictions{ending}", [labelled(0)], multilabel=True)
        with pytest.raises(PredictionFileError, match="it holds label sets"):
            list(read_predictions(file, path_card()))

    def test_a_file_that_is_cut_off(self, tmp_path: Path, ending: str) -> None:
        file = write_predictions(
            tmp_path / f"predictions{ending}", [predicted(number) for number in range(50)]
        )
        file.write_bytes(file.read_bytes()[:-40])
        with pytest.raises(PredictionFileError):
            list(read_predictions(file, path_card()))

    def test_a_file_that_is_something_else(self, tmp_path: Path, ending: str) -> None:
        file = tmp_path / f"predictions{ending}"
        for content in (
            b"id,title\n1,pot\n",
            b"\xff\xfe\x00broken",
            b'{"id": "x"}\n',
            b"[1]\n",
            b"\x00" * 100,
        ):
            file.write_bytes(content)
            with pytest.raises(PredictionFileError):
                list(read_predictions(file, path_card()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 7),
        ("path", "Home"),
        ("path", [1]),
        ("path", []),
        ("confidence", 1.5),
        ("confidence", "high"),
        ("confidence", True),
        ("decision", "maybe"),
        ("alternatives", {}),
        ("alternatives", ["x"]),
        ("alternatives", [{"path": ["No"], "probability": 0.1}]),
        ("level_confidence", [2]),
        ("inputs", [1]),
        ("reason", None),
    ],
)
def test_values_that_cannot_be(tmp_path: Path, name: str, value: object) -> None:
    file = write_predictions(tmp_path / "predictions.jsonl", [predicted(0)])
    row = json.loads(file.read_text())
    file.write_text(json.dumps(row | {name: value}) + "\n")
    with pytest.raises(PredictionFileError, match="product 1"):
        list(read_predictions(file, path_card()))


def test_no_file_and_no_such_format(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 1)
    with pytest.raises(PredictionFileError, match="cannot be read"):
        arrive(desk, tmp_path / "none.parquet")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(PredictionFileError, match=r"ends in \.parquet, \.csv, \.jsonl"):
        arrive(desk, tmp_path / "x.txt")


class TestArrivingAgain:
    def test_the_same_file_is_known(self, tmp_path: Path, database_url: str) -> None:
        desk = make_desk(tmp_path, 5, database=database_url)
        assert arrive(desk, tmp_path / "predictions.parquet").known

    def test_decided_products_stay_and_open_ones_are_renewed(self, tmp_path: Path, database_url: str) -> None:
        desk = make_desk(tmp_path, 3, database=database_url)
        with desk.database.write() as connection:
            held = lease_one(connection, 1, "Ann", desk.clock())
        assert held is not None
        judge(desk, "Ann", wish(desk, held, members=()))
        newer = [replace(predicted(number), confidence=0.123) for number in range(4)]
        done = arrive(desk, write_predictions(tmp_path / "newer.parquet", newer))
        assert (done.products, done.new, done.renewed, done.kept) == (4, 1, 2, 1)
        assert (product(desk, 1).confidence, product(desk, 2).confidence) == (predicted(0).confidence, 0.123)
        assert product(desk, 1).status == "decided"

    def test_an_interrupted_file_is_taken_up_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk = make_desk(tmp_path, 1)
        monkeypatch.setattr("shelfwise.review.arrivals.AT_ONCE", 10)
        file = write_predictions(tmp_path / "many.parquet", [predicted(number) for number in range(35)])

        def fail(*_args: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as interrupted:
            interrupted.setattr("shelfwise.review.arrivals._batch", fail)
            with pytest.raises(KeyboardInterrupt):
                arrive(desk, file)
        assert not arrive(desk, file).known
        with desk.database.read() as connection:
            assert connection.execute(select(func.count()).select_from(products)).scalar_one() == 35
        assert arrive(desk, file).known

    def test_ids_that_repeat_are_products_of_their_own(self, tmp_path: Path) -> None:
        made = [replace(predicted(0), id="twice", confidence=sure) for sure in (0.1, 0.2)]
        desk = make_desk(tmp_path, predictions=made, titles=["one", "two"])
        assert [product(desk, pk).occurrence for pk in (1, 2)] == [0, 1]
        assert sample_place(("x", 0)) != sample_place(("x", 1))

    def test_a_database_of_the_other_kind(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 1)
        with pytest.raises(DatabaseError, match="holds products with a path"):
            add_model(desk.database, label_card())


def test_products_that_are_not_in_the_catalog_are_counted(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 2)
    file = write_predictions(tmp_path / "more.parquet", [predicted(number) for number in range(5)])
    done = queue_file(desk.database, file, desk.card, desk.model, desk.shop, Silent())
    assert done.without_fields == 3


def test_a_value_column_needs_a_catalog_that_has_it(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="--catalog"):
        ProductFields(None, worth="price")
    with pytest.raises(CatalogError, match="no column 'prize'"):
        make_desk(tmp_path, 2, worth="prize")


class TestExport:
    @pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
    def test_every_format(self, tmp_path: Path, database_url: str, ending: str) -> None:
        desk = make_desk(tmp_path, predictions=[ODD, predicted(2)], titles=["a", "b"], database=database_url)
        for _ in range(2):
            held = lease(desk, "Ann")
            assert held is not None
            judge(desk, "Ann", wish(desk, held))
        done = export_decisions(desk.database, tmp_path / f"decisions{ending}")
        assert (done.products, done.decisions, done.disputed) == (2, 2, 0)
        if ending == ".parquet":
            table = pq.read_table(done.output)
            assert table.schema.equals(decision_schema(False))
            assert pa.types.is_timestamp(table.schema.field("decided_at").type)
            rows = table.to_pylist()
        elif ending == ".csv":
            with done.output.open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
        else:
            rows = [json.loads(line) for line in done.output.read_text(encoding="utf-8").splitlines()]
        assert {row["id"] for row in rows} == {ODD.id, "p00002"}
        odd = next(row for row in rows if row["id"] == ODD.id)
        assert odd["path"] in (list(ODD.answer), " > ".join(ODD.answer))
        assert odd["model"] == "model-one"

    def test_disputed_products_have_no_final_decision(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 1, votes=2)
        for person, after in (("Ann", PATHS[0]), ("Ben", PATHS[1])):
            held = lease(desk, person)
            assert held is not None
            judge(desk, person, wish(desk, held, after=after, ticket=f"ticket{person}"))
        done = export_decisions(desk.database, tmp_path / "decisions.parquet")
        assert (done.decisions, done.disputed) == (0, 1)
        everything = export_decisions(desk.database, tmp_path / "all.parquet", everything=True)
        assert everything.decisions == 2
        assert not any(pq.read_table(everything.output)["final"].to_pylist())

    def test_nothing_is_left_behind_when_it_cannot_be_written(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 1)
        with pytest.raises(ShelfwiseError, match="ends in"):
            export_decisions(desk.database, tmp_path / "decisions.xlsx")
        (tmp_path / "folder.csv").mkdir()
        with pytest.raises(ShelfwiseError, match="got the folder"):
            export_decisions(desk.database, tmp_path / "folder.csv")
        assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
