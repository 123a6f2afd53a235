"""One product after the other: shown, decided, undone, and the next one ready before it is asked for."""

from __future__ import annotations

from typing import cast
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import JSONResponse, RedirectResponse, Response

from shelfwise.review.deciding import Receipt, Undone, Wanted, Wish, decide, undo
from shelfwise.review.desk import Desk
from shelfwise.review.errors import RefusedError
from shelfwise.review.filters import QueueFilter
from shelfwise.review.keys import Answer
from shelfwise.review.product_view import ProductView, view_product
from shelfwise.review.queue import Lease, lease_next, lease_one, release, renew
from shelfwise.review.web import Form, OwnForm, SignedIn, TheDesk, draw, page, whole_number

router = APIRouter()

_SAID = {
    "accept": "Accepted",
    "correct": "Moved",
    "parent": "Stopped",
    "settle": "Settled",
    "cannot_tell": "Noted as “cannot tell”",
    "skip": "Skipped",
}


@router.get("/review")
def show(request: Request, desk: TheDesk, session: SignedIn) -> Response:
    """The next product of a filter, or the one that is named; the one after it is prepared."""
    chosen = QueueFilter.of(request.query_params)
    named = request.query_params.get("product")
    now, person = desk.clock(), session.person
    pk = whole_number(named, "product") if named is not None else None
    with desk.database.write() as connection:
        release(connection, person)
        lease = (
            _following(connection, desk, chosen, person, [])
            if pk is None
            else lease_one(connection, pk, person, now)
        )
        following = _following(connection, desk, chosen, person, [lease.lead]) if lease else None
    # Drawn from a connection of its own: while one writes, others wait.
    with desk.database.read() as connection:
        view = _view(connection, desk, lease if lease is not None else pk, chosen)
        upcoming = _view(connection, desk, following, chosen)
    return page(
        request,
        "review.html.j2",
        chosen=chosen,
        product=view,
        upcoming=upcoming,
        left=desk.count(chosen, person),
        progress=desk.progress(),
        said=request.query_params.get("said", "")[:200],
    )


@router.post("/decide")
def decide_one(request: Request, desk: TheDesk, session: SignedIn, form: OwnForm) -> Response:
    """Store a decision; the answer has the product after the next one, for the page to keep ready."""
    chosen = QueueFilter.of(dict(parse_qsl(form.text("query")[:2_000])))
    wish = _wish(desk, form, chosen)
    person, now = session.person, desk.clock()
    held = [whole_number(one, "held") for one in form.all("held")][:8]
    scripted = request.headers.get("x-desk") == "1"
    with desk.database.write() as connection:
        receipt = decide(connection, wish, desk.categories, desk.card.multilabel, person, desk.votes, now)
        # They were leased when the page before them was shown, and are looked at only now.
        renew(connection, person, held, now)
        # In the same transaction: each one waits for the disk.
        following = _following(connection, desk, chosen, person, held) if scripted else None
    # From here on the decision is stored, whatever becomes of the answer.
    if not scripted:
        return RedirectResponse(_back(chosen, _told(receipt)), 303)
    with desk.database.read() as connection:
        view = _view(connection, desk, following, chosen)
    return JSONResponse(
        {
            "said": _told(receipt),
            "upcoming": _drawn(desk, session.csrf, view),
            "stored": receipt.stored,
        }
    )


@router.post("/undo")
def undo_last(request: Request, desk: TheDesk, session: SignedIn, form: OwnForm) -> Response:
    """Take back the person's last decision, and show its product again."""
    chosen = QueueFilter.of(dict(parse_qsl(form.text("query")[:2_000])))
    with desk.database.write() as connection:
        undone = undo(connection, session.person, desk.votes, desk.clock())
    said = "There is nothing to undo." if undone is None else _taken_back(undone)
    return RedirectResponse(_back(chosen, said, undone.product if undone else None), 303)


@router.get("/products/{pk}")
def look(request: Request, desk: TheDesk, session: SignedIn, pk: str) -> Response:
    """One product, to be decided on if it is free."""
    return RedirectResponse(f"/review?product={whole_number(pk, 'product')}", 303)


def _wish(desk: Desk, form: Form, chosen: QueueFilter) -> Wish:
    wanted = form.text("wanted") or "choose"
    if wanted not in ("choose", "cannot_tell", "skip"):
        raise RefusedError("Expected a choice, “cannot tell” or a skip.")
    places = form.numbers("to") if wanted == "choose" else []
    if any(place >= len(desk.categories) for place in places):
        raise RefusedError("Choose a category that is in the taxonomy.")
    chosen_ones = [desk.categories.all[place] for place in places]
    after: Answer = ()
    if desk.card.multilabel:
        after = tuple(name for (name,) in chosen_ones)
    elif len(chosen_ones) == 1:
        after = chosen_ones[0]
    elif wanted == "choose":
        raise RefusedError("Choose one category.")
    return Wish(
        product=form.number("product"),
        members=tuple(form.numbers("member")),
        wanted=cast(Wanted, wanted),
        after=after,
        taxonomy=form.text("taxonomy"),
        arrival=form.number("arrival"),
        queue=chosen.order,
        ticket=form.text("ticket"),
    )


def _following(
    connection: Connection, desk: Desk, chosen: QueueFilter, person: str, held: list[int]
) -> Lease | None:
    return lease_next(
        connection, chosen, desk.categories, desk.card.multilabel, person, desk.clock(), besides=held
    )


def _view(
    connection: Connection, desk: Desk, lease: Lease | int | None, chosen: QueueFilter
) -> ProductView | None:
    return view_product(connection, desk, lease, chosen.order, chosen.query) if lease is not None else None


def _back(chosen: QueueFilter, said: str, product: int | None = None) -> str:
    more = urlencode({"said": said} | ({"product": product} if product is not None else {}))
    return f"/review?{chosen.query}&{more}".replace("?&", "?")


def _told(receipt: Receipt) -> str:
    said = _SAID[receipt.action]
    if receipt.action in ("correct", "parent", "settle") and receipt.after:
        said += f" {'at' if receipt.action == 'parent' else 'to'} {receipt.after[-1]}"
    if receipt.stored > 1:
        said += f", {receipt.stored} products"
    if receipt.left_out:
        said += f"; {receipt.left_out} left out, others have them by now"
    return said + "."


def _taken_back(undone: Undone) -> str:
    return f"Taken back: {undone.count} decisions." if undone.count > 1 else "Taken back."


def _drawn(desk: Desk, csrf: str, view: ProductView | None) -> str | None:
    if view is None:
        return None
    return draw("product.html.j2", product=view, csrf=csrf, desk=desk)
