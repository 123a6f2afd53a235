"""JSON lines: values as written, broken lines kept."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog import Catalog
from shelfwise.errors import CatalogError


def write(folder: Path, *lines: str | bytes, name: str = "c.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return path


def values(catalog: Catalog, name: str) -> list:
    return catalog.column(name).to_pylist()


def test_scalars_are_kept_as_written(tmp_path: Path) -> None:
    catalog = Catalog.read(
        write(
            tmp_path,
            '{"id": "007", "n": 1.50, "big": 12345678901234567890123, "b": true, "x": null}',
            '{"id": "8", "n": "n/a", "big": 1, "b": false, "x": NaN}',
        )
    )
    assert catalog.ids == ["007", "8"]
    assert values(catalog, "n") == ["1.50", "n/a"]
    assert values(catalog, "big") == ["12345678901234567890123", "1"]
    assert values(catalog, "b") == ["true", "false"]
    assert values(catalog, "x") == [None, None]


def test_lists_and_objects(tmp_path: Path) -> None:
    catalog = Catalog.read(
        write(
            tmp_path,
            '{"id": 1, "tags": "alone", "more": {"a": [1, "é"]}}',
            '{"id": 2, "tags": ["a", 2, null, true]}',
            '{"id": 3, "tags": [["x"], {"y": 1}]}',
        )
    )
    assert values(catalog, "tags") == [["alone"], ["a", "2", "true"], ['["x"]', '{"y": "1"}']]
    assert values(catalog, "more") == ['{"a": ["1", "é"]}', None, None]
    assert catalog.input("tags").values.to_pylist() == ["alone", "a | 2 | true", '["x"] | {"y": "1"}']


def test_broken_lines_stay_products(tmp_path: Path) -> None:
    catalog = Catalog.read(
        write(
            tmp_path,
            '{"id": "a", "t": "x"}',
            '{"id": "b", "t": ',
            "",
            "[1, 2]",
            '"s"',
            '{"id": "e", "t": "y"}',
        )
    )
    assert catalog.ids == ["a", "2", "3", "4", "e"]
    assert set(catalog.row_errors) == {1, 2, 3}
    assert "line 2" in catalog.row_errors[1]
    assert "a list" in catalog.row_errors[2]
    assert values(catalog, "t") == ["x", None, None, None, "y"]


def test_nested_too_deeply(tmp_path: Path) -> None:
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    catalog = Catalog.read(write(tmp_path, '{"id": "1"}', deep))
    assert "nested too deeply" in catalog.row_errors[1]


def test_no_json_lines_at_all(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="JSON array"):
        Catalog.read(write(tmp_path, ' \n[{"id": 1},', '{"id": 2}]', name="c.json"))
    with pytest.raises(CatalogError, match="no line is a JSON object"):
        Catalog.read(write(tmp_path, "{", '"id": 1', "}"))
    with pytest.raises(CatalogError, match="no products"):
        Catalog.read(write(tmp_path, ""))


def test_invalid_bytes_bom_nul_and_surrogates(tmp_path: Path) -> None:
    catalog = Catalog.read(
        write(
            tmp_path,
            b'\xef\xbb\xbf{"id": "1", "t": "gr\xfc\xdf"}',
            b'{"id": "2", "t": "a\x00b", "l": ["\\ud800"]}',
            '{"id": "3", "t": "\\ud83d lone", "l": []}',
        )
    )
    assert values(catalog, "t") == ["gr\ufffd\ufffd", "ab", "? lone"]
    assert any("NUL" in note for note in catalog.notes)


def test_invalid_utf8_is_noted(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, b'{"id": "1", "t": "gr\xfc\xdf"}', b'{"id": "2", "t": "ok"}'))
    assert values(catalog, "t") == ["gr\ufffd\ufffd", "ok"]
    assert any("1 line(s) hold bytes that are not UTF-8" in note for note in catalog.notes)


def test_a_key_that_first_occurs_late(tmp_path: Path) -> None:
    lines = [json.dumps({"id": str(n)} | ({"late": ["x"]} if n > 2_500 else {})) for n in range(3_000)]
    path = write(tmp_path, *lines)
    catalog = Catalog.read(path)
    assert values(catalog, "late")[2_499:2_503] == [None, None, ["x"], ["x"]]
    batches = list(Catalog.scan(path, rows=700))
    assert "late" not in batches[0].table.column_names
    assert batches[-1].column("late").to_pylist()[-1] == ["x"]
    assert "first met" in batches[-1].fields["late"].why


def test_truncated_gzip(tmp_path: Path) -> None:
    text = "\n".join(json.dumps({"id": n, "t": str(n**5)}) for n in range(5_000)).encode()
    path = tmp_path / "c.jsonl.gz"
    path.write_bytes(gzip.compress(text)[:-2_000])
    with pytest.raises(CatalogError, match=r"breaks off after [\d,]+ row"):
        Catalog.read(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "c d", "\ud800"]), json_values), min_size=1, max_size=6
    )
)
def test_any_json_objects_give_one_product_each(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    rows = [{"a": None}, *rows]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8", newline="")
    catalog = Catalog.read(path)
    assert len(catalog) == len(rows)
    assert not catalog.row_errors
    for name in catalog.table.column_names:
        catalog.table[name].validate(full=True)
        catalog.input(name)
