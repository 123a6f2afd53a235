"""Roles are guessed as a person would, and said ones win."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from shelfwise.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.column_names import normal_name
from shelfwise.catalog.fields import missing_column
from shelfwise.errors import CatalogError

ROWS = 400
chance = random.Random(0)


def words(least: int, most: int) -> list[str]:
    return [
        " ".join(f"w{chance.randrange(900)}" for _ in range(chance.randint(least, most))) for _ in range(ROWS)
    ]


def some(*values: str) -> list[str]:
    return [chance.choice(values) for _ in range(ROWS)]


COLUMNS: dict[str, tuple[list[str], Role]] = {
    "Product ID": ([f"{n:06d}" for n in range(ROWS)], Role.ID),
    "sku": ([f"SKU-{n}" for n in range(ROWS)], Role.IGNORED),
    "Titel": (words(3, 8), Role.TEXT),
    "Name": (words(1, 2), Role.TEXT),
    "long_description": (words(20, 40), Role.TEXT),
    "brand": ([f"brand {n % 390}" for n in range(ROWS)], Role.CATEGORY),
    "colour": (some("red", "light blue", ""), Role.CATEGORY),
    "whatever": (some("alpha", "beta", "gamma"), Role.CATEGORY),
    "lvl2": ([f"{n % 150}_Some thing" for n in range(ROWS)], Role.CATEGORY),
    "product_type_path": (some("A > B > C", "A > D"), Role.CATEGORY),
    "price": ([f"{chance.random() * 90:.2f}" for _ in range(ROWS)], Role.NUMBER),
    "sale": ([f"${chance.randrange(1, 5000):,}" for _ in range(ROWS)], Role.NUMBER),
    "ean": ([f"{chance.randrange(10**12, 10**13)}" for _ in range(ROWS)], Role.IGNORED),
    "some_barcode_number": ([f"{chance.randrange(10**12, 10**13)}" for _ in range(ROWS)], Role.IGNORED),
    "created": ([f"{chance.randrange(10**12, 10**13)}" for _ in range(ROWS)], Role.IGNORED),
    "internal": ([f"0{chance.randrange(10**4, 10**5)}" for _ in range(ROWS)], Role.IGNORED),
    "department_code": (some("12", "15", "19"), Role.CATEGORY),
    "year": (some("2019", "2020", "2021"), Role.CATEGORY),
    "new": (some("0", "1"), Role.CATEGORY),
    "item_group_id": ([f"G{n // 3}" for n in range(ROWS)], Role.GROUP),
    "parent_sku": ([f"P{n // 3}" for n in range(ROWS)], Role.IGNORED),
    "page": ([f"https://shop.example/p/{n}-red-shoe" for n in range(ROWS)], Role.TEXT),
    "photo": ([f"images/{n}.JPG" for n in range(ROWS)], Role.IMAGE),
    "front": ([f"images/{n}.png" for n in range(ROWS)], Role.IMAGE),
    "image_url": ([f"https://cdn.example/{n}" for n in range(ROWS)], Role.IGNORED),
    "image_count": ([str(chance.randrange(9)) for n in range(ROWS)], Role.NUMBER),
    "nothing": ([""] * ROWS, Role.IGNORED),
    "shop": (["always"] * ROWS, Role.IGNORED),
    "added": (["2024-01-02"] * 200 + ["2024-05-06T10:00:00Z"] * 200, Role.IGNORED),
    "hash": ([f"{chance.getrandbits(128):032x}" for _ in range(ROWS)], Role.IGNORED),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fields") / "c.csv"
    pacsv.write_csv(pa.table({name: values for name, (values, _) in COLUMNS.items()}), path)
    return path


def test_guesses(path: Path) -> None:
    catalog = Catalog.read(path)
    guessed = {name: field.role for name, field in catalog.fields.items()}
    assert guessed == {name: role for name, (_, role) in COLUMNS.items()}
    assert all(field.why for field in catalog.fields.values())
    assert any("image_url" in note and "not fetch" in note for note in catalog.notes)
    assert catalog.ids[:2] == ["000000", "000001"]


def test_what_is_said_wins(path: Path) -> None:
    catalog = Catalog.read(
        path, id="sku", text="brand", number=["year"], category=("Titel",), group="parent_sku"
    )
    roles = {name: field.role for name, field in catalog.fields.items()}
    assert catalog.ids[0] == "SKU-0"
    assert roles["Product ID"] is Role.IGNORED
    assert roles["brand"] is Role.TEXT
    assert roles["year"] is Role.NUMBER
    assert roles["Titel"] is Role.CATEGORY
    assert roles["parent_sku"] is Role.GROUP
    assert Role.GROUP not in (roles["item_group_id"],)
    assert catalog.fields["brand"].why == "chosen"


def test_what_cannot_be(path: Path) -> None:
    with pytest.raises(CatalogError, match="Did you mean 'brand'"):
        Catalog.read(path, text="Brnad")
    with pytest.raises(CatalogError, match="choose one"):
        Catalog.read(path, text="brand", category="brand")
    with pytest.raises(CatalogError, match="no column 'id'"):
        Catalog.scan(path, id="id")
    assert "Did you mean" not in missing_column("zzzz", ["brand"])


@pytest.mark.parametrize(
    ("header", "rows", "ids"),
    [
        ("id,title", ["5,a", "5,b", "6,c"], ["5", "5", "6"]),
        ("ID,title", ["x,a", ",b", "z,c"], ["x", "2", "z"]),
        ("title,asin", ["a,B1", "b,B2"], ["B1", "B2"]),
        ("sku,product_id", ["a,1", "b,1", "c,2", "d,2"], ["a", "b", "c", "d"]),
        ("product_code,title", ["1,a", "1,b", "1,c"], ["1", "2", "3"]),
        ("title,nr", ["a,7", "b,7", "c,8"], ["1", "2", "3"]),
        ("id,title", [",a", ",b"], ["1", "2"]),
        ("title,text", ["a,b"], ["1"]),
    ],
)
def test_ids(tmp_path: Path, header: str, rows: list[str], ids: list[str]) -> None:
    path = tmp_path / "c.csv"
    path.write_text("\n".join([header, *rows]))
    catalog = Catalog.read(path)
    assert catalog.ids == ids
    without = any(str(row) == name for row, name in enumerate(ids, start=1))
    assert any("row number" in note for note in catalog.notes) == without
    assert any("repeat an id" in note for note in catalog.notes) == (len(set(ids)) < len(ids))


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_tiny_catalogs_keep_their_inputs(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "c.csv"
    path.write_text("id,title,brand,price\n" + "1,red shoe,Acme,3\n" * rows)
    assert Catalog.read(path).input_names == ["title", "brand", "price"]


def test_normal_names() -> None:
    names = ["ProductID", "Item Group-Id", "CategoryText", "ID", "Unnamed: 0", "größe", "__x__"]
    assert [normal_name(name) for name in names] == [
        "product_id",
        "item_group_id",
        "category_text",
        "id",
        "unnamed_0",
        "größe",
        "x",
    ]
