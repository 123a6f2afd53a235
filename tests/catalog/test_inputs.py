"""Every input of every product is present, absent, or failed with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shelfwise.catalog import Catalog, Field
from shelfwise.catalog.column import Role, State
from shelfwise.catalog.inputs import joined_texts
from shelfwise.errors import CatalogError

PRESENT, ABSENT, FAILED = State.PRESENT, State.ABSENT, State.FAILED


def catalog_of(**columns: pa.Array) -> Catalog:
    table = pa.table(columns)
    return Catalog(table, [str(n) for n in range(table.num_rows)], {}, row_errors={2: "line 4 is broken"})


def test_text_states() -> None:
    column = catalog_of(t=pa.array([" a b ", "", None, " \t", "NaN", "NA", "null"])).input("t", Role.TEXT)
    assert column.values.to_pylist() == ["a b", None, None, None, None, "NA", None]
    assert column.state.dtype == np.int8
    assert column.state.tolist() == [PRESENT, ABSENT, FAILED, ABSENT, ABSENT, PRESENT, ABSENT]
    assert column.reasons == {2: "line 4 is broken"}


def test_lists_and_numbers_as_text() -> None:
    lists = pa.array([["a", None, "b"], [], None, ["c"]], pa.list_(pa.string()))
    catalog = catalog_of(l=lists, n=pa.array([1.0, 2.5, None, float("nan")]))
    assert catalog.input("l").values.to_pylist() == ["a | b", None, None, "c"]
    assert catalog.input("n", Role.CATEGORY).values.to_pylist() == ["1", "2.5", None, None]


def test_several_texts_are_read_as_one() -> None:
    catalog = catalog_of(
        title=pa.array(["pot", None, "x", None]),
        more=pa.array(["of steel", "lamp", "y", "-"]),
        also=pa.array(["a", None, None, None]),
    )
    column = joined_texts("all", [catalog.input(name, Role.TEXT) for name in ("title", "more", "also")])
    assert column.values.to_pylist() == ["pot | of steel | a", "lamp", None, None]
    assert column.state.tolist() == [PRESENT, PRESENT, FAILED, ABSENT]
    assert column.reasons == {2: "line 4 is broken"}
    assert (column.name, column.role, column.values.type) == ("all", Role.TEXT, pa.string())


def test_rows_without_any_text_are_not_lost_when_texts_are_joined() -> None:
    texts = pa.array([None if row % 7 == 0 else f"t{row}" for row in range(120)])
    more = pa.array([None if row % 9 == 0 else f"m{row}" for row in range(120)])
    catalog = Catalog(pa.table({"t": texts, "m": more}), [str(row) for row in range(120)], {})
    column = joined_texts("all", [catalog.input("t"), catalog.input("m")])
    expected = [
        " | ".join(filter(None, pair)) or None
        for pair in zip(texts.to_pylist(), more.to_pylist(), strict=True)
    ]
    assert column.values.to_pylist() == expected
    assert column.state.tolist() == [ABSENT if text is None else PRESENT for text in expected]


def test_number_states() -> None:
    texts = catalog_of(n=pa.array(["1,50 €", "many", None, "", "nan", "1e400"])).input("n", Role.NUMBER)
    assert texts.values.to_pylist() == [1.5, None, None, None, None, None]
    assert texts.state.tolist() == [PRESENT, FAILED, FAILED, ABSENT, ABSENT, FAILED]
    assert texts.reasons[1] == "not a number: 'many'"
    floats = catalog_of(n=pa.array([1.5, float("inf"), None, float("nan")])).input("n", Role.NUMBER)
    assert floats.values.to_pylist() == [1.5, None, None, None]
    assert floats.state.tolist() == [PRESENT, FAILED, FAILED, ABSENT]
    assert floats.values.type == pa.float64()


@pytest.mark.parametrize("role", [Role.TEXT, Role.CATEGORY, Role.NUMBER, Role.IMAGE])
def test_a_missing_column_is_absent(role: Role) -> None:
    catalog = catalog_of(t=pa.array(["a"] * 4))
    column = catalog.input_or_absent("gone", role)
    assert column.role is role
    assert len(column.values) == 4
    assert column.state.tolist() == [ABSENT, ABSENT, FAILED, ABSENT]
    if role is Role.IMAGE:
        assert [image.state for image in column.values.load(range(4))] == [ABSENT] * 4
    else:
        assert column.values.null_count == 4
    with pytest.raises(CatalogError, match="Did you mean 't'"):
        catalog.input("T")


def test_the_role_asked_for_wins_over_the_guess(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,price,picture\n1,3,a.jpg\n2,4,\n")
    (tmp_path / "a.jpg").write_bytes(b"a")
    catalog = Catalog.read(tmp_path)
    assert catalog.input("price").role is Role.NUMBER
    assert catalog.input("price", Role.TEXT).values.to_pylist() == ["3", "4"]
    assert catalog.input("id").role is Role.TEXT
    assert catalog.input_or_absent("picture", Role.IMAGE).values.load([0])[0].data == b"a"
    as_text = catalog.with_fields({"picture": Field("picture", Role.TEXT, "a test")})
    assert as_text.input("picture").values.to_pylist() == ["a.jpg", None]
    assert "picture" in as_text.input_names
