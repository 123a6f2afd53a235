"""A column called "a,b" could not be named on the command line, and one with a line end tore the tables of `inspect`."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfwise.catalog import Catalog
from shelfwise.catalog.inspect import inspect_catalog
from shelfwise.commands.options.common import split_names
from shelfwise.commands.options.learning import Learning
from shelfwise.errors import CatalogError

CSV = 'id,"a,b","x\ny"\n1,one,z1\n2,two,z2\n3,three,z1\n'


def read(folder: Path, **roles: str) -> Catalog:
    path = folder / "c.csv"
    path.write_text(CSV, encoding="utf-8")
    return Catalog.read(path, **roles)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ('"a,b"', ["a,b"]),
        (' "a,b" , c', ["a,b", "c"]),
        ('24" tv,b', ['24" tv', "b"]),
        ('"a', ['"a']),
        ('"a ""b"""', ['a "b"']),
        ("x\ny,z", ["x\ny", "z"]),
        (",,", []),
    ],
)
def test_quoted_names_keep_their_commas(given: str, names: list[str]) -> None:
    assert split_names([given]) == names


def test_inputs_and_target() -> None:
    recipe = Learning(target='"c,d",e', inputs=['"a,b",f']).declared()
    assert recipe.target.columns == ["c,d", "e"]
    assert [one.name for one in recipe.inputs] == ["a,b", "f"]


def test_the_message_says_how(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="""write '"a,b"'"""):
        read(tmp_path, text="a")


def test_line_ends_in_names_are_shown_escaped(tmp_path: Path) -> None:
    text = inspect_catalog(read(tmp_path), target=["x\ny"]).to_text()
    assert "x\\ny" in text
    assert "\ny " not in text
