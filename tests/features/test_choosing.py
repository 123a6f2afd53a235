"""The columns that get features are those that somebody named, or all that the backbones can read."""

from __future__ import annotations

import pytest

from shelfwise.catalog.column import Role
from shelfwise.catalog.field_rules import URLS
from shelfwise.catalog.fields import Field
from shelfwise.errors import CatalogError
from shelfwise.features.backbones import Backbones
from shelfwise.features.choosing import choose_inputs

BOTH = Backbones(image="pictures", text="texts")
FIELDS = {
    name: Field(name, role, why)
    for name, role, why in (
        ("id", Role.ID, "named like an id"),
        ("title", Role.TEXT, "words"),
        ("photo", Role.IMAGE, "paths"),
        ("brand", Role.CATEGORY, "few values"),
        ("photo_url", Role.IGNORED, URLS),
        ("notes", Role.IGNORED, "empty"),
    )
}


@pytest.mark.parametrize(
    ("backbones", "names", "chosen"),
    [
        (BOTH, (), ["title", "photo", "photo_url"]),
        (Backbones(text="texts"), (), ["title"]),
        (Backbones(image="pictures"), (), ["photo", "photo_url"]),
        (BOTH, ("photo_url", "brand", "photo_url"), ["photo_url", "brand"]),
    ],
)
def test_what_is_chosen(backbones: Backbones, names: tuple[str, ...], chosen: list[str]) -> None:
    inputs = choose_inputs(FIELDS, names, backbones)
    assert [one.name for one in inputs] == chosen
    roles = {"title": Role.TEXT, "photo": Role.IMAGE, "photo_url": Role.IMAGE, "brand": Role.CATEGORY}
    assert all(one.role is roles[one.name] for one in inputs)


@pytest.mark.parametrize(
    ("backbones", "names", "said"),
    [
        (BOTH, ("notes",), "--image notes or --text notes"),
        (BOTH, ("id",), "'id' is neither"),
        (Backbones(image="pictures"), ("brand",), "name what reads them with --text-model"),
    ],
)
def test_what_cannot_be_read(backbones: Backbones, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(CatalogError, match=said):
        choose_inputs(FIELDS, names, backbones)
