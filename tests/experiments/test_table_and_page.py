"""Tables in every form, and pages that open offline and hold nothing hostile."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from PIL import Image

from shelfwise.errors import ShelfwiseError
from shelfwise.experiments.page import Page, Section, draw, printable, render, write_page
from shelfwise.experiments.table import Column, Estimate, Table, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HOSTILE = '<script>alert("1")</script>\x07 & "co,mma"'


def a_table() -> Table:
    table = Table(
        "scores",
        "Scores",
        [
            Column("who"),
            Column("score", "percent", mark_best=True),
            Column("n", "count"),
            Column("gain", "points"),
        ],
        "A note.",
    )
    table.add(HOSTILE, Estimate(0.5, 0.4, 0.6), 1234, None)
    table.add("plain", 0.75, 5, Estimate(-0.012, -0.02, 0.01), lead=True)
    return table


def test_a_row_has_a_cell_a_column() -> None:
    with pytest.raises(ValueError, match="expected 4 cells"):
        a_table().add("too few")


def test_csv_has_unrounded_values_and_intervals() -> None:
    rows = list(csv.reader(io.StringIO(a_table().csv())))
    assert rows[0] == ["who", "score", "score low", "score high", "n", "gain", "gain low", "gain high"]
    assert rows[1] == [HOSTILE, "0.5", "0.4", "0.6", "1234", "", "", ""]
    assert rows[2] == ["plain", "0.75", "", "", "5", "-0.012", "-0.02", "0.01"]


def test_json_reads_back() -> None:
    found = json.loads(json.dumps(a_table().json()))
    assert found["rows"][0] == {
        "who": HOSTILE,
        "score": {"value": 0.5, "low": 0.4, "high": 0.6},
        "n": 1234,
        "gain": None,
    }


def test_text_lines_up() -> None:
    lines = a_table().text().splitlines()
    assert lines[0] == "Scores"
    assert len({len(line) for line in lines[2:5]}) == 1
    assert "50.0 % (40.0–60.0)" in lines[3]
    assert "-1.2 (-2.0 to +1.0)" in lines[4]
    assert lines[-1] == "A note."


def test_cells_are_shown_by_kind() -> None:
    assert show(None, "percent") == "–"
    assert show(0.1234, "percent") == "12.3 %"
    assert show(1234567, "count") == "1,234,567"
    assert show(0.0123, "points") == "+1.2"
    assert show(2.345, "number") == "2.35"
    assert show("many\nlines", "text") == "many lines"


def test_html_is_escaped_and_marks_the_best() -> None:
    html = a_table().html()
    assert "<script>" not in html
    assert re.findall(r'<td class="best">(.*?)</td>', html) == ["75.0&nbsp;%"]
    assert html.count('<tr class="lead">') == 1


def test_an_empty_table_is_a_table() -> None:
    table = Table("none", "None", [Column("a"), Column("b", "percent", mark_best=True)])
    assert "<tbody>" in table.html()
    assert table.csv() == "a,b\n"
    assert table.text().splitlines()[2] == "a  b"


def paint(axes: Axes) -> None:
    axes.barh([printable(HOSTILE), "$x^2$"], [1, 2])


def a_page() -> Page:
    figure = draw("bars", "Bars " + HOSTILE, "A caption", paint)
    sections = [Section("One", "How", ["A finding.", figure, a_table()])]
    return Page("test", "Lead " + HOSTILE, "Text", sections, [("seed", "0"), ("command", HOSTILE)])


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]


def test_a_page_needs_nothing_else() -> None:
    parser = _Tags()
    html = render(a_page())
    parser.feed(html)
    assert "script" not in parser.tags
    assert all(link.startswith(("#", "data:")) for link in parser.links)
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "\x07" not in html
    assert {"table", "svg", "figure"} <= set(parser.tags)


def test_everything_is_written_as_a_file_too(tmp_path: Path) -> None:
    written = write_page(a_page(), tmp_path / "out")
    assert [path.name for path in written] == [
        "index.html",
        "bars.svg",
        "bars.png",
        "scores.csv",
        "scores.json",
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in written)
    ElementTree.parse(tmp_path / "out" / "bars.svg")
    with Image.open(tmp_path / "out" / "bars.png") as picture:
        assert picture.width > 500


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ShelfwiseError, match="choose another place"):
        write_page(a_page(), tmp_path / "file")
