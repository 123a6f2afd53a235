"""A table of an experiment, in every form in which someone wants it: CSV, JSON, text and HTML."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Literal

from shelfwise.evaluation.report import shorten
from shelfwise.evaluation.results import write_atomically

Kind = Literal["text", "count", "percent", "number", "points"]
"""How a column's values are shown: as they are, 1,234, 12.3 % of a share 0–1, 12.34, or +1.2 (a difference of shares, in
percentage points)."""


@dataclass(frozen=True)
class Estimate:
    """A measured value with its interval, in the column's unit."""

    value: float
    low: float
    high: float


Cell = str | int | float | Estimate | None
"""None: there is nothing to show."""


@dataclass(frozen=True)
class Column:
    """A column's heading, how its values are shown, and whether its largest value stands out."""

    name: str
    kind: Kind = "text"
    mark_best: bool = False


@dataclass
class Table:
    """Rows under columns. ``name`` is the file's stem; ``note`` says below the table what is needed to read it.

    Rows are given by ``add``; those in ``lead`` (row numbers) are set in bold.
    """

    name: str
    title: str
    columns: Sequence[Column]
    note: str = ""
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    lead: set[int] = field(default_factory=set)

    def add(self, *cells: Cell, lead: bool = False) -> None:
        """One row, a cell a column. Raises ValueError for another number of cells."""
        if len(cells) != len(self.columns):
            raise ValueError(f"expected {len(self.columns)} cells in '{self.name}', got {len(cells)}")
        if lead:
            self.lead.add(len(self.rows))
        self.rows.append(cells)

    def write(self, folder: Path) -> list[Path]:
        """Write ``NAME.csv`` and ``NAME.json`` into ``folder``; the files' paths. Raises ShelfwiseError."""
        files = [folder / f"{self.name}.csv", folder / f"{self.name}.json"]
        write_atomically(files[0], self.csv())
        write_atomically(files[1], json.dumps(self.json(), ensure_ascii=False, indent=1) + "\n")
        return files

    def csv(self) -> str:
        """Unrounded values; an estimate's interval in two more columns, "NAME low" and "NAME high"."""
        wide = [place for place in range(len(self.columns)) if self._is_estimated(place)]
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        heading: list[str] = []
        for place, column in enumerate(self.columns):
            heading += [column.name] + [f"{column.name} {end}" for end in ("low", "high") if place in wide]
        writer.writerow(heading)
        for row in self.rows:
            cells: list[Any] = []
            for place, cell in enumerate(row):
                value, low, high = _ends(cell)
                cells += [value, low, high] if place in wide else [value]
            writer.writerow(["" if cell is None else cell for cell in cells])
        return stream.getvalue()

    def json(self) -> dict[str, Any]:
        """Title, note, and one mapping a row; an estimate is ``{value, low, high}``."""
        rows = [
            {column.name: _as_json(cell) for column, cell in zip(self.columns, row, strict=True)}
            for row in self.rows
        ]
        return {"name": self.name, "title": self.title, "note": self.note, "rows": rows}

    def text(self) -> str:
        """For a terminal: columns lined up, numbers to the right; ends in a line break."""
        shown = [
            [show(cell, column.kind) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]
        widths = [
            max(len(line[place]) for line in [[column.name for column in self.columns], *shown])
            for place in range(len(self.columns))
        ]
        lines = [self.title, ""]
        for line in [[column.name for column in self.columns], *shown]:
            cells = [
                cell.ljust(width) if column.kind == "text" else cell.rjust(width)
                for cell, width, column in zip(line, widths, self.columns, strict=True)
            ]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *(["", self.note] if self.note else [])]) + "\n"

    def html(self) -> str:
        """A ``<table>`` in the look of the evaluation report; everything in it is escaped."""
        best = {place: self._best(place) for place, column in enumerate(self.columns) if column.mark_best}
        wide = {place for place, column in enumerate(self.columns) if column.kind == "text"}
        head = "".join(
            f"<th{_class(place in wide and place > 0, 'wide')}>{escape(column.name)}</th>"
            for place, column in enumerate(self.columns)
        )
        body = []
        for number, row in enumerate(self.rows):
            cells = []
            for place, (cell, column) in enumerate(zip(row, self.columns, strict=True)):
                top = place in best and best[place] is not None and _ends(cell)[0] == best[place]
                kinds = " ".join(["wide"] * (place in wide and place > 0) + ["best"] * top)
                cells.append(f"<td{_class(bool(kinds), kinds)}>{_cell_html(cell, column.kind)}</td>")
            body.append(f"<tr{_class(number in self.lead, 'lead')}>{''.join(cells)}</tr>")
        note = f'<p class="how">{escape(self.note)}</p>' if self.note else ""
        return (
            f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n'
            + "\n".join(body)
            + f"\n</tbody></table></div>\n{note}"
        )

    def _is_estimated(self, place: int) -> bool:
        return any(isinstance(row[place], Estimate) for row in self.rows)

    def _best(self, place: int) -> float | None:
        values = [_ends(row[place])[0] for row in self.rows]
        numbers = [value for value in values if isinstance(value, int | float)]
        return max(numbers) if numbers else None


def show(cell: Cell, kind: Kind) -> str:
    """A cell as people read it; "–" for None."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return shorten(cell)
    if isinstance(cell, Estimate):
        return f"{show(cell.value, kind)} ({_span(cell, kind)})"
    match kind:
        case "count":
            return f"{cell:,.0f}"
        case "percent":
            return f"{100 * cell:.1f} %"
        case "points":
            return f"{100 * cell:+.1f}"
        case "number":
            return f"{cell:,.2f}"
        case _:
            return str(cell)


def _span(cell: Estimate, kind: Kind) -> str:
    low, high = (show(end, kind).removesuffix(" %") for end in (cell.low, cell.high))
    # A dash beside a sign would be read as one.
    return f"{low} to {high}" if kind == "points" else f"{low}–{high}"


def _cell_html(cell: Cell, kind: Kind) -> str:
    if isinstance(cell, Estimate):
        return f'{_unbroken(show(cell.value, kind))} <span class="quiet">{_span(cell, kind)}</span>'
    return _unbroken(show(cell, kind))


def _unbroken(text: str) -> str:
    return escape(text).replace(" %", "&nbsp;%")


def _class(wanted: bool, name: str) -> str:
    return f' class="{name}"' if wanted else ""


def _ends(cell: Cell) -> tuple[Any, float | None, float | None]:
    if isinstance(cell, Estimate):
        return cell.value, cell.low, cell.high
    return cell, None, None


def _as_json(cell: Cell) -> Any:
    if isinstance(cell, Estimate):
        return {"value": cell.value, "low": cell.low, "high": cell.high}
    return cell
