"""At the desk an undo took a product out of another's hands, a page brought back was told a lie, and what waited ran out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.review.desk_maker import PATHS, Turned, decision_of, field, make_desk, sign_in
from tests.review.test_queue import judge, lease, product, rows, take_back, wish

from shelfwise.review.app import make_app
from shelfwise.review.desk import Desk
from shelfwise.review.errors import ConflictError
from shelfwise.review.queue import LEASE_S


def test_an_undo_leaves_a_product_with_who_has_it_now(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 3)
    skipped = lease(desk, "Ann")
    assert skipped is not None
    judge(desk, "Ann", wish(desk, skipped, wanted="skip", after=()))
    bobs = lease(desk, "Bob")
    assert bobs is not None
    assert bobs.lead == skipped.lead
    take_back(desk, "Ann")
    assert product(desk, bobs.lead).lease_by == "Bob"
    assert judge(desk, "Bob", wish(desk, bobs, ticket="bobsticket")).stored == 1


def test_an_undone_vote_leaves_a_product_with_who_has_it_now(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 3, votes=2)
    first = lease(desk, "Ann")
    assert first is not None
    judge(desk, "Ann", wish(desk, first))
    bobs = lease(desk, "Bob")
    assert bobs is not None
    assert bobs.lead == first.lead
    take_back(desk, "Ann")
    judge(desk, "Bob", wish(desk, bobs, ticket="bobsticket"))
    assert product(desk, first.lead).votes == 1


@pytest.mark.parametrize("changes", [{"after": PATHS[4]}, {"wanted": "skip", "after": ()}])
def test_another_wish_with_an_old_ticket_is_not_said_to_be_stored(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    desk = make_desk(tmp_path, 3)
    held = lease(desk, "Ann")
    assert held is not None
    given = wish(desk, held)
    judge(desk, "Ann", given)
    assert judge(desk, "Ann", given).repeated
    with pytest.raises(ConflictError, match="was stored before"):
        judge(desk, "Ann", wish(desk, held, **changes))
    take_back(desk, "Ann")
    with pytest.raises(ConflictError, match="taken this decision back"):
        judge(desk, "Ann", given)
    assert len(rows(desk)) == 2


def test_the_time_of_a_product_begins_when_it_is_shown(tmp_path: Path) -> None:
    clock = Turned()
    desk = make_desk(tmp_path, 4, at=clock)
    client = TestClient(make_app(desk), base_url="http://localhost")
    sign_in(client)
    page = client.get("/review?scope=all").text
    first = decision_of(page)
    prepared = field(page.split('id="upcoming"')[1], "product")
    clock.at += LEASE_S - 60  # Ann looks at the first one for nine minutes
    answer = client.post("/decide", data=first | {"held": prepared}, headers={"x-desk": "1"})
    assert answer.status_code == 200
    clock.at += 120  # and at the second one for two
    others = [held.lead for held in (lease(desk, "Bob") for _ in range(4)) if held]
    assert others
    assert int(prepared) not in others


def test_a_label_set_without_labels_says_what_to_do(tmp_path: Path) -> None:
    from tests.review.desk_maker import label_card, labelled

    from shelfwise.review.errors import RefusedError

    desk = make_desk(tmp_path, card=label_card(), predictions=[labelled(0)])
    held = lease(desk, "Ann")
    assert held is not None
    with pytest.raises(RefusedError, match="Tick at least one label"):
        judge(desk, "Ann", wish(desk, held, after=()))


def test_someone_elses_product_has_no_button_that_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shelfwise.review.neighbours import Neighbours

    desk: Desk = make_desk(tmp_path, 3, titles=["red pot", "blue pan", "green lamp"])
    desk.neighbours = Neighbours(["red pot"], ["red pot"], ["n1"], [PATHS[0]])
    client = TestClient(make_app(desk), base_url="http://localhost")
    sign_in(client)
    shown: Callable[[str], str] = lambda address: client.get(address).text  # noqa: E731
    assert "<button" in shown("/nearest/1?held=1")
    assert "<button" not in shown("/nearest/1")
    assert "nearest/1?held=1" in shown("/review?product=1")
