"""Text files of unknown encoding, plain or gzip, opened so that every byte ends up as some character."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from charset_normalizer import from_bytes

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
# What shops export in, the likeliest first; an open choice ends in exotic code pages on short samples.
_LEGACY = [
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "shift_jis",
    "gb18030",
    "big5",
    "euc_kr",
    "cp1255",
    "cp1256",
]

# The three Latin code pages share most bytes; which letters come out tells them apart. Ties go to the first.
_LETTERS = {
    "cp1252": "äöüßéèêëàâçñóòôõáãíìïîúùûœæøåº",
    "cp1250": "áčďéěíňóřšťúůýžąćęłńśźżőűäöüßâăîşţ",
    "cp1254": "çğıöşüâîi̇",
}
_SIGNS = "\xa0–—‘’‚“”„…•€£©®™°²³½¼¾«»×·´"


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


def find_form(path: Path, *, always_utf8: bool = False) -> TextForm:
    """Find a text file's encoding by reading all of it once (in blocks).

    A byte order mark decides; text that is UTF-8 throughout is UTF-8; a file with both valid and invalid
    UTF-8 beyond ASCII, or any with ``always_utf8``, is damaged UTF-8 (noted); what remains is guessed from
    its non-UTF-8 lines (noted).
    """
    start = first_bytes(path)
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return TextForm(encoding)
    if (unmarked := _utf16_without_mark(start)) is not None:
        return TextForm(unmarked, (f"{path.name}: read as {unmarked.upper()} (it does not declare itself).",))
    invalid, valid, suspect = _survey(path)
    if not invalid:
        return TextForm("utf-8")
    if always_utf8 or valid > invalid:
        note = f"{path.name}: {invalid:,} line(s) hold bytes that are not UTF-8; they were replaced by �."
        return TextForm("utf-8", (note,))
    guess = _guess(suspect)
    return TextForm(guess, (f"{path.name}: not UTF-8; read as {guess}, guessed from its content.",))


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


def _guess(sample: bytes) -> str:
    # Only what surrounds the foreign bytes tells encodings apart; long ASCII stretches drown it.
    windows = [match.group() for match in re.finditer(rb"[^\s,;|\"]*[\x80-\xff][^,;|\"\r\n]{0,40}", sample)]
    sample = b" ".join(windows)
    best = from_bytes(sample, cp_isolation=_LEGACY, threshold=0.4).best()
    if best is not None and best.encoding not in _LETTERS:
        return best.encoding
    return max(_LETTERS, key=lambda encoding: _share_of_letters(sample.decode(encoding, "replace"), encoding))


def _share_of_letters(text: str, encoding: str) -> float:
    """Share of the characters beyond ASCII that the languages of an encoding use."""
    foreign = [character for character in text.lower() if not character.isascii()]
    usual = sum(character in _LETTERS[encoding] or character in _SIGNS for character in foreign)
    return usual / max(1, len(foreign))
