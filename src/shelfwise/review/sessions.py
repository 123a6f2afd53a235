"""Sign-in cookies: who is asking, signed with the database's secret, and the token that guards their forms."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer

COOKIE = "shelfwise_desk"
LASTS_S = 12 * 3600
"""A working day."""


@dataclass(frozen=True)
class Session:
    """A person who has signed in. ``csrf`` must come with everything that changes something."""

    person: str
    csrf: str

    def allows(self, given: str) -> bool:
        """Whether a form comes from one of this session's own pages."""
        return hmac.compare_digest(self.csrf.encode(), given.encode("utf-8", "replace"))


class Sessions:
    """Makes and reads cookies' values."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="shelfwise review desk")

    def begin(self, person: str) -> tuple[Session, str]:
        """A new session, and the cookie's value."""
        session = Session(person, secrets.token_urlsafe(18))
        return session, str(self._signer.dumps([session.person, session.csrf]))

    def read(self, value: str | None) -> Session | None:
        """The session of a cookie; None for none, an old one, or one that was not signed here."""
        if not value or len(value) > 4_096:
            return None
        try:
            match self._signer.loads(value, max_age=LASTS_S):
                case [str(person), str(csrf)]:
                    return Session(person, csrf)
        except BadSignature:
            pass
        return None
