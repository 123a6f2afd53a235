"""Variants end up in one group, strangers do not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.catalog import Catalog, Field
from shelfwise.catalog.column import Role
from shelfwise.catalog.groups import connect, group_products, normalise, title_column
from shelfwise.errors import CatalogError


def catalog_of(roles: dict[str, Role] | None = None, **columns: list[str | None]) -> Catalog:
    roles = roles or {}
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    fields = {name: Field(name, roles.get(name, Role.TEXT), "test") for name in columns}
    return Catalog(table, [str(n) for n in range(table.num_rows)], fields)


def test_normalise() -> None:
    assert normalise(" Red-SHOE,  größe/42! ") == "red shoe grösse 42"
    assert normalise("?!") is None
    assert normalise(None) is None


def test_titles_images_and_codes_chain() -> None:
    catalog = catalog_of(
        {"code": Role.GROUP},
        title=["Red shoe", "red  SHOE!", "Blue hat", "Green hat", "Other thing", None, None],
        code=["1", "2", "3", "4", "4", None, ""],
    )
    hashes = [None, "h", "h", None, None, None, None]
    assert group_products(catalog, image_hashes=hashes).tolist() == [0, 0, 0, 1, 1, 2, 3]
    assert group_products(catalog).tolist() == [0, 0, 1, 2, 2, 3, 4]
    assert group_products(catalog, group_column="title").tolist() == [0, 0, 1, 2, 3, 4, 5]


def test_single_words_need_more_evidence() -> None:
    catalog = catalog_of(
        title=["Leggings", "leggings", "Leggings", "Leggings", "Leggings"],
        description=["soft and blue", "Soft and blue.", "warm", None, None],
    )
    assert group_products(catalog).tolist() == [0, 0, 1, 2, 3]


def test_a_title_everyone_shares_needs_more_evidence() -> None:
    count = 60
    titles: list[str | None] = ["gift card"] * count + [f"title number {n}" for n in range(1_000)]
    alone = catalog_of(title=titles)
    assert group_products(alone).max() + 1 == count + 1_000
    few = catalog_of(title=titles[10:])
    assert group_products(few).max() + 1 == 1 + 1_000
    told: list[str | None] = [f"for {n // 2} euros" for n in range(count)] + [None] * 1_000
    assert group_products(catalog_of(title=titles, body=told)).max() + 1 == count // 2 + 1_000


def test_a_placeholder_image_unites_nobody() -> None:
    catalog = catalog_of(title=[f"title number {n}" for n in range(500)])
    hashes = ["placeholder"] * 60 + ["same"] * 2 + [None] * 438
    assert group_products(catalog, image_hashes=hashes).max() + 1 == 499


def test_which_column_is_the_title() -> None:
    assert title_column(catalog_of(description=["a"], Product_Title=["b"])) == "Product_Title"
    assert title_column(catalog_of(words=["a"], description=["b"])) == "words"
    assert title_column(catalog_of({"words": Role.CATEGORY}, words=["a"])) is None
    assert group_products(catalog_of({"words": Role.CATEGORY}, words=["a", "a"])).tolist() == [0, 1]


def test_what_cannot_be() -> None:
    catalog = catalog_of(title=["a"])
    with pytest.raises(CatalogError, match="title"):
        group_products(catalog, text_column="titel")
    with pytest.raises(ValueError, match="one image hash"):
        group_products(catalog, image_hashes=[])


codes = st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 3)), min_size=1, max_size=25)


@given(codes)
def test_connect_is_the_closure_of_sharing(pairs: list[tuple[int, int]]) -> None:
    """Against the plain fixed point: merge until nothing changes."""
    array = np.array(pairs, np.int64)
    groups = connect([array[:, 0], array[:, 1]], len(pairs))
    plain = list(range(len(pairs)))
    changed = True
    while changed:
        changed = False
        for one in range(len(pairs)):
            for other in range(len(pairs)):
                share = any(a == b >= 0 for a, b in zip(pairs[one], pairs[other], strict=True))
                if share and plain[one] != plain[other]:
                    low = min(plain[one], plain[other])
                    plain[one] = plain[other] = low
                    changed = True
    assert [groups.tolist().index(group) for group in groups] == [plain.index(group) for group in plain]
    firsts = [groups.tolist().index(group) for group in range(groups.max() + 1)]
    assert firsts == sorted(firsts)
