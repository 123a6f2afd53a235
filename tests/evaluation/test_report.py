"""The report stands alone, holds what it promises, and is not taken over by what a catalog writes."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shelfwise.evaluation.evaluation import evaluate_paths
from shelfwise.evaluation.report import render_report, shorten, thumbnail, write_report

BOOTS = ("Men", "Shoes", "Boots")

HOSTILE = (
    "</td><script>alert(1)</script><img src='https://example.org/x.png' onerror=alert(1)>\x00\ud800{{ 7*7 }}"
)


class Reader(HTMLParser):
    """Collects tags, attributes and text, and that every element is closed."""

    VOID = frozenset({"meta", "img", "br", "wbr", "link", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).replace("\xa0", " ").split())


def picture(kind: str = "JPEG", size: tuple[int, int] = (400, 300), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, 90 if mode == "L" else (200, 30, 30)).save(buffer, format=kind)
    return buffer.getvalue()


def test_the_report_has_every_section_and_says_how_it_was_measured(path_evaluation) -> None:
    page = Reader(render_report(path_evaluation(), titles=lambda row: f"product {row}"))
    assert page.open == []
    for heading in (
        "Inputs, alone and together",
        "Level by level",
        "Accuracy against coverage",
        "Products per category",
        "Most misclassified categories",
        "Most confused pairs",
        "Training",
        "How this was measured",
    ):
        assert heading in page.words
    for fact in ("new.csv", "grouped by title", "Seed 3", "shelfwise evaluate model new.csv", "57.1 %"):
        assert fact in page.words
    assert "about 430 can be accepted without a person" in page.words
    assert "product 1" in page.words


def test_it_says_how_far_off_mistakes_are_and_what_training_never_saw(path_evaluation) -> None:
    words = Reader(render_report(path_evaluation())).words
    # Boots for sandals, a failure at the root, Boots for Pets: (2 + 3 + 4) / 3 steps, (2 + 0 + 0) / 3 levels
    assert "3 paths are wrong, on average after 0.7 levels that are right, and 3.0 steps in the tree" in words
    assert "hierarchical precision" in words
    assert "1 category never seen in training" in words
    assert "Pets : 1 product" in words


def test_without_mistakes_it_says_so(facts) -> None:
    right = evaluate_paths(
        [BOOTS], [BOOTS], np.array([0.9]), ["accept"], per_classifier={}, data=facts(products=1)
    )
    words = Reader(render_report(right)).words
    assert "Not one path was wrong." in words
    assert "–" in words


def test_the_report_of_label_sets_speaks_of_labels(label_evaluation) -> None:
    page = Reader(render_report(label_evaluation()))
    assert page.open == []
    assert "Level by level" not in page.words
    assert "Micro-F1" in page.words
    assert "row 4" in page.words  # no titles given


def test_the_report_loads_nothing(path_evaluation) -> None:
    html = render_report(path_evaluation(), image_of=lambda row: picture())
    page = Reader(html)
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        if name in {"src", "href", "xlink:href", "action", "srcset"}:
            assert (value or "").startswith(("data:image/jpeg;base64,", "#")), value
        assert not name.startswith("on")
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    assert ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in page.attributes


def test_a_hostile_catalog_stays_text(facts) -> None:
    evil = (HOSTILE, HOSTILE + "2")
    evaluation = evaluate_paths(
        [evil, evil],
        [BOOTS, evil],
        np.array([0.9, 0.8]),
        ["accept", "review"],
        per_classifier={HOSTILE: [evil, BOOTS]},
        level_names=[HOSTILE],
        data=facts(catalogs=[HOSTILE], command=HOSTILE, notes=[HOSTILE], split=HOSTILE, curve_metric=HOSTILE),
    )
    html = render_report(evaluation, titles=lambda row: HOSTILE)
    page = Reader(html)
    assert page.open == []
    assert "script" not in page.tags
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert "alert(1)" in page.words
    assert "{{ 7*7 }}" in page.words
    assert "\x00" not in html
    html.encode("utf-8")


def test_megabytes_in_a_title_do_not_reach_the_report(path_evaluation) -> None:
    html = render_report(path_evaluation(), titles=lambda row: "x" * 10_000_000)
    assert len(html) < 300_000
    assert shorten(" a \n b ", 10) == "a b"
    assert shorten("abcdef", 4) == "abc…"


def test_pictures_are_small_and_broken_ones_are_shown_as_missing(path_evaluation) -> None:
    def image_of(row: int) -> bytes | None:
        return {1: picture(size=(1200, 600)), 5: b"not an image"}.get(row)

    page = Reader(render_report(path_evaluation(), image_of=image_of))
    sources = [value for name, value in page.attributes if name == "src"]
    assert len(sources) == 1
    decoded = Image.open(io.BytesIO(base64.b64decode((sources[0] or "").split(",")[1])))
    assert decoded.format == "JPEG"
    assert decoded.size == (96, 48)


@pytest.mark.parametrize("data", [None, b"", b"\xff\xd8\xff", picture()[:300]])
def test_what_cannot_be_decoded_has_no_thumbnail(data: bytes | None) -> None:
    assert thumbnail(data) == ""


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("PNG", "L"), ("JPEG", "CMYK"), ("GIF", "P")])
def test_pictures_of_any_kind_become_thumbnails(kind: str, mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (50, 120)).save(buffer, format=kind)
    assert thumbnail(buffer.getvalue()).startswith("data:image/jpeg;base64,")


def test_only_the_examples_are_asked_for(path_evaluation) -> None:
    asked: list[int] = []
    render_report(path_evaluation(), image_of=lambda row: asked.append(row), titles=str)
    assert sorted(asked) == [1, 5]


def test_the_barest_evaluation_makes_a_report(facts) -> None:
    evaluation = evaluate_paths(
        [BOOTS],
        [()],
        np.array([0.0]),
        ["failed"],
        per_classifier={},
        data=facts(training_curve=[], seed=None, command=""),
    )
    page = Reader(render_report(evaluation))
    assert page.open == []
    assert "not sure enough of any" in page.words
    assert "No two categories were taken for each other" in page.words
    assert "Training loss" not in page.words


def test_the_file_is_written_whole(tmp_path: Path, path_evaluation) -> None:
    write_report(path_evaluation(), tmp_path / "out" / "report.html")
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["report.html"]
