"""Parquet of any types; embedded images are read in order, rightly and not all at once."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfwise.catalog import Catalog, read_parquet
from shelfwise.catalog.column import Role, State
from shelfwise.catalog.read_parquet import ParquetImages
from shelfwise.errors import CatalogError

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(folder: Path, columns: dict, name: str = "c.parquet", group: int = 100) -> Path:
    path = folder / name
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return path


def images(count: int) -> pa.Array:
    return pa.array([{"bytes": b"image %d" % n, "path": f"{n}.jpg"} for n in range(count)], IMAGE)


def test_types(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "id": pa.array([2**60 + 1, 7]),
            "large": pa.array(["a", None], pa.large_string()),
            "coded": pa.array(["x", "y"]).dictionary_encode(),
            "f32": pa.array([1.5, None], pa.float32()),
            "money": pa.array([decimal.Decimal("1.20"), decimal.Decimal("3")]),
            "flag": pa.array([True, False]),
            "day": pa.array([datetime.date(2024, 1, 2), None]),
            "tags": pa.array([["a", None], None], pa.large_list(pa.large_string())),
            "numbers": pa.array([[1, 2], []]),
            "deep": pa.array([[{"a": 1}], None]),
            "record": pa.array([{"a": 1, "b": "é"}, None]),
            "raw": pa.array([b"text", b"\xff"]),
            "nothing": pa.nulls(2),
        },
    )
    catalog = Catalog.read(path)
    table = catalog.table
    assert catalog.ids == ["1152921504606846977", "7"]
    assert {str(kind) for kind in table.schema.types} == {"string", "double", "list<item: string>"}
    assert table["large"].to_pylist() == ["a", None]
    assert table["coded"].to_pylist() == ["x", "y"]
    assert table["f32"].to_pylist() == [1.5, None]
    assert table["money"].to_pylist() == [1.2, 3.0]
    assert table["flag"].to_pylist() == ["true", "false"]
    assert table["day"].to_pylist() == ["2024-01-02", None]
    assert table["tags"].to_pylist() == [["a", None], None]
    assert table["numbers"].to_pylist() == [["1", "2"], []]
    assert table["deep"].to_pylist() == ['[{"a": 1}]', None]
    assert table["record"].to_pylist() == ['{"a": 1, "b": "é"}', None]
    assert table["raw"].to_pylist() == ["text", "\ufffd"]
    assert table["nothing"].null_count == 2


def test_float_ids_lose_their_point(tmp_path: Path) -> None:
    assert Catalog.read(write(tmp_path, {"id": [1.0, None, 2.5], "t": list("abc")})).ids == ["1", "2", "2.5"]


def test_invalid_utf8_is_replaced(tmp_path: Path) -> None:
    broken = pa.StringArray.from_buffers(2, *pa.array([b"ok", b"\xff!"]).buffers()[1:])
    catalog = Catalog.read(write(tmp_path, {"id": ["1", "2"], "t": broken}))
    assert catalog.column("t").to_pylist() == ["ok", "\ufffd!"]


@pytest.mark.parametrize("content", [b"", b"PAR1 too short"])
def test_not_parquet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.parquet"
    path.write_bytes(content)
    with pytest.raises(CatalogError, match=r"c\.parquet"):
        Catalog.read(path)


def test_truncated_and_damaged(tmp_path: Path) -> None:
    path = write(tmp_path, {"id": [str(n) for n in range(500)], "t": [f"t{n * n}" for n in range(500)]})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CatalogError, match="complete"):
        Catalog.read(path)
    path.write_bytes(data[:200] + b"\xff" * 400 + data[600:])
    with pytest.raises(CatalogError, match="damaged Parquet"):
        Catalog.read(path)


def test_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no products"):
        Catalog.read(write(tmp_path, {"id": pa.array([], pa.string())}))


@pytest.mark.parametrize("group", [7, 100, 1000])
def test_embedded_images_in_any_order(tmp_path: Path, group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_parquet, "IMAGES_PER_READ", 16)
    monkeypatch.setattr(read_parquet, "KEPT_BYTES", 500)
    ids = [str(n) for n in range(150)]
    path = write(tmp_path, {"id": ids, "photo": images(150)}, group=group)
    catalog = Catalog.read(path)
    assert catalog.fields["photo"].role is Role.IMAGE
    assert catalog.column("photo").to_pylist()[3] == "3.jpg"
    source = catalog.input("photo").values
    rows = np.random.default_rng(0).integers(0, 150, 300)
    assert [image.data for image in source.load(rows)] == [b"image %d" % row for row in rows]
    taken = catalog.take(rows).take(np.arange(299, -1, -1)).input("photo").values
    assert [image.data for image in taken.load(range(300))] == [b"image %d" % row for row in rows[::-1]]
    scanned = [batch.input("photo").values for batch in Catalog.scan(path, rows=40)]
    assert [image.data for part in scanned for image in part.load(range(len(part)))] == [
        b"image %d" % row for row in range(150)
    ]


def test_kept_images_stay_within_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_parquet, "IMAGES_PER_READ", 10)
    monkeypatch.setattr(read_parquet, "KEPT_BYTES", 50_000)
    data = pa.array([{"bytes": bytes([n]) * 1_000, "path": None} for n in range(200)], IMAGE)
    source = ParquetImages(write(tmp_path, {"image": data}), "image", tmp_path)
    loaded = source.load(range(200))
    assert [image.data[0] for image in loaded] == list(range(200))
    assert sum(data.nbytes for data, _ in source._kept.values()) <= 50_000


def test_struct_without_bytes_falls_back_to_its_path(tmp_path: Path) -> None:
    (tmp_path / "here.jpg").write_bytes(b"on disk")
    data = [
        {"bytes": None, "path": "here.jpg"},
        {"bytes": b"", "path": None},
        None,
        {"bytes": b"in", "path": "gone.jpg"},
        {"bytes": None, "path": "gone.jpg"},
    ]
    path = write(tmp_path, {"id": list("abcde"), "image": pa.array(data, IMAGE)})
    for catalog in (Catalog.read(path), next(Catalog.scan(path))):
        loaded = catalog.input("image").values.load(range(5))
        assert [image.data for image in loaded] == [b"on disk", None, None, b"in", None]
        assert [image.state for image in loaded] == [
            State.PRESENT,
            State.ABSENT,
            State.ABSENT,
            State.PRESENT,
            State.FAILED,
        ]
        assert loaded[4].reason == "image file not found: gone.jpg"


def test_images_as_plain_bytes(tmp_path: Path) -> None:
    data = pa.array([b"\xff\xd8\xff one", None, b"\x89PNG two"])
    path = write(tmp_path, {"id": list("abc"), "pic": data})
    for catalog in (Catalog.read(path), next(Catalog.scan(path))):
        assert catalog.fields["pic"].role is Role.IMAGE
        loaded = catalog.input("pic").values.load(range(3))
        assert [image.data for image in loaded] == data.to_pylist()


def test_lists_of_images_are_left_out_and_said(tmp_path: Path) -> None:
    data = pa.array([[{"bytes": b"a", "path": "a"}], []], pa.list_(IMAGE))
    catalog = Catalog.read(write(tmp_path, {"id": ["1", "2"], "images": data}))
    assert catalog.column("images").null_count == 2
    assert any("several images" in note for note in catalog.notes)


def test_a_shard_with_paths_beside_one_with_bytes(tmp_path: Path) -> None:
    write(tmp_path, {"id": ["1"], "image": images(1)}, "a.parquet")
    (tmp_path / "b.csv").write_text("id,image\n2,x.jpg\n3,\n")
    (tmp_path / "c.csv").write_text("id,title\n4,no image column\n")
    (tmp_path / "x.jpg").write_bytes(b"x")
    whole = Catalog.read(tmp_path)
    assert [image.data for image in whole.input("image").values.load(range(4))] == [
        b"image 0",
        b"x",
        None,
        None,
    ]
    parts = [batch.input("image").values for batch in Catalog.scan(tmp_path)]
    assert [image.data for part in parts for image in part.load(range(len(part)))] == [
        b"image 0",
        b"x",
        None,
        None,
    ]
