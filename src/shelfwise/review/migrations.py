"""The database's history: one step a schema version, each taking a database of the version before to its own.

A fresh database goes through all of them. Steps are never edited once released; a change is a new step.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from shelfwise.review.errors import DatabaseError, NewerDatabaseError

_MIGRATION_LOCK = 7_305_221_844
"""Two desks that start on one PostgreSQL database take turns by this advisory lock."""


@dataclass(frozen=True)
class Step:
    """What one schema version adds. Statements for every database, then those of one kind.

    ``{key}`` stands for a numbered primary key, ``{code_points}`` for text compared by code point.
    """

    what: str
    statements: tuple[str, ...]
    sqlite: tuple[str, ...] = ()
    postgresql: tuple[str, ...] = ()


_QUEUE = Step(
    "products in a queue, and decisions on them",
    (
        "CREATE TABLE models (id {key}, fingerprint TEXT NOT NULL UNIQUE, taxonomy TEXT NOT NULL, "
        "facts TEXT NOT NULL, added_at DOUBLE PRECISION NOT NULL)",
        "CREATE TABLE arrivals (id {key}, model BIGINT NOT NULL REFERENCES models(id), file TEXT NOT NULL, "
        "digest TEXT NOT NULL, facts TEXT NOT NULL, added_at DOUBLE PRECISION NOT NULL, UNIQUE (model, digest))",
        "CREATE TABLE products (pk {key}, id TEXT NOT NULL, occurrence INTEGER NOT NULL, "
        "arrival BIGINT NOT NULL REFERENCES arrivals(id), model BIGINT NOT NULL REFERENCES models(id), "
        "title TEXT NOT NULL, answer {code_points} NOT NULL, confidence DOUBLE PRECISION NOT NULL, "
        "route TEXT NOT NULL, to_review INTEGER NOT NULL, reason TEXT NOT NULL, lacking TEXT NOT NULL, "
        "worth DOUBLE PRECISION NOT NULL, sample DOUBLE PRECISION NOT NULL, alike BIGINT NOT NULL, "
        "status TEXT NOT NULL, votes INTEGER NOT NULL DEFAULT 0, lease_by TEXT NOT NULL DEFAULT '', "
        "lease_until DOUBLE PRECISION NOT NULL DEFAULT 0, lease_lead BIGINT NOT NULL DEFAULT 0, "
        "UNIQUE (id, occurrence))",
        "CREATE INDEX products_uncertain ON products (status, to_review, confidence, pk)",
        "CREATE INDEX products_all_uncertain ON products (status, confidence, pk)",
        "CREATE INDEX products_worth ON products (status, to_review, worth, pk)",
        "CREATE INDEX products_all_worth ON products (status, worth, pk)",
        "CREATE INDEX products_sample ON products (status, sample, pk)",
        "CREATE INDEX products_answer ON products (status, answer)",
        "CREATE INDEX products_alike ON products (alike)",
        "CREATE INDEX products_lease ON products (lease_by, lease_until)",
        "CREATE TABLE details (product BIGINT PRIMARY KEY REFERENCES products(pk), parts TEXT NOT NULL, "
        "alternatives TEXT NOT NULL, inputs TEXT NOT NULL, fields TEXT NOT NULL)",
        "CREATE TABLE decisions (id {key}, product BIGINT NOT NULL REFERENCES products(pk), "
        "person TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, action TEXT NOT NULL, before TEXT NOT NULL, "
        "after TEXT NOT NULL, confidence DOUBLE PRECISION NOT NULL, "
        "model BIGINT NOT NULL REFERENCES models(id), taxonomy TEXT NOT NULL, queue TEXT NOT NULL, "
        "ticket TEXT NOT NULL, undoes BIGINT UNIQUE REFERENCES decisions(id))",
        "CREATE INDEX decisions_product ON decisions (product, person)",
        "CREATE INDEX decisions_person ON decisions (person, id)",
        "CREATE INDEX decisions_person_action ON decisions (person, action, product)",
        "CREATE INDEX decisions_ticket ON decisions (ticket)",
        "CREATE INDEX decisions_at ON decisions (at)",
    ),
    sqlite=(
        "CREATE VIRTUAL TABLE product_words "
        "USING fts5(words, tokenize='unicode61 remove_diacritics 0', prefix='2 3')",
        "CREATE TRIGGER decisions_stay BEFORE UPDATE ON decisions "
        "BEGIN SELECT RAISE(ABORT, 'decisions are never changed'); END",
        "CREATE TRIGGER decisions_last BEFORE DELETE ON decisions "
        "BEGIN SELECT RAISE(ABORT, 'decisions are never deleted'); END",
    ),
    postgresql=(
        "CREATE TABLE product_words (rowid BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
        "CREATE INDEX product_words_index ON product_words USING gin (words) WITH (fastupdate = off)",
        "CREATE FUNCTION decisions_stay() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'decisions are never changed or deleted'; END $$",
        "CREATE TRIGGER decisions_stay BEFORE UPDATE OR DELETE ON decisions "
        "FOR EACH ROW EXECUTE FUNCTION decisions_stay()",
    ),
)

_RULES = Step(
    "rules beside the model",
    (
        "CREATE TABLE rules (id {key}, field TEXT NOT NULL, value TEXT NOT NULL, words TEXT NOT NULL, "
        "target TEXT NOT NULL, made_by TEXT NOT NULL, made_at DOUBLE PRECISION NOT NULL, "
        "active INTEGER NOT NULL, changed_by TEXT NOT NULL, changed_at DOUBLE PRECISION NOT NULL)",
        "ALTER TABLE products ADD COLUMN rule BIGINT",
        "ALTER TABLE decisions ADD COLUMN rule BIGINT",
        "CREATE INDEX products_rule ON products (rule)",
        "CREATE INDEX decisions_rule ON decisions (rule)",
    ),
)

_PEOPLE = Step(
    "people, and a limit to failed sign-ins",
    (
        "CREATE TABLE people (name TEXT PRIMARY KEY, token TEXT NOT NULL, made_at DOUBLE PRECISION NOT NULL)",
        "CREATE TABLE attempts (id {key}, name TEXT NOT NULL, address TEXT NOT NULL, "
        "at DOUBLE PRECISION NOT NULL)",
        "CREATE INDEX attempts_at ON attempts (at)",
    ),
)

_WHY = Step(
    "why the model answers as it does",
    ("ALTER TABLE details ADD COLUMN explanation TEXT NOT NULL DEFAULT ''",),
)

STEPS = (_QUEUE, _RULES, _PEOPLE, _WHY)
VERSION = len(STEPS)
"""The schema version that this program reads and writes."""

_WORDS = {
    "sqlite": {"key": "INTEGER PRIMARY KEY", "code_points": "TEXT"},
    "postgresql": {
        "key": "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        "code_points": 'TEXT COLLATE "C"',
    },
}


def found_version(connection: Connection) -> int:
    """The schema version of a database; 0 where it is empty.

    Raises DatabaseError where it holds someone else's tables, or a version that is no number.
    """
    names = set(inspect(connection).get_table_names())
    if "meta" not in names:
        if names:
            raise DatabaseError(
                f"expected an empty database or a review desk's, but it holds other tables ({', '.join(sorted(names)):.120}); "
                "give another --database"
            )
        return 0
    value = connection.execute(text("SELECT value FROM meta WHERE name = 'schema_version'")).scalar()
    if value is None or not str(value).isdecimal():
        raise DatabaseError(
            f"expected a review desk's database with its schema version, got {value!r}; give another --database, "
            "or restore it from a backup"
        )
    return int(value)


def migrate(connection: Connection, *, version: int = VERSION) -> tuple[int, int]:
    """Bring a database forward to ``version`` within the connection's transaction: all of it or nothing.

    Returns the version it had and the version it has. Raises NewerDatabaseError where it is newer than
    ``version``; such a database is left as it is.
    """
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
    before = found_version(connection)
    if before > version:
        raise NewerDatabaseError(
            f"the database has schema version {before}, but this version of shelfwise reads up to {version}; "
            "install a newer shelfwise, or give another --database"
        )
    if before == 0:
        connection.execute(text("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)"))
        connection.execute(text("INSERT INTO meta (name, value) VALUES ('schema_version', '0')"))
    for step in STEPS[before:version]:
        for statement in (*step.statements, *getattr(step, dialect)):
            connection.exec_driver_sql(statement.format(**_WORDS[dialect]))
    connection.execute(
        text("UPDATE meta SET value = :version WHERE name = 'schema_version'"), {"version": str(version)}
    )
    return before, version
