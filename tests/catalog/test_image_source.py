"""Images by path: what is there is read, what is not says why."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shelfwise.catalog import Catalog, image_source
from shelfwise.catalog.column import State
from shelfwise.catalog.image_source import (
    AbsentImages,
    ImageRows,
    PathImages,
    image_hashes,
    is_url,
    load_path,
)
from shelfwise.errors import CatalogError


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a b.jpg").write_bytes(b"a")
    for given in (
        "sub/a b.jpg",
        " sub/a b.jpg ",
        str(tmp_path / "sub" / "a b.jpg"),
        (tmp_path / "sub" / "a b.jpg").as_uri(),
        "sub\\a b.jpg",
        "sub/../sub/a b.jpg",
    ):
        image = load_path(given, tmp_path)
        assert (image.state, image.data) == (State.PRESENT, b"a"), given


def test_failures_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "big.jpg").write_bytes(b"x" * 2_000)
    os.mkfifo(tmp_path / "pipe.jpg")
    monkeypatch.setattr(image_source, "MAX_IMAGE_BYTES", 1_000)
    for given, why in {
        "gone.jpg": "image file not found: gone.jpg",
        "empty.jpg/x": "not found",
        "folder.jpg": "is a folder",
        "empty.jpg": "empty (0 bytes)",
        "big.jpg": "too large",
        "pipe.jpg": "not a regular file",
        "/dev/zero": "not a regular file",
        "x" * 5_000: "cannot be read",
        "nul\0.jpg": "cannot be read",
        "https://shop.example/a.jpg": "not fetched",
        "//cdn.example/a.jpg": "not fetched",
        "S3://bucket/a.jpg": "not fetched",
    }.items():
        image = load_path(given, tmp_path)
        assert image.state is State.FAILED, given
        assert why in image.reason, given
        assert image.data is None


def test_what_is_a_url() -> None:
    assert is_url("http://a.b/c.jpg")
    assert not is_url("file:///a/b.jpg")
    assert not is_url("/a/b.jpg")
    assert not is_url("images/http.jpg")


def test_sources_compose() -> None:
    folders = [Path("/nowhere"), Path("/elsewhere")]
    paths = PathImages(pa.array(["a", None, "c"]), folders, np.array([0, 1, 1]))
    joined = ImageRows.concatenate(
        [paths, AbsentImages(2), paths.take(np.array([2, 0])), ImageRows.of(paths)]
    )
    assert len(joined) == 10
    states = [image.state for image in joined.load(range(10))]
    failed, absent = State.FAILED, State.ABSENT
    assert states == [failed, absent, failed, absent, absent, failed, failed, failed, absent, failed]
    rows = np.array([9, 1, 5])
    assert [i.reason for i in joined.take(rows).load([0, 1, 2])] == [
        i.reason for i in joined.load(rows.tolist())
    ]


def test_hashes_tell_bytes_apart(tmp_path: Path) -> None:
    for name, data in {"a": b"1", "b": b"1", "c": b"2"}.items():
        (tmp_path / name).write_bytes(data)
    source = PathImages(pa.array(["a", "b", "c", "gone", None] * 60), [tmp_path], np.zeros(300, int))
    seen: list[int] = []
    hashes = image_hashes(source, seen.append)
    assert sum(seen) == 300
    assert hashes[0] == hashes[1] != hashes[2]
    assert hashes[3:5] == [None, None]
    assert hashes[5:10] == hashes[:5]


def test_images_dir(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").write_bytes(b"a")
    path = tmp_path / "c.csv"
    path.write_text("id,photo\n1,a.jpg\n2,\n3,b.jpg\n")
    catalog = Catalog.read(path, images_dir=tmp_path / "pictures")
    column = catalog.input("photo")
    assert column.state.tolist() == [State.PRESENT, State.ABSENT, State.PRESENT]
    assert [image.state for image in column.values.load(range(3))] == [
        State.PRESENT,
        State.ABSENT,
        State.FAILED,
    ]
    assert Catalog.read(path).input("photo").values.load([0])[0].state is State.FAILED
    with pytest.raises(CatalogError, match="image folder"):
        Catalog.read(path, images_dir=tmp_path / "nowhere")
