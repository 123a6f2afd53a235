"""A diagnosis as one HTML page with pictures, to open and pass on: no network, no scripts, no other files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from shelfwise import evaluation
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.inspection_text import percent
from shelfwise.doctor.findings import Check, Diagnosis
from shelfwise.doctor.labels import image_column, titles_of
from shelfwise.evaluation.report import shorten, thumbnail
from shelfwise.html_pages import page_environment

_HERE = Path(__file__).parent
_STYLE = Path(evaluation.__file__).parent / "report.css"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_AT_ONCE = 256


@dataclass(frozen=True)
class Shown:
    """One product as the page shows it: its title, and its picture as a data: URI, or empty."""

    id: str
    title: str
    picture: str


def write_page(diagnosis: Diagnosis, catalog: Catalog, *, command: str = "") -> str:
    """The page. Whatever the catalog holds is shown as text, never run as HTML; pictures of the products shown are read
    again."""
    environment = page_environment(_HERE)
    environment.filters |= {"number": "{:,}".format, "percent": percent, "shorten": shorten}
    products = _products(catalog, _rows_shown(diagnosis))
    page = environment.get_template("page.html.j2").render(
        found=diagnosis,
        css=Markup(_STYLE.read_text(encoding="utf-8") + (_HERE / "page.css").read_text(encoding="utf-8")),
        products=products,
        pictures=any(one.picture for one in products.values()),
        headline=headline(diagnosis),
        verdicts={verdict: _of(diagnosis.checks, verdict) for verdict in ("FAIL", "WARN", "PASS")},
        catalog=", ".join(Path(source).name for source in diagnosis.inspection.sources[:3]),
        command=command,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    return _CONTROL.sub("�", page)


def headline(diagnosis: Diagnosis) -> str:
    """What the page says first."""
    products = f"{diagnosis.inspection.products:,} products"
    fails, warns = (len(_of(diagnosis.checks, verdict)) for verdict in ("FAIL", "WARN"))
    if fails:
        return f"{products}: {_count(fails, 'thing has', 'things have')} to be mended before this catalog can be trusted"
    if warns:
        return f"{products}: nothing stops training, {_count(warns, 'thing is', 'things are')} worth a look"
    return f"{products}: every check passes"


def _count(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"


def _of(checks: Iterable[Check], verdict: str) -> list[Check]:
    return [check for check in checks if check.verdict == verdict]


def _rows_shown(diagnosis: Diagnosis) -> list[int]:
    rows: list[int] = []
    if diagnosis.labels is not None:
        rows += [one.row for one in diagnosis.labels.worst]
    if diagnosis.duplicates is not None:
        rows += [row for group in diagnosis.duplicates.examples for row in group.rows]
    if diagnosis.categories is not None:
        rows += [row for pair in diagnosis.categories.alike for row in pair.rows]
    return sorted(set(rows))


def _products(catalog: Catalog, rows: list[int]) -> dict[int, Shown]:
    titles, name = titles_of(catalog, rows), image_column(catalog)
    pictures = dict.fromkeys(rows, "")
    if name is not None:
        source = catalog.input(name).values
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            for row, image in zip(part, source.load(part), strict=True):
                pictures[row] = thumbnail(image.data)
    return {
        row: Shown(catalog.ids[row], title, pictures[row]) for row, title in zip(rows, titles, strict=True)
    }
