"""CSV and TSV in every shape shops export them; no row may vanish."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from shelfwise.catalog import Catalog
from shelfwise.catalog.read_delimited import sniff_separator
from shelfwise.errors import CatalogError


def write(folder: Path, text: str | bytes, name: str = "c.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def values(catalog: Catalog, name: str) -> list[str | None]:
    return catalog.column(name).to_pylist()


def test_plain(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, "id,title,price\n007,Red shoe,12.50\n010,,3\n"))
    assert catalog.ids == ["007", "010"]
    assert values(catalog, "title") == ["Red shoe", None]
    assert values(catalog, "price") == ["12.50", "3"]
    assert not catalog.row_errors


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(tmp_path: Path, separator: str, end: str) -> None:
    rows = [["id", "title", "price"], ["1", "Shoe, red; big", "1,50"], ["2", "Hat", "2"]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    catalog = Catalog.read(write(tmp_path, text.getvalue()))
    assert [values(catalog, name) for name in rows[0]] == [
        list(column) for column in zip(*rows[1:], strict=True)
    ]
    assert any("separated by" in note for note in catalog.notes) == (separator != ",")


def test_declared_separator(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, "sep=;\nid;title\n1;a,b,c\n"))
    assert values(catalog, "title") == ["a,b,c"]


def test_one_column_file_keeps_its_commas(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, 'title\nred, big shoe\n"a ""quoted"" hat"\n'))
    assert values(catalog, "title") == ["red, big shoe", 'a "quoted" hat']
    assert catalog.ids == ["1", "2"]


def test_sniffing_looks_at_quotes() -> None:
    lines = ['"a;b;c","d;e"\n', '"1;2;3","4;5"\n']
    assert sniff_separator(lines, ",", complete=True) == ","


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_encodings(tmp_path: Path, encoding: str) -> None:
    text = "id,title\n1,Größe Übergröße – Schuhe €\n2,plain\n3,more plain text\n"
    catalog = Catalog.read(write(tmp_path, text.encode(encoding)))
    assert list(catalog.fields) == ["id", "title"]
    assert values(catalog, "title")[0] == "Größe Übergröße – Schuhe €"


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("cp1252", "Größe für Mädchen – Schuhe, weiß"),
        ("cp1252", "Robe légère à manches courtes, été"),
        ("cp1251", "Красивое летнее платье для девочки"),
        ("shift_jis", "日本語の商品説明です。とても綺麗なドレス"),
    ],
)
def test_legacy_encodings_are_guessed(tmp_path: Path, encoding: str, title: str) -> None:
    rows = "".join(f'{number},"{title}"\n' for number in range(20))
    catalog = Catalog.read(write(tmp_path, f"id,title\n{rows}".encode(encoding)))
    assert set(values(catalog, "title")) == {title}
    assert any("not UTF-8" in note for note in catalog.notes)


def test_a_few_damaged_bytes_in_utf8_are_replaced(tmp_path: Path) -> None:
    lines = [f"{number},größe {number}".encode() for number in range(10)]
    lines[3] = b"3,gr\xff\xfe"
    catalog = Catalog.read(write(tmp_path, b"id,title\n" + b"\n".join(lines)))
    assert values(catalog, "title")[3] == "gr\ufffd\ufffd"
    assert values(catalog, "title")[4] == "größe 4"
    assert any("1 line(s)" in note for note in catalog.notes)


def test_non_ascii_far_down_is_found(tmp_path: Path) -> None:
    ascii_rows = b"".join(b"%d,plain title\n" % number for number in range(200_000))
    data = b"id,title\n" + ascii_rows + "x,Größe für Mädchen\n".encode("cp1252") * 5
    catalog = Catalog.read(write(tmp_path, data))
    assert values(catalog, "title")[-1] == "Größe für Mädchen"


def test_nul_characters(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, "id,title\n1,a\0b\n2,c\n"))
    assert values(catalog, "title") == ["ab", "c"]
    assert any("NUL" in note for note in catalog.notes)


def test_ten_megabytes_in_a_cell(tmp_path: Path) -> None:
    long = "word " * (2 << 20)
    catalog = Catalog.read(write(tmp_path, f'id,title\n1,"{long}"\n2,short\n'))
    assert values(catalog, "title") == [long, "short"]


def test_too_many_fields_is_a_row_error(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, "id,title,price\n1,a,1\nA7,b,c,2\n3,d,3\n"))
    assert catalog.ids == ["1", "A7", "3"]
    assert list(catalog.row_errors) == [1]
    assert "line 3" in catalog.row_errors[1]
    assert "4 fields" in catalog.row_errors[1]
    assert values(catalog, "title") == ["a", None, "d"]
    assert any("could not be read" in note for note in catalog.notes)


def test_row_error_before_a_later_id_column_has_its_row_number(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, "title,id\na,1\nb,c,2\n"))
    assert catalog.ids == ["1", "2"]
    assert values(catalog, "title") == ["a", None]


def test_empty_extra_fields_are_no_error(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, "id,title\n1,a,,\n2,b\n"))
    assert not catalog.row_errors
    assert values(catalog, "title") == ["a", "b"]


def test_short_rows_are_filled_up_and_noted(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, "id,title,price\n1,a\n2,b,3\n"))
    assert values(catalog, "price") == [None, "3"]
    assert any("fewer fields" in note and "line 2" in note for note in catalog.notes)


def test_quoted_newlines_and_blank_lines(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, 'id,title\n\n1,"two\nlines, ""quoted"""\n\n2,x\n'))
    assert values(catalog, "title") == ['two\nlines, "quoted"', "x"]


