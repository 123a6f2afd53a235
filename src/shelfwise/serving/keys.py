"""API keys: made here, shown once, kept as hashes, and compared without telling by the time how much of one was right.

A key is 256 random bits, so one SHA-256 is enough to keep: slow hashes are for secrets that people choose. The file has one
line a key, ``NAME ROLE HASH``; taking a line out takes the key back at the next reload.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shelfwise.errors import ShelfwiseError
from shelfwise.whole_files import write_whole

Role = Literal["user", "admin"]
PREFIX = "sw_"
MAX_KEY_CHARACTERS = 200
_LINE = re.compile(r"([\w.@-]{1,64}) (user|admin) ([0-9a-f]{64})")
_HEADER = (
    "# API keys of `shelfwise serve`: name, role, SHA-256 of the key. Remove a line to take its key back.\n"
)


@dataclass(frozen=True)
class Key:
    """One key that is let in, without the key itself."""

    name: str
    role: Role
    digest: str


@dataclass(frozen=True)
class Keys:
    """Everyone who is let in. Empty: everyone is, as a user."""

    keys: tuple[Key, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys)

    def find(self, given: str) -> Key | None:
        """The key that ``given`` is. Every entry is compared, so the time does not tell which one was near."""
        digest = _digest(given[:MAX_KEY_CHARACTERS])
        found = None
        for key in self.keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def read_keys(path: Path) -> Keys:
    """The keys of a file. Raises ShelfwiseError for one that cannot be read, holds no key, or other lines."""
    keys = tuple(_entries(path))
    if not keys:
        raise ShelfwiseError(f"'{path}' holds no key; make one with `shelfwise api-key NAME --keys {path}`")
    return Keys(keys)


def add_key(path: Path, name: str, role: Role) -> str:
    """A new key under a new name, whose hash is added to the file; the key itself is returned and kept nowhere.

    Raises ShelfwiseError for a name that is taken or has other characters than letters, digits and ``._@-``.
    """
    made = PREFIX + secrets.token_urlsafe(32)
    line = f"{name} {role} {_digest(made)}"
    if not _LINE.fullmatch(line):
        raise ShelfwiseError(
            f"expected a name of up to 64 letters, digits and the signs . _ @ -, got '{name:.80}'"
        )
    there = list(_entries(path)) if path.exists() else []
    if any(key.name == name for key in there):
        raise ShelfwiseError(
            f"'{path}' has a key named '{name}'; take its line out first, or choose another name"
        )
    text = path.read_text(encoding="utf-8") if path.exists() else _HEADER
    write_whole(path, f"{text.rstrip()}\n{line}\n")
    path.chmod(0o600)
    return made


def _entries(path: Path) -> Iterable[Key]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not a text"
        raise ShelfwiseError(f"the keys '{path}' cannot be read: {said}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise ShelfwiseError(
                f"'{path}', line {number}: expected a name, a role (user or admin) and a SHA-256 hash; add keys with "
                f"`shelfwise api-key NAME --keys {path}`"
            )
        yield Key(found.group(1), "admin" if found.group(2) == "admin" else "user", found.group(3))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
