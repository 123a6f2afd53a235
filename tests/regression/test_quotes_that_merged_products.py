"""A stray opening quote and a later closing one made one product of several, and nothing was said."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfwise.catalog import Catalog


def read(folder: Path, text: str) -> Catalog:
    path = folder / "c.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return Catalog.read(path)


def merged(catalog: Catalog) -> list[str]:
    return [note for note in catalog.notes if "one row by their quotes" in note]


def test_the_lines_are_named(tmp_path: Path) -> None:
    text = (
        'id,title,colour,price\n1,Lamp,red,5\n2,"Cheap TV,black,7\n3,Sofa,grey,9\n4,Chair,oak,8\n5,TV 24",white,10\n'
        "6,Mug,blue,1\n"
    )
    catalog = read(tmp_path, text)
    assert catalog.ids == ["1", "2", "6"]  # by the rules of CSV
    assert "lines 3 to 6 are one row" in merged(catalog)[0]


def test_two_lines_of_many_fields(tmp_path: Path) -> None:
    catalog = read(tmp_path, 'id,title,colour,price\n2,"Cheap TV,black,7\n5,TV 24",white,10\n')
    assert "lines 2 to 3" in merged(catalog)[0]


@pytest.mark.parametrize(
    "cell",
    [
        "one\ntwo\nthree",
        "a, b\nc, d\ne, f",
        "red, blue\nor, if you like, green",
        "a,b\nc\nd,e",
        'a ""b""\nc,d\n',
    ],
)
def test_honest_texts_of_several_lines_are_no_cause(tmp_path: Path, cell: str) -> None:
    catalog = read(tmp_path, f'id,title,price\n1,"{cell}",5\n2,x,6\n')
    assert catalog.ids == ["1", "2"]
    assert not merged(catalog)


def test_only_the_first_places_are_named(tmp_path: Path) -> None:
    rows = '1,"a,b\n2,c,d\n3,e,f\n4,g",h\n' * 5
    note = merged(read(tmp_path, f"id,title,price\n{rows}"))[0]
    assert "lines 2 to 5, 6 to 9, 10 to 13, … are one row" in note


@pytest.mark.parametrize("end", ["\n", "", "\r\n"])
def test_a_stray_quote_in_the_last_line_is_read_like_any_other(tmp_path: Path, end: str) -> None:
    catalog = read(tmp_path, f'id,title,b\n1,x,y\n2,"a,b{end}')
    assert catalog.table.to_pylist()[1] == {"id": "2", "title": '"a', "b": "b"}
    assert any("never closed" in note for note in catalog.notes)


def test_one_with_separators_in_the_last_line_is_a_row_error(tmp_path: Path) -> None:
    catalog = read(tmp_path, 'id,title,b\n1,x,y\n2,"a, b, c,d\n')
    assert "quote" in catalog.row_errors[1]


def test_inches_in_the_last_line_are_no_stray_quote(tmp_path: Path) -> None:
    catalog = read(tmp_path, 'id,title,b\n1,x,y\n2,24" monitor,b\n')
    assert catalog.column("title").to_pylist() == ["x", '24" monitor']
    assert not catalog.notes
