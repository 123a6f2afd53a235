"""The catalog as a whole: read and scan agree, rows keep their identity."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog import Catalog, Field
from shelfwise.catalog.column import Role, State
from shelfwise.errors import CatalogError


def mixed_folder(folder: Path) -> Path:
    (folder / "a.csv").write_text('id;title;price\n001;"Rot;er Schuh";1,50\nx;y;z;too;many\n002;;\n')
    (folder / "b.tsv.gz").write_bytes(gzip.compress(b"id\tbrand\ttitle\n003\tAcme\tHat\n"))
    (folder / "c.jsonl").write_text(
        '{"id": "004", "tags": ["a", "b"], "price": 2}\nbroken\n{"id": "005", "tags": []}'
    )
    table = pa.table(
        {
            "id": pa.array([6, 7]),
            "price": [3.0, None],
            "tags": ["plain", None],
            "image": pa.array(
                [{"bytes": b"i", "path": "i.jpg"}, None],
                pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
            ),
        }
    )
    pq.write_table(table, folder / "d.parquet")
    return folder


def same(one: Catalog, other: Catalog) -> None:
    assert one.ids == other.ids
    assert one.row_errors == other.row_errors
    assert one.table.schema == other.table.schema
    assert one.table.to_pylist() == other.table.to_pylist()


def joined(batches: list[Catalog]) -> Catalog:
    errors: dict[int, str] = {}
    start = 0
    for batch in batches:
        errors |= {start + row: reason for row, reason in batch.row_errors.items()}
        start += len(batch)
    table = pa.concat_tables([batch.table for batch in batches])
    return Catalog(
        table, [name for batch in batches for name in batch.ids], batches[0].fields, row_errors=errors
    )


def test_shards_of_all_formats(tmp_path: Path) -> None:
    catalog = Catalog.read(mixed_folder(tmp_path))
    assert catalog.ids == ["001", "x", "002", "003", "004", "6", "005", "6", "7"]
    assert catalog.column("price").to_pylist() == ["1,50", None, None, None, "2", None, None, "3", None]
    assert catalog.column("tags").to_pylist()[4:] == [["a", "b"], None, [], ["plain"], None]
    assert catalog.column("brand").to_pylist()[3:5] == ["Acme", None]
    assert set(catalog.row_errors) == {1, 5}
    assert [Path(source).name for source in catalog.sources] == ["a.csv", "b.tsv.gz", "c.jsonl", "d.parquet"]
    assert any("semicolon" in note for note in catalog.notes)
    states = catalog.input("price", Role.NUMBER).state.tolist()
    assert states == [
        State.PRESENT,
        State.FAILED,
        State.ABSENT,
        State.ABSENT,
        State.PRESENT,
        State.FAILED,
        1,
        0,
        1,
    ]
    assert [image.data for image in catalog.input("image").values.load(range(9))] == [None] * 7 + [b"i", None]


@pytest.mark.parametrize("rows", [1, 2, 5, 4096])
def test_scan_is_read(tmp_path: Path, rows: int) -> None:
    folder = mixed_folder(tmp_path)
    whole = Catalog.read(folder)
    batches = list(Catalog.scan(folder, rows=rows))
    assert all(len(batch) <= rows for batch in batches)
    same(joined(batches), whole)


cell = st.text(st.sampled_from('ab ,"\n0é'), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["id", "t", "l"]), cell | st.lists(cell, max_size=2)),
        min_size=1,
        max_size=9,
    ),
    st.integers(1, 5),
    st.lists(st.integers(0, 8), max_size=3),
)
def test_scan_is_read_for_any_file(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], size: int, broken: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "scan.jsonl"
    lines = [json.dumps({"t": None} | row) for row in rows] + ['{"id": "end"}']
    for line in broken:
        if line < len(rows):
            lines[line] = "{" + lines[line]
    path.write_text("\n".join(lines))
    whole = Catalog.read(path)
    assert len(whole) == len(lines)
    same(joined(list(Catalog.scan(path, rows=size))), whole)


def test_scan_with_fields_given(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("code,title,brand,extra\n007,a,b,c\n")
    fields = {
        "code": Field("code", Role.ID, "model"),
        "brand": Field("brand", Role.TEXT, "model"),
        "gone": Field("gone", Role.NUMBER, "model"),
    }
    (batch,) = Catalog.scan(path, fields=fields)
    assert batch.ids == ["007"]
    assert batch.input_names == ["brand"]
    assert batch.fields["extra"].role is Role.IGNORED
    assert batch.input_or_absent("gone", Role.NUMBER).state.tolist() == [State.ABSENT]
    (other,) = Catalog.scan(path, fields={"id": Field("id", Role.ID, "model")})
    assert other.ids == ["1"]


def test_scan_complains_at_once(tmp_path: Path) -> None:
    with pytest.raises(CatalogError):
        Catalog.scan(tmp_path / "gone.csv")
    (tmp_path / "c.csv").write_text("id,t\n")
    with pytest.raises(CatalogError, match="no products"):
        Catalog.scan(tmp_path / "c.csv")
    with pytest.raises(CatalogError, match="at least 1 row"):
        Catalog.scan(tmp_path / "c.csv", rows=0)


def test_one_empty_shard_is_noted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.csv").write_text("id,t\n1,x\n")
    catalog = Catalog.read(tmp_path)
    assert catalog.ids == ["1"]
    assert any("a.csv: the file is empty" in note for note in catalog.notes)


def test_row_numbers_run_over_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("t,u\nx,1\ny,2\n")
    (tmp_path / "b.csv").write_text("t,u\nz,3\n")
    assert Catalog.read(tmp_path).ids == ["1", "2", "3"]
    assert [batch.ids for batch in Catalog.scan(tmp_path)] == [["1", "2"], ["3"]]


def test_take(tmp_path: Path) -> None:
    whole = Catalog.read(mixed_folder(tmp_path))
    rows = np.array([8, 1, 1, 4])
    part = whole.take(rows)
    assert part.ids == ["7", "x", "x", "004"]
    assert part.row_errors == {1: whole.row_errors[1], 2: whole.row_errors[1]}
    assert part.table.to_pylist() == [whole.table.to_pylist()[row] for row in rows]
    assert part.fields == whole.fields
    assert whole.take(np.arange(9) > 6).ids == ["6", "7"]
    assert len(whole.take(np.array([], dtype=int))) == 0


def test_with_fields(tmp_path: Path) -> None:
    catalog = Catalog.read(mixed_folder(tmp_path))
    changed = catalog.with_fields({"brand": Field("brand", Role.TARGET, "asked for")})
    assert "brand" not in changed.input_names
    assert catalog.fields["brand"].role is not Role.TARGET
    with pytest.raises(CatalogError, match="Did you mean 'brand'"):
        catalog.with_fields({"brnd": Field("brnd", Role.TARGET, "")})
    with pytest.raises(CatalogError, match="no column"):
        catalog.column("brnd")


def test_progress(tmp_path: Path) -> None:
    done: list[int] = []
    folder = mixed_folder(tmp_path)
    Catalog.read(folder, progress=done.append)
    for _ in Catalog.scan(folder, progress=done.append):
        pass
    assert sum(done) == 2 * 9


def test_the_room_does_not_wait_for_torch() -> None:
    code = "import sys, shelfwise.catalog.groups, shelfwise.catalog.split; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_ids_must_match() -> None:
    with pytest.raises(CatalogError, match="one id a product"):
        Catalog(pa.table({"a": [1]}), [], {})
