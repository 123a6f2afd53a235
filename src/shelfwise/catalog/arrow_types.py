"""Any Arrow column as one of the few kinds a catalog knows: strings, numbers, lists, images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.rows import NUMBER, STRING, STRING_LIST, Kind

_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*")


def kind_of(type: pa.DataType) -> Kind:
    """How a column of this Arrow type is held.

    Floats and decimals are numbers. Whole numbers are strings: as ids and codes they must keep every digit,
    and a price reads back from its digits. A struct with a binary field ``bytes`` is an embedded image. Dates
    and truth values become text, lists of scalars lists of strings, everything nested deeper JSON text.
    """
    if pa.types.is_dictionary(type):
        return kind_of(type.value_type)
    if pa.types.is_floating(type) or pa.types.is_decimal(type):
        return Kind.NUMBER
    if is_image_struct(type):
        return Kind.IMAGE
    if _is_list(type) and not pa.types.is_nested(type.value_type):
        return Kind.LIST
    return Kind.STRING


def is_image_struct(type: pa.DataType) -> bool:
    """Whether the type is the ``{bytes, path}`` struct that image data sets use."""
    if not pa.types.is_struct(type):
        return False
    position = type.get_field_index("bytes")
    return position >= 0 and is_binary(type.field(position).type)


def is_binary(type: pa.DataType) -> bool:
    """Whether the type holds raw bytes."""
    return bool(
        pa.types.is_binary(type)
        or pa.types.is_large_binary(type)
        or pa.types.is_fixed_size_binary(type)
        or pa.types.is_binary_view(type)
    )


def looks_like_images(column: pa.ChunkedArray | pa.Array) -> bool:
    """Whether the first values of a column of raw bytes begin as image files do."""
    starts = [value[:4] for value in column.slice(0, 20).to_pylist() if value]
    return bool(starts) and all(start.startswith(_IMAGE_STARTS) for start in starts)


def to_kind(column: pa.Array, kind: Kind) -> pa.Array:
    """The column as a string, float64 or list<string> array (IMAGE: its paths, as strings)."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if kind is Kind.NUMBER:
        return column if column.type == NUMBER else pc.cast(column, NUMBER, safe=False)
    if kind is Kind.LIST:
        return _to_list(column)
    if kind is Kind.IMAGE and pa.types.is_struct(column.type):
        return _image_paths(column)
    if kind is Kind.IMAGE and is_binary(column.type):
        return pa.nulls(len(column), STRING)
    return _to_string(column)


def number_text(column: pa.Array) -> pa.Array:
    """Floats as people write them: 12.0 is "12", 0.5 is "0.5"; NaN is null."""
    values = column.to_pylist()
    return pa.array(
        [None if value is None or value != value else format_number(value) for value in values], STRING
    )


def format_number(value: float) -> str:
    """The shortest text that reads back as the number, without a trailing ".0"."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)


def strings(values: Sequence[str | None]) -> pa.Array:
    """A string array; characters that no UTF-8 can hold (lone surrogates, from JSON escapes) become "?"."""
    try:
        return pa.array(values, STRING)
    except UnicodeEncodeError:
        return pa.array([None if value is None else clean(value) for value in values], STRING)


def string_lists(values: Sequence[list[str] | None]) -> pa.Array:
    """A list<string> array, cleaned like ``strings``."""
    try:
        return pa.array(values, STRING_LIST)
    except UnicodeEncodeError:
        cleaned = [None if value is None else [clean(item) for item in value] for value in values]
        return pa.array(cleaned, STRING_LIST)


def clean(value: str) -> str:
    """The text with "?" for characters that no UTF-8 can hold."""
    return value.encode("utf-8", "replace").decode("utf-8")


def json_text(value: Any) -> str:
    """A nested value as compact JSON text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _to_string(column: pa.Array) -> pa.Array:
    source = column.type
    if pa.types.is_floating(source) or pa.types.is_decimal(source):
        return number_text(pc.cast(column, NUMBER, safe=False))
    if pa.types.is_nested(source):
        return strings([None if value is None else json_text(value) for value in column.to_pylist()])
    if is_binary(source):
        return strings(
            [None if value is None else value.decode("utf-8", "replace") for value in column.to_pylist()]
        )
    text = column if source == STRING else pc.cast(column, STRING)
    return _valid_utf8(text)


def _valid_utf8(text: pa.Array) -> pa.Array:
    """Parquet promises UTF-8 unchecked; a bad byte would surface as a crash much later."""
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        raw = pc.cast(text, pa.binary()).to_pylist()
        return pa.array(
            [None if value is None else value.decode("utf-8", "replace") for value in raw], STRING
        )
    return text


def _to_list(column: pa.Array) -> pa.Array:
    if not _is_list(column.type):
        text = _to_string(column)
        return pa.array([None if value is None else [value] for value in text.to_pylist()], STRING_LIST)
    if pa.types.is_fixed_size_list(column.type):
        column = pc.cast(column, pa.list_(column.type.value_type))
    if pa.types.is_nested(column.type.value_type):
        lists = column.to_pylist()
        return string_lists(
            [None if items is None else [json_text(item) for item in items] for items in lists]
        )
    values = _to_string(column.flatten())
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    ends = pc.cumulative_sum(pc.cast(lengths, pa.int32()))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    return pa.ListArray.from_arrays(offsets, values, type=STRING_LIST, mask=pc.is_null(column))


def _image_paths(column: pa.Array) -> pa.Array:
    position = column.type.get_field_index("path")
    if position < 0:
        return pa.nulls(len(column), STRING)
    return _to_string(pc.struct_field(column, [position]))


def _is_list(type: pa.DataType) -> bool:
    return bool(pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_fixed_size_list(type))
