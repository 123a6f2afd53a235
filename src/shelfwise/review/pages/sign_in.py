"""Signing in and out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from shelfwise.review import people
from shelfwise.review.errors import RefusedError, TooManyAttemptsError
from shelfwise.review.queue import release
from shelfwise.review.sessions import LASTS_S
from shelfwise.review.web import AnyForm, OwnForm, SignedIn, TheDesk, page, session_of, sessions_of, since_of

router = APIRouter()


def own_address(given: str) -> str:
    """Where to go after signing in: a page of this desk, never another site."""
    safe = given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable()
    return given if safe and len(given) < 1_000 else "/"


@router.get("/sign-in")
def show(request: Request, next: str = "/") -> Response:
    """The form."""
    if session_of(request) is not None:
        return RedirectResponse(own_address(next), 303)
    return page(request, "sign_in.html.j2", next=own_address(next), name="", problem="")


@router.post("/sign-in")
def sign_in(request: Request, desk: TheDesk, form: AnyForm) -> Response:
    """Check name and token. Every failure is counted, whatever was wrong."""
    given, token = form.text("name"), form.text("token").strip()[: people.MAX_TOKEN + 1]
    back = own_address(form.text("next"))
    now = desk.clock()
    try:
        attempt = people.Attempt(
            people.clean_name(given), token, request.client.host if request.client else ""
        )
        with desk.database.write() as connection:
            # Counted before the token is looked at: tries sent side by side must not all pass the limit.
            people.limit(connection, attempt, now)
            people.remember_failure(connection, attempt, now)
            kept, since = (
                people.kept_token(connection, attempt.name),
                people.token_since(connection, attempt.name),
            )
        if since is None or not people.is_token(token, kept):
            raise RefusedError("That is not the token for this name.")
        with desk.database.write() as connection:
            people.forget_failure(connection, attempt, now)
    except RefusedError as error:
        headers = {"retry-after": str(error.wait_s)} if isinstance(error, TooManyAttemptsError) else {}
        status = error.status if isinstance(error, TooManyAttemptsError) else 403
        return page(
            request,
            "sign_in.html.j2",
            status=status,
            headers=headers,
            next=back,
            name=given[: people.MAX_NAME],
            problem=str(error),
        )
    desk.recent.forget(since_of(attempt.name))
    sessions = sessions_of(request)
    _, cookie = sessions.begin(attempt.name, since)
    answer = RedirectResponse(back, 303)
    answer.set_cookie(
        sessions.cookie,
        cookie,
        max_age=LASTS_S,
        httponly=True,
        samesite="lax",
        secure=desk.secure_cookies or request.url.scheme == "https",
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request, desk: TheDesk, session: SignedIn, form: OwnForm) -> Response:
    """Forget the cookie, and give back what the person has."""
    with desk.database.write() as connection:
        release(connection, session.person)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(sessions_of(request).cookie)
    return answer
