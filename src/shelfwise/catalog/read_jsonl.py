"""JSON lines: one product a line, values kept as they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from shelfwise.catalog.arrow_types import clean, json_text, string_lists, strings
from shelfwise.catalog.rows import STRING, STRING_LIST, Kind, RowBatch
from shelfwise.catalog.text_file import READ_ERRORS, find_form, first_bytes, open_text
from shelfwise.errors import CatalogError

HEAD_ROWS = 2_000  # rows that decide which columns there are, and which hold lists
MAX_BATCH_CHARACTERS = 64 << 20


class JsonLinesReader:
    """Reads one JSON object a line. A line that is none is kept as a row error.

    Scalars become strings as written (``1.50`` stays "1.50", a number may give way to a text further down);
    lists become lists of strings where the first rows show any; objects become JSON text. Keys that first
    occur later are new columns from there on.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self.kinds: dict[str, Kind] = {}
        start = first_bytes(path).lstrip(b"\xef\xbb\xbf \t\r\n")
        if start.startswith(b"["):
            raise CatalogError(
                f"{path}: this is one JSON array; expected JSON lines. Write each object of the array "
                "on one line of its own."
            )
        self._form = find_form(path, always_utf8=True, encoding=encoding)
        self.notes = list(self._form.notes)
        self._look_ahead()

    def _look_ahead(self) -> None:
        good, reason = 0, ""
        try:
            for _, value in islice(self._values([0]), HEAD_ROWS):
                if isinstance(value, str):
                    reason = reason or value
                    continue
                good += 1
                for name, item in value.items():
                    if isinstance(item, list) or self.kinds.get(name) is None:
                        self.kinds[name] = Kind.LIST if isinstance(item, list) else Kind.STRING
        except READ_ERRORS:
            pass  # batches() meets the same damage and reports it with the row it comes after
        if reason and not good:
            raise CatalogError(
                f"{self.path}: no line is a JSON object; expected one a line. The first: {reason}."
            )
        if good and not self.kinds:
            raise CatalogError(f"{self.path}: the objects have no keys; expected the columns' names as keys.")
        if not good:
            self.notes.append(f"{self.path.name}: the file is empty.")

    def batches(self, rows: int, *, image_bytes: bool) -> Iterator[RowBatch]:
        """All rows in order, at most ``rows`` a batch (fewer where lines are very long)."""
        done = 0
        block: list[dict[str, Any]] = []
        errors: dict[int, str] = {}
        size, nuls = [0], 0
        try:
            for nul, value in self._values(size):
                nuls += nul
                if isinstance(value, str):
                    errors[len(block)] = value
                    value = {}
                block.append(value)
                if len(block) >= rows or size[0] >= MAX_BATCH_CHARACTERS:
                    done += len(block)
                    yield RowBatch(self._table(block), row_errors=errors)
                    block, errors, size[0] = [], {}, 0
        except READ_ERRORS as error:
            raise CatalogError(
                f"{self.path}: the file breaks off after {done + len(block):,} row(s) ({error}). "
                "Get a complete copy of it."
            ) from error
        if block:
            yield RowBatch(self._table(block), row_errors=errors)
        note = f"{self.path.name}: NUL characters were removed from {nuls:,} line(s)."
        if nuls and note not in self.notes:
            self.notes.append(note)

    def _values(self, size: list[int]) -> Iterator[tuple[bool, dict[str, Any] | str]]:
        """Per line that is not blank: whether it held NULs, and its object or why it is none.

        ``size[0]`` grows by the characters read.
        """
        decode = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant).decode
        with open_text(self.path, self._form, newline="\n") as file:
            for number, line in enumerate(file, start=1):
                size[0] += len(line)
                if nul := "\0" in line:
                    line = line.replace("\0", "")
                if not line.strip():
                    continue
                try:
                    value = decode(line)
                except json.JSONDecodeError as error:
                    what = f"{error.msg} at character {error.pos + 1}"
                    yield nul, f"line {number:,}: it is not valid JSON ({what})"
                    continue
                except RecursionError:
                    yield nul, f"line {number:,}: its JSON is nested too deeply"
                    continue
                if isinstance(value, dict):
                    if "\\u" in line and not all(map(_is_utf8, value)):
                        value = {clean(name): item for name, item in value.items()}
                    yield nul, value
                else:
                    yield (
                        nul,
                        f"line {number:,}: it holds {_called(value)}, not a JSON object",
                    )

    def _table(self, block: list[dict[str, Any]]) -> pa.Table:
        known = self.kinds.keys()
        for row in block:
            if not known >= row.keys():
                for name, value in row.items():
                    if value is not None and name not in self.kinds:
                        self.kinds[name] = Kind.LIST if isinstance(value, list) else Kind.STRING
        columns = [self._column([row.get(name) for row in block], kind) for name, kind in self.kinds.items()]
        return pa.table(columns, names=list(self.kinds))

    def _column(self, values: list[Any], kind: Kind) -> pa.Array:
        if kind is Kind.LIST:
            lists = [None if value is None else _texts(value) for value in values]
            return string_lists(lists) if any(lists) else pa.array(lists, STRING_LIST)
        try:
            return strings(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # a value among them is not a string
            return strings([_text(value) for value in values]) if values else pa.array([], STRING)


def _is_utf8(name: str) -> bool:
    return name.isascii() or clean(name) == name


def _constant(name: str) -> str | None:
    """NaN, Infinity and -Infinity are no JSON, but Python and its friends write them."""
    return None if name == "NaN" else name


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " | ".join(_texts(value))
    return json_text(value)


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [
        json_text(item) if isinstance(item, list) else str(_text(item)) for item in items if item is not None
    ]


def _called(value: Any) -> str:
    return {list: "a list", str: "a text or number", bool: "true or false"}.get(type(value), "null")
