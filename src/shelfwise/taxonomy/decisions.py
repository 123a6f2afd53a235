"""What people decided, read back: at the review desk (`shelfwise decisions`), or in a file of suspects (`inspect --suspects`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.inputs import as_text
from shelfwise.errors import CatalogError, DecisionsError

PATH_JOIN, LIST_JOIN = " > ", " | "
"""What stands between names in a CSV cell, as predictions and decisions are written."""
_ALWAYS = ("id", "action", "decided_at", "occurrence", "final")
_SUSPECTS = ("id", "occurrence", "label", "suggested", "correct")
"""Of the columns of a file of suspects, those by which it is known as one, and read."""

Answer = tuple[str, ...]
Key = tuple[str, int]
"""A product's id, and how many products of that id come before it."""


@dataclass(frozen=True)
class Decision:
    """What counts for one product; an empty ``answer`` says that nobody can tell. ``title``: the product's, where it was told."""

    answer: Answer
    at: datetime
    title: str = ""


@dataclass(frozen=True)
class Decisions:
    """Final decisions by product. ``passed_over``: rows of the files that were skips, undone, outvoted or settled later."""

    by_product: Mapping[Key, Decision]
    multilabel: bool
    passed_over: int = 0

    def __len__(self) -> int:
        return len(self.by_product)

    @property
    def ids(self) -> set[str]:
        """The ids of products with an answer."""
        return {key[0] for key, decision in self.by_product.items() if decision.answer}


def read_decisions(files: Iterable[str | Path], multilabel: bool) -> Decisions:
    """The final decisions of some files (Parquet, CSV or JSON lines); of two on one product the later counts.

    A file of suspects that people filled in holds a decision where its column ``correct`` is filled, made when the file was last
    written.

    Raises DecisionsError for a file that cannot be read, is none of these, or is about the other kind of answers.
    """
    found: dict[Key, Decision] = {}
    passed_over = 0
    for file in files:
        table = _table(Path(file), multilabel)
        for key, decision in table:
            if decision is None or (key in found and found[key].at > decision.at):
                passed_over += 1
                continue
            passed_over += key in found
            found[key] = decision
    return Decisions(found, multilabel, passed_over)


def _table(file: Path, multilabel: bool) -> list[tuple[Key, Decision | None]]:
    try:
        catalog = Catalog.read(str(file), id="id")
    except CatalogError as error:
        raise DecisionsError(f"the decisions '{file}' cannot be read: {error}") from error
    name, other = ("labels", "path") if multilabel else ("path", "labels")
    there = catalog.table.column_names
    if set(_SUSPECTS) <= set(there):
        return _corrected(file, catalog, multilabel)
    if other in there and name not in there:
        held = "paths" if multilabel else "label sets"
        raise DecisionsError(f"'{file}' holds decisions on {held}, and the target is of the other kind")
    missing = [column for column in (*_ALWAYS, name) if column not in there]
    if missing:
        raise DecisionsError(
            f"expected the columns {', '.join((*_ALWAYS, name))} in '{file}', but {', '.join(missing)} is not there; export it "
            "with `shelfwise decisions`, or give a file of `inspect --suspects` as it is, its column 'correct' filled in"
        )
    if catalog.row_errors:
        row, why = min(catalog.row_errors.items())
        raise DecisionsError(f"'{file}', decision {row + 1:,} cannot be read ({why}); export it again")
    answers = _answers(catalog.column(name), LIST_JOIN if multilabel else PATH_JOIN)
    cells = {column: as_text(catalog.column(column)).to_pylist() for column in _ALWAYS if column != "id"}
    cells["title"] = _titles(catalog)
    return [
        _row(file, row, catalog.ids[row], answers[row], {name: cells[name][row] or "" for name in cells})
        for row in range(len(catalog))
    ]


def _corrected(file: Path, catalog: Catalog, multilabel: bool) -> list[tuple[Key, Decision | None]]:
    """What people wrote into a file of suspects; products that they left open are no decisions."""
    at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    answers = _answers(catalog.column("correct"), LIST_JOIN if multilabel else PATH_JOIN)
    occurrences, titles = as_text(catalog.column("occurrence")).to_pylist(), _titles(catalog)
    return [
        (
            (catalog.ids[row], _occurrence(f"'{file}', row {row + 1:,}", occurrences[row] or "")),
            Decision(answer, at, titles[row] or ""),
        )
        for row, answer in enumerate(answers)
        if answer
    ]


def _titles(catalog: Catalog) -> list[str | None]:
    """Nothing for files of earlier versions."""
    if "title" not in catalog.table.column_names:
        return [None] * len(catalog)
    titles: list[str | None] = as_text(catalog.column("title")).to_pylist()
    return titles


def _occurrence(where: str, written: str) -> int:
    """How many products of the same id come before it; 0 where nothing is said."""
    occurrence = written.removesuffix(".0") or "0"
    if not occurrence.isdecimal():
        raise DecisionsError(f"{where}: 'occurrence' must be a whole number, not '{occurrence[:40]}'")
    return int(occurrence)


def _row(
    file: Path, row: int, id: str, answer: Answer, cells: Mapping[str, str]
) -> tuple[Key, Decision | None]:
    where = f"'{file}', decision {row + 1:,}"
    occurrence = _occurrence(where, cells["occurrence"])
    final = cells["final"].casefold()
    if final not in ("true", "false", "1", "0"):
        raise DecisionsError(f"{where}: 'final' must be true or false, not '{final[:40]}'")
    try:
        at = datetime.fromisoformat(cells["decided_at"])
    except ValueError as error:
        raise DecisionsError(
            f"{where}: 'decided_at' must be a date and time, not '{cells['decided_at'][:40]}'"
        ) from error
    key = (id, occurrence)
    if final in ("false", "0"):
        return key, None
    if not answer and cells["action"] not in ("cannot_tell", "settle", "correct", "accept"):
        raise DecisionsError(f"{where}: a final decision needs an answer, but it has none; export it again")
    return key, Decision(answer, at if at.tzinfo else at.replace(tzinfo=UTC), cells["title"])


def _answers(column: pa.Array, joined: str) -> Sequence[Answer]:
    if pa.types.is_list(column.type):
        return [tuple(filter(None, value or ())) for value in column.to_pylist()]
    texts = as_text(column).to_pylist()
    return [tuple(part for part in (text or "").split(joined) if part) for text in texts]
