"""A column as an input: which products carry it, which lack it, and which hold something useless."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.arrow_types import number_text
from shelfwise.catalog.column import ImageSource, InputColumn, Role, State
from shelfwise.catalog.image_source import AbsentImages
from shelfwise.catalog.list_cells import joined_list
from shelfwise.catalog.numbers import parse_column
from shelfwise.catalog.rows import NUMBER, STRING

LIST_SEPARATOR = " | "
ABSENT_WORDS = (
    "nan",
    "NaN",
    "NAN",
    "NaT",
    "null",
    "NULL",
    "None",
    "none",
    "N/A",
    "n/a",
    "#N/A",
    "<NA>",
    "-",
    "[]",
)
"""What exports write for an empty cell. "NA" is not among them: shops have it as a category of its own."""


def text_input(name: str, role: Role, column: pa.Array, row_errors: dict[int, str]) -> InputColumn:
    """A TEXT or CATEGORY input; surrounding space is cut off, lists are joined with " | ", those written into cells too."""
    texts = _with_lists_joined(_trimmed(column))
    state = np.where(np.asarray(pc.is_null(texts)), State.ABSENT, State.PRESENT).astype(np.int8)
    return _with_row_errors(InputColumn(name, role, texts, state), row_errors)


def joined_texts(name: str, columns: Sequence[InputColumn]) -> InputColumn:
    """Several TEXT inputs as one: a product's present texts, joined with " | ".

    A product without any is FAILED where one of them failed (with the reason of the first), else ABSENT.
    """
    states = np.stack([column.state for column in columns])
    kinds = {column.values.type for column in columns}  # type: ignore[union-attr]
    kind = kinds.pop() if len(kinds) == 1 else pa.large_string()
    joined, *others = (pc.cast(column.values, kind) for column in columns)
    for texts in others:  # Arrow's own way to skip nulls loses rows that hold nothing else
        both = pc.binary_join_element_wise(joined, texts, pa.scalar(LIST_SEPARATOR, kind))
        joined = pc.coalesce(both, joined, texts)
    present = (states == State.PRESENT).any(axis=0)
    failed = (states == State.FAILED).any(axis=0) & ~present
    state = np.where(present, State.PRESENT, np.where(failed, State.FAILED, State.ABSENT)).astype(np.int8)
    reasons = {
        int(row): next(column.reasons[int(row)] for column in columns if int(row) in column.reasons)
        for row in np.flatnonzero(failed)
    }
    return InputColumn(
        name, Role.TEXT, pc.if_else(pa.array(present), joined, pa.scalar(None, kind)), state, reasons
    )


def number_input(name: str, column: pa.Array, row_errors: dict[int, str]) -> InputColumn:
    """A NUMBER input, float64. Texts that are no number, and infinite ones, are FAILED with a reason."""
    if column.type == NUMBER:
        raw = np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)
        failed = np.isinf(raw)
        values = pa.array(raw, NUMBER, mask=~np.isfinite(raw))
        given = [str(raw[row]) for row in np.flatnonzero(failed)]
    else:
        texts = _trimmed(column)
        values, failed = parse_column(texts)
        given = [repr(texts[int(row)].as_py()[:60]) for row in np.flatnonzero(failed)]
    state = np.where(np.asarray(pc.is_null(values)), State.ABSENT, State.PRESENT).astype(np.int8)
    state[failed] = State.FAILED
    reasons = {
        int(row): f"not a number: {text}" for row, text in zip(np.flatnonzero(failed), given, strict=True)
    }
    return _with_row_errors(InputColumn(name, Role.NUMBER, values, state, reasons), row_errors)


def image_input(
    name: str, source: ImageSource, absent: np.ndarray, row_errors: dict[int, str]
) -> InputColumn:
    """An IMAGE input. ``absent`` bool [N]: have none; PRESENT means that one is said to exist."""
    state = np.where(absent, State.ABSENT, State.PRESENT).astype(np.int8)
    return _with_row_errors(InputColumn(name, Role.IMAGE, source, state), row_errors)


def absent_input(name: str, role: Role, count: int, row_errors: dict[int, str]) -> InputColumn:
    """The input of ``count`` products whose catalog has no such column."""
    values: pa.Array | ImageSource = AbsentImages(count)
    if role is not Role.IMAGE:
        values = pa.nulls(count, NUMBER if role is Role.NUMBER else STRING)
    state = np.full(count, State.ABSENT, dtype=np.int8)
    return _with_row_errors(InputColumn(name, role, values, state), row_errors)


def image_paths(column: pa.Array) -> pa.Array:
    """The image path of each product: of a list the first, null where there is none."""
    if pa.types.is_list(column.type):
        firsts = [next((item for item in items or [] if item), None) for items in column.to_pylist()]
        column = pa.array(firsts, STRING)
    return _trimmed(column)


def as_text(column: pa.Array) -> pa.Array:
    """A column of any kind as a string array."""
    if pa.types.is_list(column.type):
        if column.flatten().null_count:
            lists = column.to_pylist()
            return pa.array(
                [None if items is None else LIST_SEPARATOR.join(i for i in items if i) for items in lists],
                STRING,
            )
        return pc.binary_join(column, LIST_SEPARATOR)
    return number_text(column) if column.type == NUMBER else column


def _trimmed(column: pa.Array) -> pa.Array:
    """Strings without surrounding space; null where nothing is left or only a word for nothing."""
    texts = pc.utf8_trim_whitespace(as_text(column))
    empty = pc.is_in(texts, value_set=pa.array(["", *ABSENT_WORDS], texts.type))
    return pc.if_else(empty, pa.scalar(None, texts.type), texts)


def _with_lists_joined(texts: pa.Array) -> pa.Array:
    """Cells that hold a list, as programs write it, spelled as a list column is: the two are one input."""
    opened = pc.fill_null(pc.or_(pc.starts_with(texts, "["), pc.starts_with(texts, "(")), False)
    if not pc.any(opened).as_py():
        return texts
    joined = [joined_list(text, LIST_SEPARATOR) for text in texts.filter(opened).to_pylist()]
    return _trimmed(pc.replace_with_mask(texts, opened, pa.array(joined, texts.type)))


def _with_row_errors(column: InputColumn, row_errors: dict[int, str]) -> InputColumn:
    """A row that could not be read failed in all its inputs."""
    for row, reason in row_errors.items():
        column.state[row] = State.FAILED
        column.reasons[row] = reason
    return column
