"""The desk's database: SQLite in one file or PostgreSQL by URL, opened, brought up to date, and used safely.

SQLite runs in write-ahead mode with full synchronisation: what was acknowledged survives a killed process and
a power cut. Its writers take turns within the process (a lock is fairer than SQLite's own waiting) and between
processes (``BEGIN IMMEDIATE``, which waits up to ``BUSY_S`` seconds).
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shelfwise.errors import MissingDependencyError
from shelfwise.review.errors import DatabaseError
from shelfwise.review.migrations import migrate
from shelfwise.review.schema import meta

BUSY_S = 10
"""How long a statement waits for another process's lock before it is given up."""
CONNECTIONS = 40
"""As many as the web server has threads."""


def database_url(given: str) -> URL:
    """A database's address: a URL, or the path of an SQLite file. Raises DatabaseError for other kinds.

    >>> database_url("review.db").render_as_string()
    'sqlite:///review.db'
    """
    if "://" not in given:
        return URL.create("sqlite", database=given)
    try:
        url = make_url(given)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError(
            "expected a database as a file name or as postgresql://user:password@host/name, "
            "got something that is neither"
        ) from error
    kind = url.get_backend_name()
    if kind in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise DatabaseError(f"expected an SQLite file or a PostgreSQL URL, got a database of kind '{kind}'")
    return url


class Database:
    """Connections to one database. ``read`` and ``write`` are its only doors.

    Raises DatabaseError, whose message names the database without its password.
    """

    def __init__(self, given: str, *, must_exist: bool = False) -> None:
        """Open and migrate. ``must_exist``: refuse to make a new one."""
        self.url = database_url(given)
        self.name = self.url.render_as_string(hide_password=True)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.name = self.url.database or ""
            _check_file(Path(self.name), must_exist)
        self._turn = threading.RLock()
        self._engine = self._make_engine()
        with self.write() as connection:
            self.migrated = migrate(connection)
            self._make_secret(connection)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading one consistent state."""
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: on leaving it is stored for good, on an error nothing of it is."""
        turn = self._turn if self.is_sqlite else contextlib.nullcontext()
        with (
            self._told(),
            turn,
            self._engine.connect().execution_options(shelfwise_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def take_stock(self) -> None:
        """Have the database look at what it holds now, so that it chooses the right indexes."""
        with self.write() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("PRAGMA analysis_limit = 1000")
            connection.exec_driver_sql("ANALYZE")

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    @property
    def secret(self) -> str:
        """What this database's sign-in cookies are signed with; two desks on it accept each other's."""
        with self.read() as connection:
            return str(connection.execute(select(meta.c.value).where(meta.c.name == "secret")).scalar_one())

    def _make_secret(self, connection: Connection) -> None:
        if connection.execute(select(meta.c.value).where(meta.c.name == "secret")).first() is None:
            connection.execute(meta.insert().values(name="secret", value=secrets.token_urlsafe(32)))

    def _make_engine(self) -> Engine:
        try:
            if self.is_sqlite:
                engine = create_engine(self.url, pool_size=CONNECTIONS, connect_args={"timeout": BUSY_S})
                event.listen(engine, "connect", _prepare_sqlite)
                event.listen(engine, "begin", _begin_sqlite)
            else:
                engine = create_engine(
                    self.url,
                    pool_size=CONNECTIONS,
                    pool_pre_ping=True,
                    connect_args={"connect_timeout": BUSY_S},
                )
        except (ImportError, NoSuchModuleError) as error:
            raise MissingDependencyError(
                "PostgreSQL needs the library psycopg; install it with: pip install 'shelfwise[serve]'"
            ) from error
        return engine

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            raise DatabaseError(f"the database '{self.name}' is too busy; try again") from error
        except DBAPIError as error:
            raise DatabaseError(explain(error, self.name)) from error
        except SQLAlchemyError as error:
            raise DatabaseError(f"the database '{self.name}' refused: {_one_line(error)}") from error


def kind_of_answers(connection: Connection) -> str | None:
    """Whether its products are given a ``path`` or ``labels``; None before the first model's."""
    return connection.execute(select(meta.c.value).where(meta.c.name == "kind")).scalar()


def _check_file(path: Path, must_exist: bool) -> None:
    if str(path) in ("", ":memory:"):
        raise DatabaseError(
            "expected a file to keep decisions in, got a database in memory; give --database FILE"
        )
    if path.is_dir():
        raise DatabaseError(f"expected a database file, got the folder '{path}'; give a file name inside it")
    if must_exist and not path.is_file():
        raise DatabaseError(f"there is no database '{path}'; give the one that `shelfwise review` made")
    if not path.parent.is_dir():
        raise DatabaseError(
            f"the folder '{path.parent}' of the database is not there; make it, or give another"
        )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_S * 1000}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-16000",
        "mmap_size=268435456",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns into a writer may find that it read an old state, and fail.
    writes = connection.get_execution_options().get("shelfwise_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_KNOWN = (
    ("disk is full", "the disk is full; free some space, then try again"),
    ("No space left", "the disk is full; free some space, then try again"),
    ("database is locked", "another program holds it locked; close that, then try again"),
    ("unable to open", "it cannot be opened; check that its folder can be written"),
    ("readonly", "it cannot be written; change its rights, or give another"),
    ("not a database", "it is not an SQLite database; give another"),
    ("malformed", "it is damaged; restore it from a backup"),
    ("connection failed", "no connection; check that the server runs, and the URL"),
    ("password authentication", "the server refused the name or the password"),
    ("does not exist", "the server has no such database or user"),
)


def explain(error: DBAPIError, name: str) -> str:
    """What a driver's error means, in one line for a person."""
    said = str(error.orig)
    if (
        isinstance(error.orig, sqlite3.OperationalError)
        and getattr(error.orig, "sqlite_errorname", "") == "SQLITE_FULL"
    ):
        said = "disk is full"
    for part, meaning in _KNOWN:
        if part in said:
            return f"the database '{name}': {meaning} ({_one_line(error.orig)})"
    return f"the database '{name}' refused: {_one_line(error.orig)}"


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:200]
