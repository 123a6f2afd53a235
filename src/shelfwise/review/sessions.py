"""Sign-in cookies: who is asking, signed with the database's secret, and the token that guards their forms."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer

LASTS_S = 12 * 3600
"""A working day."""


@dataclass(frozen=True)
class Session:
    """A person who has signed in. ``csrf`` must come with everything that changes something.

    ``since``: when the token that they signed in with was made. Another one in its place ends the session.
    """

    person: str
    csrf: str
    since: float

    def allows(self, given: str) -> bool:
        """Whether a form comes from one of this session's own pages."""
        return hmac.compare_digest(self.csrf.encode(), given.encode("utf-8", "replace"))


class Sessions:
    """Makes and reads cookies' values."""

    def __init__(self, secret: str) -> None:
        # Browsers send cookies to every port of a machine: two desks on it must not take each other's away.
        self.cookie = f"shelfwise_desk_{hashlib.sha256(secret.encode()).hexdigest()[:8]}"
        self._signer = URLSafeTimedSerializer(secret, salt="shelfwise review desk")

    def begin(self, person: str, since: float) -> tuple[Session, str]:
        """A new session, and the cookie's value."""
        session = Session(person, secrets.token_urlsafe(18), since)
        return session, str(self._signer.dumps([session.person, session.csrf, session.since]))

    def read(self, value: str | None) -> Session | None:
        """The session of a cookie; None for none, an old one, or one that was not signed here."""
        if not value or len(value) > 4_096:
            return None
        try:
            match self._signer.loads(value, max_age=LASTS_S):
                case [str(person), str(csrf), int(since) | float(since)]:
                    return Session(person, csrf, since)
        except BadSignature:
            pass
        return None
