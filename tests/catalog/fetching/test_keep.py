"""A body that has come is not asked for again, whatever happens before it is an image of the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from _image_server import ImageServer
from tests.images_zoo import jpeg

from shelfwise.catalog.fetching.keep import take_up
from shelfwise.catalog.fetching.records import Found, Record, Validators
from shelfwise.catalog.fetching.spool import Spool
from shelfwise.catalog.fetching.store import ImageStore
from shelfwise.progress import Silent


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "store")


def test_what_was_left_is_taken_up(store: ImageStore) -> None:
    known = Validators('"e"', "date")
    store.spool.keep("http://a/1", jpeg(1), known)
    store.spool.keep("http://a/2", b"no image", Validators())
    with store.filling(Silent()):
        assert take_up(store, run=7) == 2
        assert take_up(store, run=7) == 0
    found = store.index.look_up(["http://a/1", "http://a/2"])
    assert store.load(found["http://a/1"]).data == jpeg(1)
    assert (found["http://a/1"].validators, found["http://a/1"].run) == (known, 7)
    assert (found["http://a/2"].state, found["http://a/2"].reason[:12]) == (Found.FAILED, "not an image")
    assert not list((store.folder / "parts").iterdir())


def test_a_broken_body_does_not_take_the_place_of_an_image(store: ImageStore) -> None:
    store.spool.keep("http://a/1", jpeg(1), Validators())
    take_up(store, run=1)
    store.spool.keep("http://a/1", jpeg(1)[:100], Validators())
    take_up(store, run=2)
    assert store.index.look_up(["http://a/1"])["http://a/1"].state is Found.OK


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"{}\nbody",
        b"[1]\nbody",
        b"not json\nbody",
        b"[" * 100_000 + b"\nbody",
        json.dumps({"url": 1, "etag": "", "last_modified": "", "sha256": ""}).encode() + b"\n",
        json.dumps({"url": "u", "etag": "", "last_modified": "", "sha256": "0" * 64}).encode() + b"\nbody",
        b"\xff\xfe\nbody",
    ],
)
def test_files_that_are_not_whole_are_removed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.body").write_bytes(content)
    assert list(Spool(tmp_path).left()) == []
    assert not list(tmp_path.iterdir())


def test_torn_anywhere_is_noticed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    whole = spool.keep("http://a/1", jpeg(1), Validators('"e"')).file.read_bytes()
    for length in range(0, len(whole), 37):
        (tmp_path / "torn.body").write_bytes(whole[:length])
        assert [one.body for one in spool.left()] == [jpeg(1)]


def test_a_body_in_the_spool_is_not_fetched(server: ImageServer, fetch, options) -> None:
    store = ImageStore(options.store)
    store.spool.keep(server.url("image/1"), jpeg(1), Validators())
    store.close()
    record = fetch(server.url("image/1"))[server.url("image/1")]
    assert isinstance(record, Record)
    assert record.state is Found.OK
    assert not server.asked.requests


def test_nothing_stays_behind_after_a_run(server: ImageServer, fetch, options) -> None:
    fetch(*(server.url(path) for path in ("image/1", "html/1", "pixels/1", "cut/1", "large/1")))
    assert not list((options.store / "parts").iterdir())
