"""What is known of an image on the web: the words that the parts of this room tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Validators:
    """What a server said of the version it sent, to ask later whether there is a newer one."""

    etag: str = ""
    last_modified: str = ""

    def headers(self) -> dict[str, str]:
        """The headers of a conditional request; empty where nothing is known."""
        return {
            name: value
            for name, value in (("If-None-Match", self.etag), ("If-Modified-Since", self.last_modified))
            if value
        }


class Found(StrEnum):
    """How the last try for a URL ended."""

    OK = "ok"
    FAILED = "failed"
    REFUSED = "refused"
    """Failed because of our own rules, which may be others the next time."""


@dataclass(frozen=True)
class Record:
    """A URL and what became of it.

    ``file`` ("" unless OK) is the image's name in the store, by its content's SHA-256; ``bytes``, ``width`` and
    ``height`` are of the stored image. ``run``: the run in which it was last tried; ``tried_at``: when, in seconds
    since 1970.
    """

    url: str
    state: Found
    reason: str = ""
    file: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    validators: Validators = Validators()
    run: int = 0
    tried_at: float = 0.0


@dataclass(frozen=True)
class NotTried:
    """No request was made for an image, and why."""

    reason: str


Result = Record | NotTried


@dataclass(frozen=True)
class Wanted:
    """A URL to be fetched. ``earlier``: what is in the store, of which a newer version is asked for."""

    url: str
    earlier: Record | None = None


def is_ok(result: Result | None) -> bool:
    """Whether there is an image."""
    return isinstance(result, Record) and result.state is Found.OK
