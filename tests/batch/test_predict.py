"""A prediction file has one row a product in order, and an interrupted one keeps what was finished."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from shelfwise.batch.predict import predict_to_file
from shelfwise.batch.remarks import BatchInterrupted
from shelfwise.catalog.catalog import Catalog
from shelfwise.errors import CatalogError, ShelfwiseError
from shelfwise.predictions import Prediction
from shelfwise.progress import Reporter, Silent


class Repeats:
    """Predicts the title in place of a category; fails at a title that says so."""

    multilabel_ = False

    def predict(self, catalog: Catalog, reporter: Reporter | None = None) -> list[Prediction]:
        assert reporter is not None
        reporter.say("the column 'brand' is not in this catalog")
        titles = catalog.column("title").to_pylist()
        if "ctrl-c" in titles:
            raise KeyboardInterrupt
        if "disk" in titles:
            raise OSError(errno.ENOSPC, "No space left on device")
        return [
            Prediction(name, (), 0.0, (), "failed", "no title")
            if title is None
            else Prediction(name, (title,), 0.9, (0.9,), "review" if title == "lamp" else "accept")
            for name, title in zip(catalog.ids, titles, strict=True)
        ]


class Heard(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


def scan(folder: Path, *titles: str) -> Iterator[Catalog]:
    catalog = folder / "catalog.csv"
    rows = "".join(f"{row:03d},{title}\n" for row, title in enumerate(titles))
    catalog.write_text("sku,title\n" + rows, encoding="utf-8")
    return Catalog.scan(catalog, rows=2, id="sku", text="title")


def test_rows_are_the_products_in_their_order(tmp_path: Path) -> None:
    heard = Heard()
    batches = scan(tmp_path, "sofa", "lamp", "", "rug", "vase")
    summary = predict_to_file(Repeats(), batches, tmp_path / "out.parquet", reporter=heard)
    assert (summary.products, summary.accept, summary.review, summary.failed) == (5, 3, 1, 1)
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["id"] for row in rows] == ["000", "001", "002", "003", "004"]
    assert [row["path"] for row in rows] == [["sofa"], ["lamp"], [], ["rug"], ["vase"]]
    assert rows[2]["reason"] == "no title"
    assert heard.said.count("the column 'brand' is not in this catalog") == 1


def test_an_interrupt_keeps_the_finished_batches_and_says_so(tmp_path: Path) -> None:
    batches = scan(tmp_path, "sofa", "lamp", "rug", "vase", "ctrl-c")
    with pytest.raises(BatchInterrupted, match=r"4 products written to .*out\.partial\.parquet are complete"):
        predict_to_file(Repeats(), batches, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.partial.parquet").column("id").to_pylist() == [
        "000",
        "001",
        "002",
        "003",
    ]
    assert not (tmp_path / "out.parquet").exists()


def test_an_interrupt_at_once_says_that_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(BatchInterrupted, match="interrupted; no predictions were written"):
        predict_to_file(Repeats(), scan(tmp_path, "ctrl-c"), tmp_path / "out.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["catalog.csv"]


def test_a_full_disk_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ShelfwiseError, match=r"the disk is full .*2 products written to"):
        predict_to_file(Repeats(), scan(tmp_path, "a", "b", "disk"), tmp_path / "out.csv")


def test_a_catalog_that_breaks_off_keeps_its_kind_of_error(tmp_path: Path) -> None:
    def breaking() -> Iterator[Catalog]:
        yield from scan(tmp_path, "a", "b")
        raise CatalogError("shard 2 is truncated")

    with pytest.raises(CatalogError, match=r"shard 2 is truncated \(2 products written to"):
        predict_to_file(Repeats(), breaking(), tmp_path / "out.csv")
