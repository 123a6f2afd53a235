"""Lines into records: what a CSV row is when its text has newlines in it, or a quote that is never closed."""

from __future__ import annotations

import csv
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_RECORD_CHARACTERS = 64 << 20  # a row over several lines that is longer is a quote that was never closed
MERGED_SHOWN = 3

# Cells of 10 MB are legal. The limit is per process (csv has no other way); some platforms have 32-bit longs.
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


@dataclass
class Seen:
    """What deserves a note once a file has been read."""

    short: int = 0
    first_short: int = 0
    nuls: int = 0
    stray_quotes: int = 0
    merged: list[tuple[int, int]] = field(default_factory=list)
    """First and last lines of rows that may be several, joined by quotes."""

    def notes(self, name: str) -> Iterator[str]:
        """What to say of the file ``name``, a sentence for each kind of oddity."""
        if self.short:
            yield (
                f"{name}: {self.short:,} row(s) have fewer fields than the header (first at line "
                f"{self.first_short:,}); the missing ones are taken as empty."
            )
        if self.nuls:
            yield f"{name}: NUL characters were removed from {self.nuls:,} line(s)."
        if self.stray_quotes:
            yield f"{name}: {self.stray_quotes:,} line(s) hold a quote never closed; taken as a letter."
        if self.merged:
            places = ", ".join(f"{first:,} to {last:,}" for first, last in self.merged[:MERGED_SHOWN])
            more = ", …" if len(self.merged) > MERGED_SHOWN else ""
            yield (
                f"{name}: lines {places}{more} are one row by their quotes, but each looks like a row of its own. If they are, "
                "take out the quote that opens in the first line and the one that closes in the last."
            )


class BrokenRow(list[str]):
    """The fields of a row that could be saved, with the reason it could not be read."""

    def __init__(self, fields: list[str], reason: str) -> None:
        super().__init__(fields)
        self.reason = reason


class RecordTooLongError(Exception):
    """A record has grown beyond any honest length."""


class _LineFeed:
    """The lines of a file for ``csv.reader``, remembering those of the current record so it can be undone."""

    def __init__(self, lines: Iterator[str], skip: int, seen: Seen) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._seen = seen
        self.record: list[str] = []
        self.characters = 0
        self.line = 0
        for _ in range(skip):
            next(lines, "")
            self.line += 1

    def __iter__(self) -> _LineFeed:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            raise StopIteration
        if "\0" in line:
            line = line.replace("\0", "")
            self._seen.nuls += 1
        self.line += 1
        self.record.append(line)
        self.characters += len(line)
        if self.characters > MAX_RECORD_CHARACTERS and len(self.record) > 1:
            raise RecordTooLongError
        return line

    def rewind(self) -> str:
        """Give all but the current record's first line back, and return that."""
        first, *others = self.record
        self._again.extendleft(reversed(others))
        self.line -= len(others)
        self.forget()
        return first

    def forget(self) -> None:
        """The current record is done."""
        self.record.clear()
        self.characters = 0


class Records:
    """Iterates over (line number, fields) of every record that is not blank, the header first.

    A record over several lines that a stray quote has glued together is undone: its first line is read by
    itself, and reading goes on with the line after it. ``width`` is the number of columns; 0 while the header
    is unknown.
    """

    def __init__(self, lines: Iterator[str], separator: str, width: int, skip_lines: int, seen: Seen) -> None:
        self._separator = separator
        self._width = width
        self._seen = seen
        self._feed = _LineFeed(lines, skip_lines, seen)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        feed = self._feed
        while True:
            try:
                for fields in csv.reader(feed, delimiter=self._separator):
                    lines = feed.record
                    # Only an odd quote can leave a single line open, at the end of the file.
                    if (len(lines) > 1 or lines[0].count('"') % 2) and self._is_glued(lines, fields):
                        break
                    if len(lines) > 1 and self._looks_like_rows(lines, fields):
                        self._seen.merged.append((feed.line - len(lines) + 1, feed.line))
                    if fields:
                        yield feed.line - len(lines) + 1, fields
                    feed.forget()
                else:
                    return
            except (csv.Error, RecordTooLongError):
                pass
            first = feed.rewind()
            yield feed.line, self._read_literally(first)

    def _is_glued(self, lines: list[str], fields: list[str]) -> bool:
        """Whether a record is really several records, joined by a stray quote, or its only line the first of them.

        An honest record passes the strict reading (a closing quote is followed by a separator or the line's
        end). One that does not may still be a text with quotes in it; it is not when its field count is wrong
        or when its lines are complete rows by themselves.
        """
        width = self._width
        if not width:
            return False
        try:
            list(csv.reader(lines, delimiter=self._separator, strict=True))
        except csv.Error as error:
            open_to_the_end = str(error) == "unexpected end of data"
        else:
            return False
        if len(lines) == 1:
            return open_to_the_end
        whole = [line.count(self._separator) >= width - 1 for line in lines]
        return open_to_the_end or len(fields) != width or (width > 1 and whole[0] and any(whole[1:]))

    def _looks_like_rows(self, lines: list[str], fields: list[str]) -> bool:
        """Whether every line of an honest record is a whole row by itself: then its quotes may be two strays.

        In a text, commas are followed by a space; the fewer lines and fields, the likelier it is chance.
        """
        width = self._width
        if width < 2 or len(fields) != width or len(lines) + width < 6:
            return False
        rows = [line.rstrip("\r\n").split(self._separator) for line in (lines[0], lines[-1])]
        rows += csv.reader(lines[1:-1], delimiter=self._separator)
        return all(len(row) == width and not any(cell[:1].isspace() for cell in row) for row in rows)

    def _read_literally(self, line: str) -> list[str]:
        """The fields of one line with a stray quote in it, taking quotes as letters."""
        fields = line.rstrip("\r\n").split(self._separator)
        if len(fields) == self._width:
            self._seen.stray_quotes += 1
            return fields
        return BrokenRow([fields[0].strip('"')], "a quote is opened in it and not closed properly")
