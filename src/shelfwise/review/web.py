"""What every page of the desk shares: who asks, their form, and how an answer is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import HTMLResponse, Response

from shelfwise.review.clock import to_text
from shelfwise.review.desk import Desk
from shelfwise.review.errors import RefusedError
from shelfwise.review.people import token_since
from shelfwise.review.queue import COUNTED
from shelfwise.review.sessions import Session, Sessions

HERE = Path(__file__).parent
MAX_FIELDS = 200
TOKEN_S = 5.0
"""A token that was replaced lets its old sessions in for as long as this."""


class NotSignedInError(Exception):
    """The page is for people who have signed in."""


class ForgedFormError(RefusedError):
    """A form without the session's own token: another site may have sent it."""

    status = 403


def the_desk(request: Request) -> Desk:
    """The desk that the application was made for."""
    return request.app.state.desk


def sessions_of(request: Request) -> Sessions:
    """The maker of cookies."""
    return request.app.state.sessions


def session_of(request: Request) -> Session | None:
    """Who is asking, if they have signed in with the token that lets them in today."""
    session = _named(request)
    if session is None:
        return None
    desk = the_desk(request)

    def make() -> float | None:
        with desk.database.read() as connection:
            return token_since(connection, session.person)

    return session if desk.recent.get(since_of(session.person), TOKEN_S, make) == session.since else None


def since_of(person: str) -> tuple[str, str]:
    """The name under which the desk remembers for a while since when a person's token is the one."""
    return ("since", person)


def _named(request: Request) -> Session | None:
    """Who the cookie says is asking: enough to draw a page's head, also when the database is in trouble."""
    sessions = sessions_of(request)
    return sessions.read(request.cookies.get(sessions.cookie))


async def _desk(request: Request) -> Desk:
    return the_desk(request)


def _signed_in(request: Request) -> Session:
    session = session_of(request)
    if session is None:
        raise NotSignedInError
    return session


async def _form(request: Request) -> Form:
    try:
        return Form(await request.form(max_files=0, max_fields=MAX_FIELDS))
    except StarletteHTTPException as error:
        raise RefusedError(f"The form cannot be read: {error.detail}") from error


class Form:
    """The fields of a form, as text."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def text(self, name: str) -> str:
        """One field; empty where it is not there."""
        value = self._data.get(name, "")
        return "" if isinstance(value, UploadFile) else value

    def all(self, name: str) -> list[str]:
        """All fields of a name."""
        return [value for value in self._data.getlist(name) if isinstance(value, str)]

    def number(self, name: str) -> int:
        """One field as a whole number. Raises RefusedError where it is none."""
        return whole_number(self.text(name), name)

    def numbers(self, name: str) -> list[int]:
        """All fields of a name as whole numbers. Raises RefusedError."""
        return [whole_number(value, name) for value in self.all(name) if value]


def whole_number(value: str, name: str) -> int:
    """A number of a form or an address that a database can hold. Raises RefusedError."""
    if not value.isascii() or not value.isdecimal() or len(value) > 18:
        raise RefusedError(f"Expected a whole number as '{name}', got {value[:40]!r}.")
    return int(value)


async def _own_form(request: Request, session: SignedIn) -> Form:
    form = await _form(request)
    given = request.headers.get("x-csrf-token") or form.text("csrf")
    if not session.allows(given):
        raise ForgedFormError("This form is not from a page of your session; load the page again.")
    return form


TheDesk = Annotated[Desk, Depends(_desk)]
SignedIn = Annotated[Session, Depends(_signed_in)]
AnyForm = Annotated[Form, Depends(_form)]
OwnForm = Annotated[Form, Depends(_own_form)]
"""A form of the person's own session: everything that changes something takes one."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "percent": percent,
        "moment": to_text,
        "thousands": "{:,}".format,
        "address": lambda values: urlencode(values),
    }
    return environment


def percent(share: float) -> str:
    """A share as people read it, never broken over two lines; only what is all is 100 %.

    >>> [percent(share).replace("\N{NO-BREAK SPACE}", " ") for share in (0.9996, 1.0, 0.0314)]
    ['99.9 %', '100 %', '3.1 %']
    """
    if share >= 1:
        return "100\N{NO-BREAK SPACE}%"
    figure = f"{min(share * 100, 99.9):.1f}" if share < 0.1 or share > 0.9 else f"{share * 100:.0f}"
    return figure + "\N{NO-BREAK SPACE}%"


def draw(template: str, **values: Any) -> str:
    """A template as text; everything in it is escaped."""
    return _environment().get_template(template).render(values)


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """A whole page, or with htmx the part that it asked for."""
    desk = the_desk(request)
    session = _named(request)
    text = draw(
        template,
        session=session,
        desk=desk,
        here=request.url.path,
        partial=request.headers.get("hx-request") == "true",
        static=request.app.state.static_version,
        counted=COUNTED,
        **values,
    )
    return HTMLResponse(text, status, headers=dict(headers or {}))
