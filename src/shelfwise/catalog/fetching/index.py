"""What an image store knows of each URL: which file it became, or why not. It survives any kill.

SQLite with a write-ahead log: a record is there whole or not at all, and what is committed stays. Records
are checked when they are read, since a store may have been made by someone else.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shelfwise.catalog.fetching.records import Found, Record, Validators
from shelfwise.catalog.fetching.shrink import SUFFIXES
from shelfwise.errors import FetchError

FORMAT = 1
_APPLICATION = 0x73776973  # "swis": which program's database it is
_BUSY_S = 30.0
_URLS_PER_QUERY = 500
_FILE = re.compile(rf"[0-9a-f]{{64}}\.({'|'.join(SUFFIXES.values())})")
MAX_REASON_CHARACTERS = 300

_TABLES = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, request TEXT NOT NULL, finished INTEGER NOT NULL);
CREATE TABLE images (
    url TEXT PRIMARY KEY, state TEXT NOT NULL, file TEXT NOT NULL, bytes INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, etag TEXT NOT NULL, last_modified TEXT NOT NULL,
    reason TEXT NOT NULL, run INTEGER NOT NULL, tried_at REAL NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS = "url, state, file, bytes, width, height, etag, last_modified, reason, run, tried_at"


class Index:
    """The records of one store. May be used from several threads, and by several processes at once."""

    def __init__(self, path: Path) -> None:
        """Open the index at ``path``, or make it. Raises FetchError where it is damaged or of another kind."""
        self._path = path
        self._lock = threading.Lock()
        with self._explained():
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:  # Ctrl-C too: no connection is left open, and it is raised again
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the file; nothing that was recorded is lost without it."""
        self._connection.close()

    def setting(self, name: str, value: str) -> str:
        """The setting's value; ``value`` becomes it where there is none yet."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (name, value))
            return str(connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()[0])

    def begin_run(self, request: str) -> int:
        """The number of a run: of the unfinished one with the same ``request``, else a new one."""
        with self._transaction() as connection:
            unfinished = connection.execute(
                "SELECT id FROM runs WHERE request = ? AND finished = 0 ORDER BY id DESC", (request,)
            ).fetchone()
            if unfinished:
                return int(unfinished[0])
            made = connection.execute("INSERT INTO runs (request, finished) VALUES (?, 0)", (request,))
            return int(made.lastrowid or 0)

    def finish_run(self, run: int) -> None:
        """The run is over: the same request begins a new one."""
        with self._transaction() as connection:
            connection.execute("UPDATE runs SET finished = 1 WHERE id = ?", (run,))

    def record(self, records: Sequence[Record]) -> None:
        """Remember records in place of earlier ones; once this returns they survive a kill."""
        rows = [
            (
                one.url,
                str(one.state),
                one.file,
                one.bytes,
                one.width,
                one.height,
                one.validators.etag,
                one.validators.last_modified,
                one.reason[:MAX_REASON_CHARACTERS],
                one.run,
                one.tried_at,
            )
            for one in records
        ]
        with self._transaction() as connection:
            connection.executemany(
                f"INSERT OR REPLACE INTO images ({_COLUMNS}) VALUES ({', '.join('?' * 11)})", rows
            )

    def look_up(self, urls: Iterable[str]) -> dict[str, Record]:
        """The records of those URLs that have one. What is no valid record counts as none."""
        wanted = list(urls)
        found: dict[str, Record] = {}
        with self._explained(), self._lock:
            for start in range(0, len(wanted), _URLS_PER_QUERY):
                part = wanted[start : start + _URLS_PER_QUERY]
                marks = ", ".join("?" * len(part))
                for row in self._connection.execute(
                    f"SELECT {_COLUMNS} FROM images WHERE url IN ({marks})", part
                ):
                    record = _valid(row)
                    if record is not None:
                        found[record.url] = record
        return found

    def _prepare(self) -> None:
        connection = self._connection
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (made,) = connection.execute("PRAGMA user_version").fetchone()
        if application == 0 and made == 0:
            self._make_tables()
        elif application != _APPLICATION or made != FORMAT:
            raise FetchError(
                f"{self._path}: expected the index of an image store (format {FORMAT}), found something else or "
                "another format; choose another folder"
            )
        connection.execute("PRAGMA trusted_schema = OFF")  # a store may be someone else's
        self._write_ahead()
        connection.execute("PRAGMA synchronous = FULL")

    def _write_ahead(self) -> None:
        """Switch the log on. SQLite does not wait here by itself for a process that does the same."""
        until = time.monotonic() + _BUSY_S
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(0.05)

    def _make_tables(self) -> None:
        with self._transaction() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] == FORMAT:
                return  # another process was faster
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise FetchError(f"{self._path}: it is another program's database; choose another folder")
            for statement in _TABLES.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained(), self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:  # Ctrl-C too: half of it must not be stored, and it is raised again
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise FetchError(
                f"{self._path}: the image store's index cannot be used ({error}); free some space or give another "
                "folder, or delete this one to fetch its images again"
            ) from error


def _valid(row: tuple[object, ...]) -> Record | None:
    """The record of a row of the table, or None where it cannot be one of ours."""
    url, state, file, bytes_, width, height, etag, modified, reason, run, tried_at = row
    texts = (url, state, file, etag, modified, reason)
    numbers = (bytes_, width, height, run)
    if not all(isinstance(text, str) for text in texts) or not isinstance(tried_at, float):
        return None
    if not all(isinstance(number, int) and number >= 0 for number in numbers) or state not in list(Found):
        return None
    # The name becomes part of a path: nothing but a hash and a known ending may.
    if bool(_FILE.fullmatch(str(file))) != (state == Found.OK) or (file and state != Found.OK):
        return None
    known = [text if text.isascii() else "" for text in (str(etag), str(modified))]
    size = [int(str(number)) for number in numbers]
    return Record(
        url=str(url),
        state=Found(str(state)),
        reason=str(reason)[:MAX_REASON_CHARACTERS],
        file=str(file),
        bytes=size[0],
        width=size[1],
        height=size[2],
        validators=Validators(*known),
        run=size[3],
        tried_at=tried_at,
    )
