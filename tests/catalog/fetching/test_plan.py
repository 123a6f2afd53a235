"""Which products want an image from the web, and which URLs are asked for."""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.images_zoo import jpeg

from shelfwise.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.fetching.plan import AskFor, Given, has_urls, image_rows, url_columns, wanted_urls
from shelfwise.catalog.fetching.records import Found, Record
from shelfwise.catalog.fetching.shrink import Picture
from shelfwise.catalog.fetching.store import ImageStore
from shelfwise.errors import CatalogError

URL = "https://cdn.example/{}.jpg"


def catalog_of(tmp_path: Path, *cells: str) -> Catalog:
    path = tmp_path / "c.csv"
    lines = "".join(f'{number},"{cell}",title\n' for number, cell in enumerate(cells))
    path.write_text("id,image_url,title\n" + lines, encoding="utf-8")
    return Catalog.read(path)


def test_every_product_has_its_row(tmp_path: Path) -> None:
    catalog = catalog_of(
        tmp_path,
        URL.format(1),
        "",
        "photos/2.jpg",
        URL.format(1) + "#x",
        "s3://bucket/3.jpg",
        "//cdn.example/4.jpg",
        *[URL.format(number) for number in range(5, 15)],
    )
    rows = image_rows(catalog, "image_url")
    assert [row.id for row in rows] == catalog.ids
    given = [Given.WEB, Given.ABSENT, Given.THERE, Given.WEB, Given.REFUSED, *[Given.WEB] * 11]
    assert [row.given for row in rows] == given
    assert wanted_urls(rows) == [URL.format(number) for number in (1, 4, *range(5, 15))]
    assert "only http" in rows[4].reason
    assert has_urls(catalog, "image_url")
    assert not has_urls(catalog, "title")


def test_rows_that_cannot_be_read_stay(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    lines = [f'{{"id": "{n}", "image_url": "{URL.format(n)}"}}' for n in range(5)]
    path.write_text("\n".join([*lines[:2], "{broken", *lines[2:]]))
    rows = image_rows(Catalog.read(path), "image_url")
    assert len(rows) == 6
    assert rows[2].given is Given.UNREADABLE
    assert rows[2].reason


def test_columns_that_may_hold_them(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, *[URL.format(number) for number in range(9)])
    assert catalog.fields["image_url"].role is Role.IGNORED
    assert url_columns(catalog) == ["image_url"]
    with pytest.raises(CatalogError, match="no column"):
        image_rows(catalog, "photo")


def test_an_image_in_the_catalog_itself_is_not_fetched(tmp_path: Path) -> None:
    images = [
        {"bytes": jpeg(1), "path": URL.format(1)},
        {"bytes": None, "path": URL.format(2)},
        {"bytes": jpeg(3), "path": None},
        None,
    ]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table({"id": ["1", "2", "3", "4"], "image": pa.array(images, kind)}), path)
    for catalog in (Catalog.read(path), next(Catalog.scan(path))):
        rows = image_rows(catalog, "image")
        assert [row.given for row in rows] == [Given.THERE, Given.WEB, Given.ABSENT, Given.ABSENT]


class TestAskFor:
    @pytest.fixture
    def store(self, tmp_path: Path) -> ImageStore:
        return ImageStore(tmp_path / "store")

    def record(self, store: ImageStore, state: Found, run: int = 1, age_s: float = 0.0) -> Record:
        name = store.save(Picture(b"data", "jpg", 1, 1)) if state is Found.OK else ""
        return Record("u", state, "", name, 4, 1, 1, run=run, tried_at=time.time() - age_s)

    @pytest.mark.parametrize(
        ("state", "ask_for", "age_s", "asked"),
        [
            (Found.OK, AskFor(2), 9e9, False),
            (Found.OK, AskFor(2, refresh=True), 0, True),
            (Found.OK, AskFor(1, refresh=True), 0, False),
            (Found.FAILED, AskFor(2), 0, True),
            (Found.FAILED, AskFor(1), 9e9, False),
            (Found.FAILED, AskFor(0, failures_count_s=60), 30, False),
            (Found.FAILED, AskFor(0, failures_count_s=60), 90, True),
            (Found.REFUSED, AskFor(0, failures_count_s=60), 0, True),
            (Found.REFUSED, AskFor(1), 0, False),
        ],
    )
    def test_what_was_tried(
        self, store: ImageStore, state: Found, ask_for: AskFor, age_s: float, asked: bool
    ) -> None:
        known = {"u": self.record(store, state, age_s=age_s)}
        wanted = ask_for.wanted(["u", "u"], known, store)
        assert [one.url for one in wanted] == (["u"] if asked else [])
        assert all((one.earlier is not None) == (state is Found.OK) for one in wanted)

    def test_what_was_not_tried_and_what_is_gone(self, store: ImageStore) -> None:
        known = {"u": self.record(store, Found.OK)}
        store.path_of(known["u"]).unlink()
        wanted = AskFor(1).wanted(["new", "u"], known, store)
        assert [(one.url, one.earlier) for one in wanted] == [("new", None), ("u", None)]
