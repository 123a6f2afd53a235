"""Text files of unknown encoding, plain or gzip, opened so that every byte ends up as some character."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from shelfwise.catalog.legacy_encodings import guess_encoding
from shelfwise.errors import CatalogError

BLOCK_BYTES = 1 << 20
SUSPECT_BYTES = 64 << 10  # non-UTF-8 lines kept for guessing the encoding
READ_ERRORS = (EOFError, OSError, zlib.error)
"""What reading a damaged or truncated (gzip) file raises."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = (
    (b"PAR1", "a Parquet file"),
    (b"PK\x03\x04", "a zip or Excel file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
)


@dataclass(frozen=True)
class TextForm:
    """How a text file is written: its encoding, and what was seen while finding out."""

    encoding: str
    notes: tuple[str, ...] = ()


def open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, unpacked when it is gzip (told by its first bytes, whatever its name)."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb") if packed else open(path, "rb"))


def open_text(path: Path, form: TextForm, newline: str) -> io.TextIOWrapper:
    """The file's text; bytes that do not fit the encoding become U+FFFD."""
    stream = open_bytes(path)
    return io.TextIOWrapper(stream, encoding=form.encoding, errors="replace", newline=newline)


def first_bytes(path: Path, count: int = 4096) -> bytes:
    """The first bytes of the (unpacked) file. Raises CatalogError where they are not text's."""
    try:
        with open_bytes(path) as stream:
            start = stream.read(count)
    except READ_ERRORS as error:
        raise CatalogError(f"{path}: cannot be read ({error}).") from error
    for magic, what in _FOREIGN:
        if start.startswith(magic):
            raise CatalogError(
                f"{path}: this is {what}, not text as its name says. Rename it or export it again."
            )
    return start


def find_form(path: Path, *, always_utf8: bool = False, encoding: str | None = None) -> TextForm:
    """Find a text file's encoding by reading all of it once (in blocks).

    ``encoding``: what a person says it is; CatalogError where it is not. Else a byte order mark decides; text that
    is UTF-8 throughout is UTF-8; a file with both valid and invalid UTF-8 beyond ASCII, or any with
    ``always_utf8``, is damaged UTF-8 (noted); what remains is guessed from its non-UTF-8 lines (noted).
    """
    start = first_bytes(path)
    if encoding is not None:
        return _as_said(path, encoding, start)
    for mark, declared in _BOMS:
        if start.startswith(mark):
            return TextForm(declared)
    if (unmarked := _utf16_without_mark(start)) is not None:
        return TextForm(unmarked, (f"{path.name}: read as {unmarked.upper()} (it does not declare itself).",))
    invalid, valid, suspect = _survey(path)
    if not invalid:
        return TextForm("utf-8")
    if always_utf8 or valid > invalid:
        note = f"{path.name}: {invalid:,} line(s) hold bytes that are not UTF-8; they were replaced by �."
        return TextForm("utf-8", (note,))
    guess = guess_encoding(suspect)
    note = (
        f"{path.name}: not UTF-8; read as {guess}, guessed from its content. If letters came out wrong, name the encoding "
        "with --encoding."
    )
    return TextForm(guess, (note,))


def check_encoding(encoding: str) -> str:
    """Python's own name of an encoding of text. Raises CatalogError for one that there is not."""
    try:
        # A codec that is no text encoding, such as "hex" or "rot13", is refused by what opens files with it.
        return codecs.lookup(io.TextIOWrapper(io.BytesIO(), encoding=encoding).encoding).name
    except (LookupError, ValueError) as error:
        raise CatalogError(
            f"Expected the name of a text encoding such as utf-8, cp1252, cp1250, cp932 or gb18030, got '{encoding}'."
        ) from error


def _as_said(path: Path, encoding: str, start: bytes) -> TextForm:
    """The form that a person names. Raises CatalogError where the file's bytes are no such text."""
    name = check_encoding(encoding)
    for mark, declared in _BOMS:  # the mark itself is no part of the text
        if start.startswith(mark) and name.startswith(declared.removesuffix("-sig")):
            name = declared
    decoder = codecs.getincrementaldecoder(name)()
    line = 1
    try:
        with open_bytes(path) as stream:
            while block := stream.read(BLOCK_BYTES):
                line += decoder.decode(block).count("\n")
            decoder.decode(b"", final=True)
    except UnicodeError as error:
        why = str(error)
        if isinstance(error, UnicodeDecodeError):
            line += error.object[: error.start].decode(name, "replace").count("\n")
            why = error.reason
        raise CatalogError(
            f"{path}: expected text in {encoding}, got bytes that are none in line {line:,} ({why}). Name another encoding, or "
            "leave it out to have it found."
        ) from error
    except READ_ERRORS:
        pass  # reading the rows meets the damage again and can say after which row
    return TextForm(name)


def _utf16_without_mark(start: bytes) -> str | None:
    """Text of mostly Latin letters in UTF-16 has a NUL in every other byte."""
    if len(start) < 8:
        return None
    half = len(start) // 2
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        nuls, others = start[offset::2].count(0), start[1 - offset :: 2].count(0)
        if nuls > 0.6 * half and others == 0:
            return encoding
    return None


def _survey(path: Path) -> tuple[int, int, bytes]:
    """Lines that are not UTF-8 (and a sample of them), and lines that are and go beyond ASCII.

    The latter are counted in blocks: exactly where there are invalid lines, else at most one a block.
    """
    invalid = valid = 0
    suspect = bytearray()
    for text in _whole_lines(path):
        if _is_utf8(text):
            valid += not text.isascii()
            continue
        for line in text.split(b"\n"):
            if not _is_utf8(line):
                invalid += 1
                if len(suspect) < SUSPECT_BYTES:
                    suspect += line[:SUSPECT_BYTES] + b"\n"
            elif not line.isascii():
                valid += 1
    return invalid, valid, bytes(suspect)


def _whole_lines(path: Path) -> Iterator[bytes]:
    """The file in blocks that end with a line, up to where it can be read."""
    unfinished: list[bytes] = []
    with open_bytes(path) as stream:
        while True:
            try:
                block = stream.read(BLOCK_BYTES)
            except READ_ERRORS:
                break  # reading the rows will meet the damage again and can say after which row
            if not block:
                break
            lines, newline, rest = block.rpartition(b"\n")
            if newline:
                yield b"".join([*unfinished, lines, newline])
                unfinished = []
            unfinished.append(rest)
    yield b"".join(unfinished)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
