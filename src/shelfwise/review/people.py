"""Who may sign in: by name, with the desk's shared token or a token of their own.

Tokens are made here (192 random bits), shown once, and kept as salted scrypt hashes (Percival & Josefsson, RFC 7914).
Failed sign-ins are counted in the database, so that the limit holds across desks and restarts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from shelfwise.review.errors import RefusedError, TooManyAttemptsError
from shelfwise.review.schema import attempts, people

EVERYONE = ""
"""The name that the shared token is kept under."""
MAX_NAME = 60
MAX_TOKEN = 200
LEAST_TOKEN = 12
WINDOW_S = 300
"""Failed sign-ins count for this long."""
MOST_A_NAME = 5
"""Failed sign-ins with one name from one address within the window."""
MOST_AN_ADDRESS = 20
_SCRYPT = {"n": 1 << 14, "r": 8, "p": 1, "maxmem": 64 << 20}


def make_token() -> str:
    """A new token, to be shown once."""
    return secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    """A token as it is kept."""
    salt = os.urandom(16)
    digest = hashlib.scrypt(token.encode(), salt=salt, **_SCRYPT)
    return "$".join(("scrypt", base64.b64encode(salt).decode(), base64.b64encode(digest).decode()))


def is_token(token: str, kept: str) -> bool:
    """Whether ``token`` is what ``kept`` is the hash of; takes the same time whatever is wrong with it."""
    try:
        _, salt, digest = kept.split("$")
        wanted = base64.b64decode(digest, validate=True)
        made = hashlib.scrypt(
            token.encode("utf-8", "replace"),
            salt=base64.b64decode(salt, validate=True),
            **_SCRYPT,
        )
    except ValueError:
        return False
    return hmac.compare_digest(made, wanted)


@cache
def _nobody() -> str:
    """A hash that no token has: an unknown name takes as long to refuse as a known one."""
    return hash_token(make_token())


def clean_name(name: str) -> str:
    """A person's name as it is kept with decisions. Raises RefusedError for none, or one that cannot be printed.

    >>> clean_name("  Ann   Example ")
    'Ann Example'
    """
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    if not plain:
        raise RefusedError("Give your name: it is kept with your decisions.")
    if len(plain) > MAX_NAME or not plain.isprintable():
        raise RefusedError(f"Expected a name of at most {MAX_NAME} printable characters.")
    return plain


def set_token(connection: Connection, name: str, token: str, now: float) -> None:
    """Give a person (or `EVERYONE`) a token, in place of an earlier one. Raises RefusedError for a short one."""
    if not LEAST_TOKEN <= len(token) <= MAX_TOKEN:
        raise RefusedError(
            f"Expected a token of {LEAST_TOKEN} to {MAX_TOKEN} characters, got {len(token)}; a short one can be guessed."
        )
    connection.execute(delete(people).where(people.c.name == name))
    connection.execute(people.insert().values(name=name, token=hash_token(token), made_at=now))


def has_token(connection: Connection, name: str) -> bool:
    """Whether a person (or `EVERYONE`) has a token."""
    return connection.execute(select(people.c.name).where(people.c.name == name)).first() is not None


@dataclass(frozen=True)
class Attempt:
    """One try to sign in."""

    name: str
    token: str
    address: str


def kept_token(connection: Connection, name: str) -> str:
    """The hash to compare with: the person's own, else the shared one, else one that nothing matches."""
    row = _row_of(connection, name)
    return str(row.token) if row is not None else _nobody()


def token_since(connection: Connection, name: str) -> float | None:
    """When the token that lets this person in was made; None where none does."""
    row = _row_of(connection, name)
    return float(row.made_at) if row is not None else None


def _row_of(connection: Connection, name: str) -> Row[Any] | None:
    """The person's own token, else the shared one."""
    rows = connection.execute(select(people).where(people.c.name.in_([name, EVERYONE])))
    kept = {row.name: row for row in rows}
    return kept.get(name) or kept.get(EVERYONE)


def limit(connection: Connection, attempt: Attempt, now: float) -> None:
    """Raise TooManyAttemptsError where too many have failed lately; the token is then not even looked at."""
    recent = attempts.c.at > now - WINDOW_S
    oldest, from_here = connection.execute(
        select(func.min(attempts.c.at), func.count()).where(recent, attempts.c.address == attempt.address)
    ).one()
    with_name = connection.execute(
        select(func.count()).where(
            recent, attempts.c.address == attempt.address, attempts.c.name == attempt.name
        )
    ).scalar_one()
    if from_here >= MOST_AN_ADDRESS or with_name >= MOST_A_NAME:
        wait = max(1, int(oldest + WINDOW_S - now) + 1)
        raise TooManyAttemptsError(f"Too many failed sign-ins; try again in {-(-wait // 60)} minutes.", wait)


def remember_failure(connection: Connection, attempt: Attempt, now: float) -> None:
    """Count a failed sign-in, and forget those that no longer count."""
    connection.execute(delete(attempts).where(attempts.c.at <= now - WINDOW_S))
    connection.execute(attempts.insert().values(name=attempt.name, address=attempt.address, at=now))


def forget_failure(connection: Connection, attempt: Attempt, now: float) -> None:
    """Take back one count: the attempt turned out right."""
    mine = (
        select(attempts.c.id)
        .where(attempts.c.name == attempt.name, attempts.c.address == attempt.address, attempts.c.at == now)
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(delete(attempts).where(attempts.c.id == mine))
