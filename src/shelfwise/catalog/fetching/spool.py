"""Bodies that have come but are not yet images of the store: a kill now costs no second download.

Making a picture of a body, writing it and recording it takes much longer than keeping the body as it is. So
that is done first, and what a killed process left is taken up by the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shelfwise.catalog.fetching.limits import LARGEST_BODY_BYTES
from shelfwise.catalog.fetching.records import Validators

_SUFFIX = ".body"
_MAX_HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class Spooled:
    """A body that came for a URL, and the file that keeps it."""

    file: Path
    url: str
    body: bytes
    validators: Validators


class Spool:
    """A folder of such files, each a line of JSON and then the body. One process at a time uses it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, url: str, body: bytes, validators: Validators) -> Spooled:
        """Write a body down. It is there whole once this returns, or not at all; raises OSError.

        It does not wait for the disk: that survives a kill, and what a power failure tears is noticed.
        """
        head = {
            "url": url,
            "etag": validators.etag,
            "last_modified": validators.last_modified,
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        part = self._folder / secrets.token_hex(8)
        file = part.with_suffix(_SUFFIX)
        part.write_bytes(json.dumps(head).encode() + b"\n" + body)
        os.replace(part, file)
        return Spooled(file, url, body, validators)

    def left(self) -> Iterator[Spooled]:
        """What a killed process left; files that are not whole are removed. Raises OSError."""
        for file in sorted(self._folder.iterdir()):
            found = _read(file) if file.suffix == _SUFFIX else None
            if found is None:
                file.unlink(missing_ok=True)
            else:
                yield found

    def drop(self, one: Spooled) -> None:
        """The body is no longer needed. Raises OSError."""
        one.file.unlink(missing_ok=True)


def _read(file: Path) -> Spooled | None:
    """A whole file of ours, or None."""
    if file.stat().st_size > LARGEST_BODY_BYTES + _MAX_HEAD_BYTES:
        return None
    line, _, body = file.read_bytes().partition(b"\n")
    try:
        head = json.loads(line)
        texts = [head[name] for name in ("url", "etag", "last_modified", "sha256")]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not all(isinstance(text, str) for text in texts) or hashlib.sha256(body).hexdigest() != texts[3]:
        return None
    return Spooled(file, texts[0], body, Validators(texts[1], texts[2]))
