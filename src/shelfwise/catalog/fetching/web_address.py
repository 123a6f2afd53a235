"""A URL as a catalog has it becomes one that may be asked for, in one spelling, or is refused with a reason."""

from __future__ import annotations

import re
from collections.abc import Container
from urllib.parse import quote, urlsplit

from shelfwise.catalog.fetching.addresses import WEB_PORTS, AddressRefusedError

MAX_CHARACTERS = 4096
_DEFAULT_PORT = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_AUTHORITY = re.compile(r"[\w.\-]+(:\d*)?|\[[0-9a-fA-F:.]+\](:\d*)?")
_KEPT = "%/:@!$&'()*+,;=~-._?[]|"
"""What stays as it is in a path or query; anything else (spaces, letters with accents) is percent-encoded."""


def web_address(given: str, ports: Container[int] = WEB_PORTS) -> str:
    """The URL in the one spelling by which its image is known; ``//host/…`` is taken for https.

    Scheme and host in lower case, default port and fragment gone, path and query percent-encoded where they
    must be. Raises AddressRefusedError for what is not asked for: other schemes, credentials, ports that are
    not allowed, control characters, more than 4,096 characters, no host.
    """
    text = given.strip()
    if len(text) > MAX_CHARACTERS:
        raise AddressRefusedError(
            f"refused: an address of {len(text):,} characters, at most {MAX_CHARACTERS:,}"
        )
    if _CONTROL.search(text):
        raise AddressRefusedError("refused: an address with control characters in it")
    if text.startswith("//"):
        text = "https:" + text
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise AddressRefusedError(f"refused: not a valid web address ({error})") from error
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORT:
        raise AddressRefusedError(
            f"refused: only http and https are asked for images, got '{scheme[:20] or 'no scheme'}'"
        )
    if "@" in parts.netloc:
        raise AddressRefusedError("refused: an address with a user name or a password in it")
    if not parts.hostname or not _AUTHORITY.fullmatch(parts.netloc):
        raise AddressRefusedError("refused: an address without a valid host")
    if (port or _DEFAULT_PORT[scheme]) not in ports or port == 0:
        raise AddressRefusedError(f"refused: port {port} is not among those allowed")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = host if port in (None, _DEFAULT_PORT[scheme]) else f"{host}:{port}"
    path = quote(parts.path or "/", safe=_KEPT)
    query = f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
    return f"{scheme}://{authority}{path}{query}"


def host_of(url: str) -> str:
    """The host of a URL that ``web_address`` gave."""
    return urlsplit(url).hostname or ""
