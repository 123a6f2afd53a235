"""Opening, migrating and using the database, and what is said when that cannot be."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from shelfwise.review import migrations, schema
from shelfwise.review.database import Database, database_url
from shelfwise.review.errors import DatabaseError, NewerDatabaseError
from shelfwise.review.migrations import VERSION, found_version, migrate


def opened_at(url: str, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a database as an earlier version of the program would have."""
    with monkeypatch.context() as earlier:
        earlier.setattr(
            "shelfwise.review.database.migrate", lambda connection: migrate(connection, version=version)
        )
        Database(url).close()


@pytest.mark.parametrize("version", range(1, VERSION))
def test_older_databases_come_forward_with_what_they_hold(
    database_url: str, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_at(database_url, version, monkeypatch)
    old = Database.__new__(Database)
    with monkeypatch.context() as earlier:
        earlier.setattr(
            "shelfwise.review.database.migrate", lambda connection: migrate(connection, version=version)
        )
        old.__init__(database_url)  # type: ignore[misc]
    with old.write() as connection:
        for statement in (
            "INSERT INTO models VALUES (1, 'm', 't', '{}', 0)",
            "INSERT INTO arrivals VALUES (1, 1, 'f', 'd', '{}', 0)",
            "INSERT INTO products (pk, id, occurrence, arrival, model, title, answer, confidence, route, to_review, "
            "reason, lacking, worth, sample, alike, status) "
            "VALUES (1, 'x', 0, 1, 1, 'Pot', 'a', 0.5, 'review', 1, '', '', 0, 0.5, 1, 'open')",
            "INSERT INTO decisions (product, person, at, action, before, after, confidence, model, taxonomy, queue, "
            "ticket) VALUES (1, 'Ann', 5, 'accept', 'a', 'a', 0.5, 1, 't', 'uncertain', 'abc')",
        ):
            connection.execute(text(statement))
    old.close()

    new = Database(database_url)
    assert new.migrated == (version, VERSION)
    with new.read() as connection:
        row = connection.execute(select(schema.decisions)).one()
        assert (row.person, row.after, row.rule, row.undoes) == ("Ann", "a", None, None)
        assert connection.execute(select(schema.rules)).all() == []
        assert connection.execute(select(schema.products.c.rule)).scalar_one() is None
    new.close()


def test_every_declared_column_exists(database_url: str) -> None:
    store = Database(database_url)
    with store.read() as connection:
        assert found_version(connection) == VERSION
        for table in schema.metadata.tables.values():
            connection.execute(select(table)).all()
    store.close()


def test_opening_again_changes_nothing(database_url: str) -> None:
    first = Database(database_url)
    secret = first.secret
    first.close()
    again = Database(database_url)
    assert again.migrated == (VERSION, VERSION)
    assert again.secret == secret
    again.close()


def test_a_newer_database_is_refused_and_left_alone(database_url: str) -> None:
    store = Database(database_url)
    with store.write() as connection:
        connection.execute(text("UPDATE meta SET value = '99' WHERE name = 'schema_version'"))
    store.close()
    with pytest.raises(NewerDatabaseError, match=r"schema version 99.*reads up to.*newer shelfwise"):
        Database(database_url)


def test_a_migration_that_fails_leaves_the_old_version(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_at(database_url, 1, monkeypatch)
    broken = (*migrations.STEPS[:2], migrations.Step("broken", ("CREATE TABLE half (x TEXT)", "NONSENSE")))
    monkeypatch.setattr(migrations, "STEPS", broken)
    with pytest.raises(DatabaseError):
        Database(database_url)
    monkeypatch.undo()
    again = Database(database_url)
    assert again.migrated == (1, VERSION)
    again.close()


def test_decisions_cannot_be_changed_or_deleted(database_url: str) -> None:
    store = Database(database_url)
    with store.write() as connection:
        connection.execute(
            insert(schema.models).values(id=1, fingerprint="m", taxonomy="t", facts="", added_at=0)
        )
        connection.execute(
            text(
                "INSERT INTO arrivals (id, model, file, digest, facts, added_at) VALUES (1, 1, '', '', '', 0)"
            )
        )
        connection.execute(
            insert(schema.products)
            .values(
                pk=1,
                id="x",
                occurrence=0,
                arrival=1,
                model=1,
                title="",
                answer="",
                confidence=0,
                route="review",
            )
            .values(to_review=1, reason="", lacking="", worth=0, sample=0, alike=1, status="open", votes=0)
            .values(lease_by="", lease_until=0, lease_lead=0)
        )
        connection.execute(
            insert(schema.decisions)
            .values(product=1, person="Ann", at=1, action="skip", before="", after="", confidence=0, model=1)
            .values(taxonomy="t", queue="", ticket="x")
        )
    for statement in ("UPDATE decisions SET after = 'other'", "DELETE FROM decisions"):
        with pytest.raises(DatabaseError, match=r"never changed|never deleted"), store.write() as connection:
            connection.execute(text(statement))
    with store.read() as connection:
        assert connection.execute(select(schema.decisions.c.after)).scalar_one() == ""
    store.close()


class TestWhatCannotBeOpened:
    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DatabaseError, match="got the folder"):
            Database(str(tmp_path))

    def test_in_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DatabaseError, match="is not there"):
            Database(str(tmp_path / "none" / "review.db"))

    def test_nothing_where_something_must_be(self, tmp_path: Path) -> None:
        with pytest.raises(DatabaseError, match="there is no database"):
            Database(str(tmp_path / "review.db"), must_exist=True)
        assert list(tmp_path.iterdir()) == []

    def test_in_memory(self) -> None:
        with pytest.raises(DatabaseError, match="in memory"):
            Database(":memory:")

    def test_a_text_file(self, tmp_path: Path) -> None:
        (tmp_path / "notes.db").write_text("these are notes\n" * 200)
        with pytest.raises(DatabaseError, match="not an SQLite database"):
            Database(str(tmp_path / "notes.db"))
        assert (tmp_path / "notes.db").read_text().startswith("these are notes")

    def test_somebody_elses_database(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "other.db") as other:
            other.execute("CREATE TABLE invoices (id INTEGER)")
        with pytest.raises(DatabaseError, match="other tables \\(invoices\\)"):
            Database(str(tmp_path / "other.db"))

    def test_another_kind_of_server(self) -> None:
        with pytest.raises(DatabaseError, match="kind 'mysql'"):
            Database("mysql://ann@localhost/x")

    def test_a_server_that_is_not_there_and_no_password_is_shown(self) -> None:
        with pytest.raises(DatabaseError, match="no connection") as refused:
            Database("postgresql://ann:geheim@127.0.0.1:1/desk")
        assert "geheim" not in str(refused.value)

    def test_urls(self) -> None:
        assert database_url("postgres://a@b/c").drivername == "postgresql+psycopg"
        assert database_url("sqlite:///x.db").database == "x.db"
        with pytest.raises(DatabaseError):
            database_url("://")


class TestTrouble:
    def test_locked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shelfwise.review.database.BUSY_S", 0)
        store = Database(str(tmp_path / "review.db"))
        other = sqlite3.connect(tmp_path / "review.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseError, match="holds it locked"), store.write():
            pass
        other.execute("ROLLBACK")
        with store.write() as connection:
            connection.execute(insert(schema.meta).values(name="works", value="again"))
        other.close()
        store.close()

    def test_full(self, tmp_path: Path) -> None:
        store = Database(str(tmp_path / "review.db"))

        def fill() -> None:
            with store.write() as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
                connection.execute(insert(schema.meta).values(name="large", value="x" * 1_000_000))

        with pytest.raises(DatabaseError, match="disk is full"):
            fill()
        with store.read() as connection:
            assert (
                connection.execute(select(schema.meta).where(schema.meta.c.name == "large")).first() is None
            )
        store.close()
