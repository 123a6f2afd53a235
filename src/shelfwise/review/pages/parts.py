"""What pages fetch besides themselves: pictures, categories while a person types, similar labelled products."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import PlainTextResponse, Response

from shelfwise.review.errors import NotThereError
from shelfwise.review.keys import Answer
from shelfwise.review.pictures import SIDES
from shelfwise.review.schema import details, products
from shelfwise.review.web import SignedIn, TheDesk, page, whole_number

router = APIRouter()

MAX_QUERY = 120
_KEEP_S = 300


@router.get("/picture/{size}/{pk}")
def picture(request: Request, desk: TheDesk, session: SignedIn, size: str, pk: str) -> Response:
    """A product's picture, or a drawing of why there is none (with status 404)."""
    if size not in SIDES:
        raise NotThereError("There is no such size of pictures.")
    with desk.database.read() as connection:
        row = connection.execute(
            select(products.c.id, products.c.occurrence).where(products.c.pk == whole_number(pk, "product"))
        ).first()
    if row is None:
        raise NotThereError("There is no such product.")
    shown = desk.pictures.show((row.id, row.occurrence), size)
    headers = {"cache-control": f"private, max-age={_KEEP_S}", "etag": f'"{shown.tag}"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(shown.data, 200 if shown.found else 404, media_type=shown.media_type, headers=headers)


@router.get("/categories")
def categories(
    request: Request, desk: TheDesk, session: SignedIn, q: str = "", purpose: str = ""
) -> Response:
    """Categories that match what was typed, best first."""
    found = [(place, desk.categories.all[place]) for place in desk.categories.search(q[:MAX_QUERY])]
    return page(request, "found.html.j2", found=found, asked=q[:MAX_QUERY], purpose=purpose)


@router.get("/nearest/{pk}")
def nearest(request: Request, desk: TheDesk, session: SignedIn, pk: str, held: str = "") -> Response:
    """The labelled products most like one; ``held``: with buttons that decide, for whoever has the product."""
    with desk.database.read() as connection:
        told = connection.execute(
            select(details.c.fields).where(details.c.product == whole_number(pk, "product"))
        ).scalar()
    if told is None:
        raise NotThereError("There is no such product.")
    fields = json.loads(told)
    found = desk.neighbours.nearest(fields, desk.shop.text_columns) if desk.neighbours else []
    number = desk.categories.number

    def place(answer: Answer) -> int | None:
        return number.get(answer) if held and not desk.card.multilabel else None

    return page(request, "nearest.html.j2", found=[(one, place(one.category)) for one in found])


@router.get("/healthz")
def health(desk: TheDesk) -> Response:
    """Whether the desk can reach its database."""
    with desk.database.read() as connection:
        connection.execute(select(1))
    return PlainTextResponse("ok\n")
