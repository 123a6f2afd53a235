"""Products in words: what people read and rules go by."""

from __future__ import annotations

import pyarrow as pa

from shelfwise import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.fields import Field
from shelfwise.catalog.product_texts import MAX_CHARACTERS, ProductTexts


def test_everything_but_ids_pictures_and_what_is_hidden() -> None:
    roles = {
        "id": Role.ID,
        "title": Role.TEXT,
        "image": Role.IMAGE,
        "price": Role.NUMBER,
        "path": Role.IGNORED,
    }
    table = pa.table(
        {
            "id": ["1", "2"],
            "title": [" red\x00 ", None],
            "image": ["a.jpg", ""],
            "price": [1.5, None],
            "path": ["A > B", "A"],
        }
    )
    catalog = Catalog(table, ["1", "2"], {name: Field(name, role, "") for name, role in roles.items()})
    texts = ProductTexts(catalog, hidden=("path",))
    assert texts.fields(0) == {"title": " red\N{REPLACEMENT CHARACTER} ", "price": "1.5"}
    assert texts.fields(1) == {}
    assert texts.text_columns == ["title"]
    assert ProductTexts(catalog).fields(1) == {"path": "A"}


def test_long_texts_are_cut_and_say_so() -> None:
    table = pa.table({"title": ["x" * (MAX_CHARACTERS + 5)]})
    catalog = Catalog(table, ["1"], {"title": Field("title", Role.TEXT, "")})
    told = ProductTexts(catalog).fields(0)["title"]
    assert told.endswith("… (5 more characters)")
