"""An experiment as one self-contained HTML page in the look of the evaluation report, its tables and figures also as files."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from shelfwise.errors import ShelfwiseError
from shelfwise.evaluation.figures import STYLE, inline_svg
from shelfwise.evaluation.results import write_atomically
from shelfwise.experiments.table import Table
from shelfwise.whole_files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PNG_DOTS_AN_INCH = 160
PAGE = "index.html"
_BROAD_INCHES = 6.0
"""Figures broader than this take the page's whole width."""
_FURTHER_CSS = """
figure { margin: 0 0 26px; }
figure.broad svg { max-width: 960px; }
.scroll + .how { margin: 10px 0 26px; }
"""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Figure:
    """A drawn figure: ``svg`` for the page, ``file_svg`` and ``png`` as files called ``name``."""

    name: str
    title: str
    caption: str
    svg: str
    file_svg: bytes
    png: bytes
    broad: bool = False


def draw(
    name: str,
    title: str,
    caption: str,
    paint: Callable[[Axes], None],
    size_inches: tuple[float, float] = (5.4, 3.4),
) -> Figure:
    """A figure of one axes, painted by ``paint`` in the report's style. ``name`` is a file's stem, once a page."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    with rc_context(STYLE):
        canvas = Canvas(figsize=size_inches, layout="constrained")
        paint(canvas.add_subplot())
        inline = inline_svg(canvas, name)
        svg, png = io.BytesIO(), io.BytesIO()
        canvas.savefig(svg, format="svg", metadata={"Date": None})
        canvas.savefig(png, format="png", dpi=PNG_DOTS_AN_INCH)
    broad = size_inches[0] > _BROAD_INCHES
    return Figure(name, title, caption, inline, svg.getvalue(), png.getvalue(), broad)


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph on what is seen, and tables, figures and further paragraphs (strings) in order."""

    title: str
    text: str
    parts: Sequence[Table | Figure | str] = ()


@dataclass(frozen=True)
class Page:
    """What ``write_page`` writes. ``lead`` is the finding in one sentence; ``facts`` (name, value) say what was measured on
    what: catalog, split, seed, command."""

    kind: str
    """What stands beside the mark: "fusion experiment"."""
    lead: str
    text: str
    sections: Sequence[Section]
    facts: Sequence[tuple[str, str]]


def write_page(page: Page, folder: Path) -> list[Path]:
    """Write ``index.html``, each table's CSV and JSON, each figure's SVG and PNG; the paths. Raises ShelfwiseError."""
    written = [folder / PAGE]
    for part in (part for section in page.sections for part in section.parts):
        if isinstance(part, Table):
            written += part.write(folder)
        elif isinstance(part, Figure):
            for ending, data in (("svg", part.file_svg), ("png", part.png)):
                written.append(folder / f"{part.name}.{ending}")
                _write_bytes(written[-1], data)
    write_atomically(written[0], render(page))
    return written


def render(page: Page) -> str:
    """The page as HTML text; everything that is not a figure is escaped."""
    css = files("shelfwise.evaluation").joinpath("report.css").read_text(encoding="utf-8")
    sections = "\n".join(_section(one) for one in page.sections)
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in page.facts)
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>shelfwise {escape(page.kind)}</title>
<style>
{css}{_FURTHER_CSS}</style>
</head>
<body>
<header><div>
<p class="mark">{_mark()}
<span class="catalog"><b>shelfwise</b> {escape(page.kind)}</span></p>
<h1>{escape(page.lead)}</h1>
<p>{escape(page.text)}</p>
</div></header>
<main>
{sections}
<section><h2>What was measured</h2>
<dl class="measured">{facts}<dt>made</dt><dd>{made}</dd></dl></section>
</main>
<footer><div>Made by shelfwise.</div></footer>
</body>
</html>
"""
    return printable(text)


def printable(text: str) -> str:
    """The text with what neither HTML nor SVG may hold (control characters, lone surrogates) replaced.

    Words of a catalog go through it before they are written into a figure.
    """
    return _CONTROL.sub("\ufffd", text)


def _section(section: Section) -> str:
    parts = "\n".join(_part(part) for part in section.parts)
    return f'<section><h2>{escape(section.title)}</h2>\n<p class="how">{escape(section.text)}</p>\n{parts}\n</section>'


def _part(part: Table | Figure | str) -> str:
    if isinstance(part, str):
        return f'<p class="finding">{escape(part)}</p>'
    if isinstance(part, Table):
        return f"<h3>{escape(part.title)}</h3>\n{part.html()}"
    kind = ' class="broad"' if part.broad else ""
    caption = f"<figcaption>{escape(part.caption)}</figcaption>"
    return f"<figure{kind}><h3>{escape(part.title)}</h3>\n{part.svg}\n{caption}</figure>"


@cache
def _mark() -> str:
    """The house's mark, as the evaluation report has it."""
    template = files("shelfwise.evaluation").joinpath("report.html.j2").read_text(encoding="utf-8")
    found = re.search(r'<p class="mark">(<svg.*?</svg>)', template, flags=re.S)
    return found.group(1) if found else ""


def _write_bytes(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise ShelfwiseError(
            f"expected to write {path}, but: {error.strerror or error}; free some space or choose another place"
        ) from error
