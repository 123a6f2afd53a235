"""Which encoding a text file is read in, and what happens when a person says it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfwise.catalog import Catalog
from shelfwise.catalog.text_file import check_encoding, find_form
from shelfwise.errors import CatalogError

TITLE = "Zażółć – 5 €"


def write(folder: Path, text: str, encoding: str, name: str = "c.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def titles(path: Path, encoding: str | None) -> list[str | None]:
    return Catalog.read(path, encoding=encoding).column("title").to_pylist()


@pytest.mark.parametrize("name", ["cp1250", "windows-1250", "CP1250"])
def test_what_was_said_is_used(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, f"id,title\n1,{TITLE}\n", "cp1250")
    assert titles(path, name) == [TITLE]
    assert not any("encoding" in note for note in Catalog.read(path, encoding=name).notes)
    assert next(iter(Catalog.scan(path, encoding=name))).column("title").to_pylist() == [TITLE]


def test_a_wrong_guess_can_be_put_right(tmp_path: Path) -> None:
    path = write(tmp_path, "id,title\n1,Zimske čizme\n", "cp1250")
    assert titles(path, None) == ["Zimske èizme"]
    assert any("--encoding" in note for note in Catalog.read(path).notes)
    assert titles(path, "cp1250") == ["Zimske čizme"]


def test_json_lines(tmp_path: Path) -> None:
    path = write(tmp_path, f'{{"id": "1", "title": "{TITLE}"}}\n', "cp1250", "c.jsonl")
    assert titles(path, "cp1250") == [TITLE]


@pytest.mark.parametrize(
    ("written", "said"),
    [("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("utf-16", "utf16"), ("utf-32", "utf-32")],
)
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path, written: str, said: str) -> None:
    assert list(Catalog.read(write(tmp_path, f"id,title\n1,{TITLE}\n", written), encoding=said).fields) == [
        "id",
        "title",
    ]


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "", "a\0b"])
def test_an_unknown_name_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, "id,title\n1,a\n", "ascii")
    with pytest.raises(CatalogError, match="Expected the name of a text encoding"):
        Catalog.read(path, encoding=name)


@pytest.mark.parametrize("said", ["utf-8", "ascii", "utf-16", "cp932"])
def test_bytes_that_are_none_are_refused(tmp_path: Path, said: str) -> None:
    path = write(tmp_path, "id,title\n1,a\n2,Größe é\n3,b\n", "cp1252")
    with pytest.raises(
        CatalogError, match=rf"c\.csv: expected text in {said}, got bytes .* line [\d,]+"
    ) as caught:
        Catalog.read(path, encoding=said)
    assert "\n" not in str(caught.value)
    if said == "utf-8":
        assert "line 3" in str(caught.value)


def test_parquet_says_that_it_needs_none(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table({"id": ["1"], "title": [TITLE]}), path)
    catalog = Catalog.read(path, encoding="cp1250")
    assert catalog.column("title").to_pylist() == [TITLE]
    assert any("--encoding cp1250 is not used" in note for note in catalog.notes)
    with pytest.raises(CatalogError, match="Expected the name"):
        Catalog.read(path, encoding="klingon")


def test_names_are_pythons() -> None:
    assert check_encoding("Shift-JIS") == "shift_jis"
    assert check_encoding("utf8") == "utf-8"


def test_a_form_says_what_was_guessed(tmp_path: Path) -> None:
    assert find_form(write(tmp_path, "id,title\n1,é\n", "utf-8")).notes == ()
    assert "read as cp1252" in find_form(write(tmp_path, "id,title\n1,Größe\n", "cp1252")).notes[0]
