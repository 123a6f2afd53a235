"""Rules beside the model: listed with how they do, tried before they are saved, switched off with one click."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from shelfwise.decision.rules import RuleText
from shelfwise.review.desk import Desk
from shelfwise.review.errors import RefusedError
from shelfwise.review.input_names import field_names
from shelfwise.review.intervals import Share, measured_share
from shelfwise.review.keys import storable
from shelfwise.review.rules import (
    RuleRecord,
    preview,
    read_rule,
    rule_records,
    save_rule,
    switch_rule,
)
from shelfwise.review.web import Form, OwnForm, SignedIn, TheDesk, page, whole_number

router = APIRouter(prefix="/rules")

RECORDS_S = 5.0


@router.get("")
def show(request: Request, desk: TheDesk, session: SignedIn) -> Response:
    """All rules, and the form for a new one."""

    def make() -> tuple[list[tuple[RuleRecord, Share]], list[str]]:
        with desk.database.read() as connection:
            records = rule_records(connection, desk.card.multilabel)
            return [(one, measured_share(one.right, one.judged)) for one in records], field_names(connection)

    records, fields = desk.recent.get("rules", RECORDS_S, make)
    return page(request, "rules.html.j2", records=records, fields=fields)


@router.post("/preview")
def try_out(request: Request, desk: TheDesk, session: SignedIn, form: OwnForm) -> Response:
    """What a rule would have changed."""
    try:
        rule = _rule(desk, form)
    except RefusedError as error:
        return page(request, "rule_preview.html.j2", rule=None, seen=None, problem=str(error), share=None)
    with desk.database.read() as connection:
        seen = preview(connection, rule, desk.card.multilabel)
    return page(
        request,
        "rule_preview.html.j2",
        rule=rule,
        seen=seen,
        problem="",
        share=measured_share(seen.right, seen.judged),
    )


@router.post("")
def save(desk: TheDesk, session: SignedIn, form: OwnForm) -> Response:
    """Keep a rule and apply it."""
    rule = _rule(desk, form)
    with desk.database.write() as connection:
        save_rule(connection, rule, session.person)
    desk.recent.forget("rules")
    return RedirectResponse("/rules", 303)


@router.post("/{number}/switch")
def switch(desk: TheDesk, session: SignedIn, form: OwnForm, number: str) -> Response:
    """Switch a rule off, or on again."""
    with desk.database.write() as connection:
        switch_rule(connection, whole_number(number, "rule"), form.text("active") == "1", session.person)
    desk.recent.forget("rules")
    return RedirectResponse("/rules", 303)


def _rule(desk: Desk, form: Form) -> RuleText:
    chosen = form.text("to")
    place = form.number("to") if chosen else None
    target = desk.categories.all[place] if place is not None and place < len(desk.categories) else None
    field, value, words = (storable(form.text(name))[:500] for name in ("field", "value", "words"))
    return read_rule(field[:200], value, words, target, desk.categories)