def test_a_quote_never_closed_costs_no_other_row(tmp_path: Path) -> None:
    rows = "".join(f"{number},plain,{number}\n" for number in range(3, 50))
    catalog = Catalog.read(write(tmp_path, f'id,title,price\n1,a,1\n2,"5 inch pipe,2\n{rows}'))
    assert catalog.ids == [str(number) for number in range(1, 50)]
    assert not catalog.row_errors
    assert values(catalog, "title")[1] == '"5 inch pipe'
    assert any("never closed" in note for note in catalog.notes)


def test_two_stray_quotes_do_not_swallow_the_rows_between(tmp_path: Path) -> None:
    text = 'id,title,price\n1,"5 inch,1\n2,b,2\n3,"6 inch,3\n4,d,4\n5,"honest, quoted",5\n'
    catalog = Catalog.read(write(tmp_path, text))
    assert catalog.ids == ["1", "2", "3", "4", "5"]
    assert values(catalog, "title")[4] == "honest, quoted"


def test_a_stray_quote_with_separators_is_a_row_error(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, 'id,title,price\n1,"5, 6 and 7 inch,1\n2,b,2\n'))
    assert catalog.ids == ["1", "2"]
    assert "quote" in catalog.row_errors[0]
    assert values(catalog, "title") == [None, "b"]


def test_honest_quoted_newlines_with_too_many_fields_stay_one_row(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, 'id,title,price\n1,"two\nlines",1,extra\n2,b,2\n'))
    assert catalog.ids == ["1", "2"]
    assert list(catalog.row_errors) == [0]


def test_quotes_inside_a_field_survive(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, 'id,title,price\n1,24" monitor,1\n2,"24"" monitor",2\n'))
    assert values(catalog, "title") == ['24" monitor', '24" monitor']


def test_header_names(tmp_path: Path) -> None:
    catalog = Catalog.read(write(tmp_path, "id,title,,title,title.2\n1,a,b,c,d\n"))
    assert catalog.table.column_names == ["id", "title", "column_3", "title.3", "title.2"]
    assert sum("occurs again" in note or "no name" in note for note in catalog.notes) == 2


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"id,title\n", b"id,title"])
def test_nothing_to_read(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CatalogError, match="no products"):
        Catalog.read(write(tmp_path, content))


def test_header_only_names_the_columns(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="only the columns id, title"):
        Catalog.read(write(tmp_path, "id,title\n"))


def test_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="Excel"):
        Catalog.read(write(tmp_path, b"PK\x03\x04rest"))


def test_gzip_and_truncated_gzip(tmp_path: Path) -> None:
    text = "id,title\n" + "".join(f"{n},title {n * 7919 % 1000003} {n**3}\n" for n in range(20_000))
    packed = gzip.compress(text.encode())
    assert len(Catalog.read(write(tmp_path, packed, "a.csv.gz"))) == 20_000
    assert len(Catalog.read(write(tmp_path, packed, "misnamed.csv"))) == 20_000
    broken = write(tmp_path, packed[: len(packed) // 2], "b.csv.gz")
    with pytest.raises(CatalogError, match=r"b\.csv\.gz.*breaks off after [\d,]+ row"):
        Catalog.read(broken)
    batches = Catalog.scan(broken, rows=100)
    assert len(next(batches)) == 100


def test_gz_that_is_none(tmp_path: Path) -> None:
    assert len(Catalog.read(write(tmp_path, "id,title\n1,a\n", "plain.csv.gz"))) == 1


def cells() -> SearchStrategy[str]:
    hostile = st.text(st.sampled_from(" \",;\t|\n\r'\\aé€日\ufffd0-="), max_size=12)
    letters = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
    return hostile | letters


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(cells(), cells(), cells()), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_every_string_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple], separator: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL)
        writer.writerow(["one", "two", "three"])
        writer.writerows(rows)
    catalog = Catalog.read(path)
    assert not catalog.row_errors
    back = list(zip(*(values(catalog, name) for name in ("one", "two", "three")), strict=True))
    assert back == [tuple(cell or None for cell in row) for row in rows]


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from('ab,"\n;é'), max_size=60))
def test_no_line_vanishes_whatever_the_quotes(tmp_path_factory: pytest.TempPathFactory, body: str) -> None:
    """A last, plain row is always found, as the last product, after any damage before it."""
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_text(f"id,title,price\n0,x,1\n{body}\nlast,y,2\n", encoding="utf-8", newline="")
    catalog = Catalog.read(path, id="id")
    assert catalog.ids[0] == "0"
    assert catalog.ids[-1] == "last"
    assert values(catalog, "price")[-1] == "2"
