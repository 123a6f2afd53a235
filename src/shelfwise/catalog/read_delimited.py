"""CSV and TSV as shops export them: any separator, quoted newlines, and lines that do not fit the header."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.delimited_records import BrokenRow, Records, Seen
from shelfwise.catalog.rows import STRING, Kind, RowBatch
from shelfwise.catalog.text_file import READ_ERRORS, TextForm, find_form, open_text
from shelfwise.errors import CatalogError

SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
SNIFF_CHARACTERS = 256 << 10
MAX_BATCH_CHARACTERS = 64 << 20
_NO_SEPARATOR = "\x1f"  # for files of one column: a character no export writes
_SEP_LINE = re.compile(r"^\ufeff?sep=(.)\r?\n?$")


class DelimitedReader:
    """Reads CSV and TSV, every column as strings (leading zeros stay), empty cells as null.

    A row with more fields than the header, or a quote that is never closed, is kept as a row error whose
    first field may still be right; a row with fewer is filled up with nulls. Neither vanishes.
    """

    def __init__(self, path: Path, format: str, encoding: str | None = None) -> None:
        self.path = path
        self.notes: list[str] = []
        self.kinds: dict[str, Kind] = {}
        self._form = find_form(path, encoding=encoding)
        self._separator, self._skip_lines = ",", 0
        self._names: list[str] = []
        if self._find_shape("\t" if format == "tsv" else ","):
            self._read_header()
        self.notes += self._form.notes

    def _find_shape(self, usual: str) -> bool:
        """Find the separator; False for a file without any text."""
        try:
            with open_text(self.path, self._form, newline="") as file:
                sample = file.read(SNIFF_CHARACTERS).replace("\0", "")
                complete = not file.read(1)
        except READ_ERRORS:
            sample, complete = _readable_start(self.path, self._form), False
        lines = list(io.StringIO(sample, newline=""))
        if not any(line.strip() for line in lines):
            self.notes.append(f"{self.path.name}: the file is empty.")
            return False
        if match := _SEP_LINE.match(lines[0]):
            self._separator, self._skip_lines = match.group(1), 1
            return True
        self._separator = sniff_separator(lines, usual, complete=complete)
        if self._separator not in (usual, _NO_SEPARATOR):
            self.notes.append(
                f"{self.path.name}: columns are separated by {SEPARATOR_NAMES[self._separator]}s."
            )
        return True

    def _read_header(self) -> None:
        try:
            with open_text(self.path, self._form, newline="") as file:
                for _, fields in self._records(file, Seen()):
                    self._names = self._name_columns(fields)
                    break
        except READ_ERRORS as error:
            raise CatalogError(f"{self.path}: breaks off before its first row ({error}).") from error
        self.kinds = dict.fromkeys(self._names, Kind.STRING)

    def _name_columns(self, header: list[str]) -> list[str]:
        names: list[str] = []
        taken: set[str] = {name.strip() for name in header}
        for position, raw in enumerate(header, start=1):
            name = raw.strip() or f"column_{position}"
            if not raw.strip():
                self.notes.append(f"{self.path.name}: column {position} has no name and is called '{name}'.")
            if name in names:
                copy = next(i for i in range(2, len(header) + 2) if f"{name}.{i}" not in taken)
                self.notes.append(
                    f"{self.path.name}: the name '{name}' occurs again and became '{name}.{copy}'."
                )
                name = f"{name}.{copy}"
                taken.add(name)
            names.append(name)
        return names

    def batches(self, rows: int, *, image_bytes: bool) -> Iterator[RowBatch]:
        """All rows in order, at most ``rows`` a batch (fewer where cells are very long)."""
        if not self._names:
            return
        done = 0
        builder = _BatchBuilder(self._names)
        seen = Seen()
        try:
            with open_text(self.path, self._form, newline="") as file:
                records = iter(self._records(file, seen))
                next(records)  # the header
                for line, fields in records:
                    if len(fields) < len(self._names) and not isinstance(fields, BrokenRow):
                        seen.short, seen.first_short = seen.short + 1, seen.first_short or line
                    builder.add(line, fields)
                    if len(builder.rows) >= rows or builder.characters >= MAX_BATCH_CHARACTERS:
                        done += len(builder.rows)
                        yield builder.build()
                        builder = _BatchBuilder(self._names)
        except READ_ERRORS as error:
            done += len(builder.rows)
            raise CatalogError(
                f"{self.path}: the file breaks off after {done:,} row(s) ({error}). Get a complete copy."
            ) from error
        if builder.rows:
            yield builder.build()
        self.notes += [note for note in seen.notes(self.path.name) if note not in self.notes]

    def _records(self, file: Iterator[str], seen: Seen) -> Records:
        return Records(file, self._separator, len(self._names), self._skip_lines, seen)


class _BatchBuilder:
    """Collects rows of strings and turns them into columns."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self.rows: list[list[str]] = []
        self.characters = 0
        self._errors: dict[int, str] = {}

    def add(self, line: int, fields: list[str]) -> None:
        width = len(self._names)
        if isinstance(fields, BrokenRow):
            self._fail(line, fields, fields.reason)
        elif len(fields) > width and any(fields[width:]):
            self._fail(line, fields, f"it has {len(fields)} fields where the header has {width}")
        else:
            row = fields if len(fields) == width else (fields + [""] * (width - len(fields)))[:width]
            self.rows.append(row)
            self.characters += sum(map(len, row))

    def _fail(self, line: int, fields: list[str], reason: str) -> None:
        self._errors[len(self.rows)] = f"line {line:,}: {reason}"
        self.rows.append([*fields[:1], *[""] * (len(self._names) - 1)])

    def build(self) -> RowBatch:
        columns = []
        for values in zip(*self.rows, strict=True):
            column = pa.array(values, STRING)
            columns.append(pc.if_else(pc.equal(column, ""), pa.scalar(None, STRING), column))
        return RowBatch(pa.table(columns, names=self._names), row_errors=self._errors)


def sniff_separator(lines: list[str], usual: str, *, complete: bool) -> str:
    """The separator by which most of a file's first ``lines`` have as many fields as the header.

    ``usual`` wins ties. ``complete`` says that the lines are the whole file; otherwise the last is left out
    as it may be cut off. A header without any separator is a file of one column.
    """
    if not complete and len(lines) > 1:
        lines = lines[:-1]
    best, best_score = _NO_SEPARATOR, (0.0, 0, False)
    for separator in SEPARATORS:
        try:
            rows = [row for row in csv.reader(lines, delimiter=separator) if row]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        fitting = sum(len(row) == width for row in rows[1:]) / max(1, len(rows) - 1)
        score = (round(fitting, 1), width, separator == usual)
        if best == _NO_SEPARATOR or score > best_score:
            best, best_score = separator, score
    return best


def _readable_start(path: Path, form: TextForm) -> str:
    """What can be read of a damaged file before it breaks off, up to the sniffing length."""
    text: list[str] = []
    length = 0
    try:
        with open_text(path, form, newline="") as file:
            for line in file:
                text.append(line)
                length += len(line)
                if length > SNIFF_CHARACTERS:
                    break
    except READ_ERRORS:
        pass  # batches() reads the same lines and reports the damage with the row it comes after
    return "".join(text)
