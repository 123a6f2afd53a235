"""Databases and a browser for the desk's tests: real ones, or a skip that says what is missing."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

SERVER_USERS = ("postgres", "nobody")
"""Who runs the server where the tests run as root, which PostgreSQL refuses."""


def free_port() -> int:
    """A port that nothing listens on."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as one:
        return int(one.getsockname()[1])


def _server_user() -> str | None:
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in SERVER_USERS if name in known), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of the tests' own, on a free port in a temporary folder; its URL without a database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not programs:
        pytest.skip("needs Debian's package postgresql (tests/setup/install_system_packages.sh)")
    programs_at, user = programs[-1].parent, _server_user()
    if os.getuid() == 0 and user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no other user to run it")
    folder = Path(tempfile.mkdtemp(prefix="shelfwise-postgres-"))
    try:
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        given = {"user": user, "cwd": folder, "check": True, "capture_output": True, "timeout": 60}
        settings = ["--username=desk", "--auth=trust", "--encoding=UTF8", "--no-sync", "--locale=C.UTF-8"]
        subprocess.run([programs_at / "initdb", "-D", data, *settings], **given)
        port = free_port()
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=120"
        control = [programs_at / "pg_ctl", "-D", data, "-w"]
        # The server goes on in the background: it must not hold pg_ctl's output open.
        quiet = {"user": user, "cwd": folder, "check": True, "timeout": 60}
        subprocess.run(
            [*control, "-o", options, "-l", folder / "log", "start"], stdout=subprocess.DEVNULL, **quiet
        )
        try:
            yield f"postgresql://desk@127.0.0.1:{port}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """A fresh PostgreSQL database."""
    name = f"desk_{uuid.uuid4().hex}"
    engine = create_engine(
        f"{postgres_server}/postgres".replace("postgresql:", "postgresql+psycopg:"),
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{postgres_server}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "review.db")
    return str(request.getfixturevalue("postgres_url"))
