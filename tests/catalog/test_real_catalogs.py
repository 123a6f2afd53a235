"""The five real catalogs: roles as a person would say them, and every row comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shelfwise.catalog import Catalog
from shelfwise.catalog.column import Role, State
from shelfwise.catalog.groups import group_products
from shelfwise.catalog.image_source import image_hashes

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not DATA.is_dir(), reason="the real catalogs (../shared/data) are not on this machine"
    ),
]

ROLES = {
    "myntra": {
        Role.ID: "id",
        Role.TEXT: "title description",
        Role.CATEGORY: "brand gender master_category sub_category article_type display_categories "
        "base_colour season usage category_path",
        Role.NUMBER: "price",
        Role.IMAGE: "image",
    },
    "hm": {
        Role.ID: "id",
        Role.GROUP: "product_code",
        Role.TEXT: "title description labels",
        Role.CATEGORY: "colour_group_name index_group_name index_name section_name garment_group_name "
        "product_group_name product_type_name",
        Role.IMAGE: "image",
    },
    "livostyle": {
        Role.ID: "id",
        Role.TEXT: "title description tags",
        Role.CATEGORY: "product_type category_path",
        Role.NUMBER: "price",
        Role.IMAGE: "image",
    },
    "mwpd2020": {
        Role.ID: "ID",
        Role.TEXT: "Name Description CategoryText URL",
        Role.CATEGORY: "lvl1 lvl2 lvl3",
    },
    "flipkart": {Role.ID: "id", Role.TEXT: "title", Role.CATEGORY: "category_path"},
}
COUNTS = {"myntra": 32_500, "hm": 8_970, "livostyle": 2_766, "mwpd2020": 13_012, "flipkart": 20_000}


@pytest.mark.parametrize("name", ROLES)
def test_roles_and_rows(name: str) -> None:
    catalog = Catalog.read(DATA / name)
    assert len(catalog) == COUNTS[name]
    assert not catalog.row_errors
    expected = {column: role for role, columns in ROLES[name].items() for column in columns.split()}
    assert {column: field.role for column, field in catalog.fields.items()} == expected
    scanned = Catalog.scan(DATA / name, rows=5_000)
    first = next(scanned)
    assert {column: field.role for column, field in first.fields.items()} == expected
    assert first.ids + [name for batch in scanned for name in batch.ids] == catalog.ids


def test_livostyle_images() -> None:
    catalog = Catalog.read(DATA / "livostyle")
    column = catalog.input("image")
    assert (column.state == State.ABSENT).sum() == 1
    some = column.values.load(range(0, len(catalog), 50))
    assert {image.state for image in some} <= {State.PRESENT, State.ABSENT}


def test_embedded_images_are_the_products_own() -> None:
    catalog = Catalog.read(DATA / "hm" / "hm-00000-of-00002.parquet")
    source = catalog.input("image").values
    rows = np.array([4_000, 3, 2_222])
    direct = next(Catalog.scan(DATA / "hm" / "hm-00000-of-00002.parquet", rows=4_500)).input("image").values
    assert [image.data for image in source.load(rows)] == [image.data for image in direct.load(rows)]


def test_myntra_groups() -> None:
    catalog = Catalog.read(DATA / "myntra" / "myntra-00000-of-00004.parquet")
    hashes = image_hashes(catalog.input("image").values)
    assert None not in hashes
    groups = group_products(catalog, image_hashes=hashes)
    sizes = np.bincount(groups)
    assert 0.05 < 1 - len(sizes) / len(catalog) < 0.5
    assert sizes.max() < 0.02 * len(catalog)
