"""The desk over HTTP: what people do there, and what strangers must not."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient
from tests.review.desk_maker import (
    TOKEN,
    Turned,
    decision_of,
    field,
    label_card,
    labelled,
    make_desk,
    path_card,
    predicted,
    sign_in,
)

from shelfwise.review.app import LOOPBACK_NAMES, make_app
from shelfwise.review.desk import Desk
from shelfwise.review.errors import DatabaseError
from shelfwise.review.export import export_decisions
from shelfwise.review.guards import MAX_BODY
from shelfwise.review.people import MOST_A_NAME, WINDOW_S
from shelfwise.review.schema import decisions, people

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>{{ 7*7 }}"


def client_of(desk: Desk) -> TestClient:
    return TestClient(make_app(desk, LOOPBACK_NAMES), base_url="http://127.0.0.1:8077")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path, 12)


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    with client_of(desk) as one:
        assert sign_in(one).status_code == 200
        yield one


def stored(desk: Desk) -> int:
    with desk.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(decisions)).scalar_one())


class TestTheWholeWay:
    @pytest.fixture
    def desk(self, tmp_path: Path, database_url: str) -> Desk:
        return make_desk(tmp_path, 12, database=database_url)

    def test_review_correct_undo_and_export(self, desk: Desk, client: TestClient, tmp_path: Path) -> None:
        accepted = decision_of(client.get("/review").text)
        assert "said=Accepted." in str(client.post("/decide", data=accepted).url)
        found = client.get("/categories", params={"q": "cars"}).text
        cars = re.search(r'value="(\d+)"', found)
        assert cars
        moved = decision_of(client.get("/review").text, to=cars.group(1))
        assert "said=Moved+to+Cars." in str(client.post("/decide", data=moved).url)
        third = decision_of(client.get("/review").text)
        client.post("/decide", data=third)
        back = client.post("/undo", data={"csrf": third["csrf"], "query": ""})
        assert field(back.text, "product") == third["product"]

        done = export_decisions(desk.database, tmp_path / "decisions.parquet")
        table = pq.read_table(done.output).to_pylist()
        assert [row["action"] for row in table] == ["accept", "correct"]
        assert table[1]["path"] == ["Toys", "Cars"]
        assert all(row["final"] and row["person"] == "Ann" for row in table)
        everything = export_decisions(desk.database, tmp_path / "all.csv", everything=True)
        assert everything.decisions == 4

    def test_the_script_gets_the_next_product(self, desk: Desk, client: TestClient) -> None:
        page = client.get("/review").text
        shown, upcoming = page.split('<template id="upcoming">')
        form = decision_of(shown, held=field(upcoming, "product"))
        answer = client.post("/decide", data=form, headers={"x-desk": "1"}).json()
        assert answer["said"] == "Accepted."
        third = field(answer["upcoming"], "product")
        assert len({form["product"], field(upcoming, "product"), third}) == 3

    def test_every_page_opens(self, client: TestClient) -> None:
        for address in ("/", "/?order=sample", "/?order=valuable", "/?order=disputed", "/?page=3", "/rules"):
            assert client.get(address).status_code == 200
        assert client.get("/numbers").status_code == 200
        assert client.get("/healthz").text == "ok\n"

    def test_nothing_left(self, desk: Desk, client: TestClient) -> None:
        for _ in range(12):
            page = client.get("/review?scope=all").text
            if 'name="product"' not in page:
                break
            client.post("/decide", data=decision_of(page, query="scope=all"))
        assert 'name="product"' not in client.get("/review?scope=all").text
        desk.clock.at += 60  # type: ignore[attr-defined]  # counts may be some seconds old
        assert "Well done" in client.get("/").text


class TestLabels:
    def test_ticks_are_a_set(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, card=label_card(), predictions=[labelled(0), labelled(1)])
        client = client_of(desk)
        sign_in(client)
        page = client.get("/review").text
        assert len(re.findall(r"checked data-key", page.split("<template")[0])) == 2
        form = decision_of(page, to=["0", "1"], wanted="choose")
        assert client.post("/decide", data=form).status_code == 200
        refused = client.post("/decide", data=decision_of(client.get("/review").text, wanted="choose", to=[]))
        assert refused.status_code == 400


class TestSignIn:
    def test_nothing_is_shown_without_it(self, desk: Desk) -> None:
        client = client_of(desk)
        for address in (
            "/",
            "/review",
            "/rules",
            "/numbers",
            "/picture/small/1",
            "/categories?q=pot",
            "/nearest/1",
        ):
            answer = client.get(address, follow_redirects=False)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in?next=")
        for address in ("/decide", "/undo", "/rules", "/rules/preview", "/rules/1/switch", "/sign-out"):
            assert client.post(address, data={"csrf": ""}).status_code == 401

    def test_the_cookie_is_out_of_reach(self, desk: Desk) -> None:
        client = client_of(desk)
        answer = client.post(
            "/sign-in", data={"name": "Ann", "token": TOKEN, "next": "/"}, follow_redirects=False
        )
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie
        desk.secure_cookies = True
        answer = client_of(desk).post(
            "/sign-in", data={"name": "Ann", "token": TOKEN, "next": "/"}, follow_redirects=False
        )
        assert "secure" in answer.headers["set-cookie"].lower()

    def test_a_changed_cookie_is_worth_nothing(self, client: TestClient) -> None:
        name, value = next(iter(client.cookies.items()))
        client.cookies.clear()
        client.cookies.set(name, value[:-4] + "AAAA")
        assert client.get("/", follow_redirects=False).status_code == 303

    def test_wrong_tokens_are_limited_and_forgotten_in_time(self, tmp_path: Path) -> None:
        time = Turned()
        desk = make_desk(tmp_path, 1, at=time)
        client = client_of(desk)
        for _ in range(MOST_A_NAME):
            assert sign_in(client, token="wrong token").status_code == 403
        blocked = sign_in(client)
        assert blocked.status_code == 429
        assert 0 < int(blocked.headers["retry-after"]) <= WINDOW_S + 1
        assert sign_in(client_of(desk), name="Ben").status_code == 200
        time.at += WINDOW_S + 1
        assert sign_in(client).status_code == 200

    def test_signing_in_well_uses_nothing_up(self, desk: Desk) -> None:
        for _ in range(MOST_A_NAME + 2):
            assert sign_in(client_of(desk)).status_code == 200

    def test_a_person_with_a_token_of_their_own_needs_that_one(self, desk: Desk) -> None:
        from shelfwise.review.run import let_in

        news = let_in(desk.database, ["Ben"], renew=False)
        assert set(news.made) == {"Ben"}
        assert sign_in(client_of(desk), name="Ben").status_code == 403
        assert sign_in(client_of(desk), name="Ben", token=news.made["Ben"]).status_code == 200
        with desk.database.read() as connection:
            kept = connection.execute(select(people.c.token)).scalars().all()
        assert not any(TOKEN in one or news.made["Ben"] in one for one in kept)

    @pytest.mark.parametrize(
        "address", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"]
    )
    def test_nobody_is_sent_elsewhere(self, desk: Desk, address: str) -> None:
        answer = client_of(desk).post(
            "/sign-in", data={"name": "Ann", "token": TOKEN, "next": address}, follow_redirects=False
        )
        assert answer.headers["location"] == "/"

    @pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b", "\u202e"])
    def test_names_that_are_none(self, desk: Desk, name: str) -> None:
        assert sign_in(client_of(desk), name=name).status_code == 403

    def test_signing_out(self, client: TestClient) -> None:
        client.post("/sign-out", data={"csrf": field(client.get("/").text, "csrf")})
        assert client.get("/", follow_redirects=False).status_code == 303


class TestForgedAndMalformed:
    def test_forms_without_the_sessions_token(self, desk: Desk, client: TestClient) -> None:
        form = decision_of(client.get("/review").text)
        for csrf in ("", "x" * 24):
            assert client.post("/decide", data=form | {"csrf": csrf}).status_code == 403
        assert stored(desk) == 0

    def test_a_session_cannot_use_anothers_token(self, desk: Desk, client: TestClient) -> None:
        other = client_of(desk)
        sign_in(other, "Ben")
        theirs = decision_of(other.get("/review").text)["csrf"]
        form = decision_of(client.get("/review").text)
        assert client.post("/decide", data=form | {"csrf": theirs}).status_code == 403

    @pytest.mark.parametrize(
        "changes",
        [
            {"product": "x"},
            {"product": "-1"},
            {"product": "9" * 30},
            {"product": "99999"},
            {"to": "99999"},
            {"to": "٣"},
            {"to": ["1", "2"]},
            {"member": "abc"},
            {"member": "1"},
            {"wanted": "everything"},
            {"ticket": ""},
            {"taxonomy": ""},
            {"arrival": ""},
            {"held": "x"},
        ],
    )
    def test_malformed_decisions(self, desk: Desk, client: TestClient, changes: dict[str, object]) -> None:
        form = decision_of(client.get("/review").text, **changes)
        if changes == {"member": "1"}:
            form["member"] = form["product"]
        assert 400 <= client.post("/decide", data=form).status_code < 500
        assert stored(desk) == 0

    def test_requests_that_are_too_large(self, desk: Desk, client: TestClient) -> None:
        csrf = field(client.get("/").text, "csrf")
        assert client.post("/decide", data={"csrf": csrf, "x": "y" * MAX_BODY}).status_code == 413

        def endless() -> Iterator[bytes]:
            yield b"csrf=" + csrf.encode()
            for _ in range(200):
                yield b"&x=" + b"y" * 1_000

        answer = client.post(
            "/decide", content=endless(), headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code in (400, 413)
        assert client.get("/?text=" + "x" * 5_000).status_code == 414
        many = {"csrf": csrf} | {f"f{number}": "" for number in range(300)}
        assert 400 <= client.post("/decide", data=many).status_code < 500

    def test_another_host_name_is_refused(self, client: TestClient) -> None:
        assert client.get("/", headers={"host": "evil.example"}).status_code == 400

    @pytest.mark.parametrize(
        ("address", "status"),
        [
            ("/nope", 404),
            ("/review?product=99999", 404),
            ("/review?product=x", 400),
            ("/?page=-1", 400),
            ("/picture/huge/1", 404),
            ("/picture/small/x", 400),
            ("/static/../desk.py", 404),
            ("/rules/x/switch", 405),
        ],
    )
    def test_addresses_that_lead_nowhere(self, client: TestClient, address: str, status: int) -> None:
        assert client.get(address).status_code == status


class TestSafety:
    def test_hostile_text_is_shown_as_text(self, tmp_path: Path) -> None:
        made = [replace(predicted(0), id=HOSTILE, reason=HOSTILE, inputs={HOSTILE: f"failed: {HOSTILE}"})]
        card = path_card(
            paths=((HOSTILE, "Pots"), *[one for one in path_card().categories.all if len(one) > 1])
        )
        made[0] = replace(made[0], answer=(HOSTILE, "Pots"), part_confidence=(0.5, 0.1))
        desk = make_desk(tmp_path, predictions=made, card=card)
        client = client_of(desk)
        sign_in(client, "<b>Ann")
        for address in (
            "/",
            "/review",
            "/numbers",
            "/categories?q=alert",
            f"/?text={HOSTILE}",
            f"/?reason={HOSTILE}",
        ):
            page = client.get(address).text
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            assert "<b>Ann" not in page
            assert "7*7" in html.unescape(page) or address == "/numbers"
        assert "<img src=x" not in client.get(f"/review?said={HOSTILE}").text

    def test_pages_take_nothing_from_elsewhere(self, client: TestClient) -> None:
        answer = client.get("/review")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        for page in (
            answer.text,
            client.get("/").text,
            client.get("/numbers").text,
            client.get("/rules").text,
        ):
            assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)
            assert not re.search(r"<script(?! src=)|\son\w+=|\sstyle=", page)

    def test_everything_a_page_needs_is_in_the_package(self, client: TestClient) -> None:
        for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', client.get("/").text):
            assert client.get(html.unescape(address)).status_code == 200

    def test_a_database_in_trouble_is_no_crash(
        self, desk: Desk, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        form = decision_of(client.get("/review").text)

        def broken() -> None:
            raise DatabaseError("the disk is full")

        monkeypatch.setattr(desk.database, "write", broken)
        answer = client.post("/decide", data=form, headers={"x-desk": "1"})
        assert (answer.status_code, answer.json()) == (503, {"error": "Not stored: the disk is full"})


class TestTogether:
    def test_two_people_never_see_the_same_product(self, desk: Desk) -> None:
        seen: set[str] = set()
        for name in ("Ann", "Ben", "Cat"):
            one = client_of(desk)
            sign_in(one, name)
            shown = re.findall(r'name="product" value="(\d+)"', one.get("/review?scope=all").text)
            assert len(shown) == 2
            assert not seen & set(shown)
            seen |= set(shown)

    def test_someone_elses_product_is_only_looked_at(self, desk: Desk, client: TestClient) -> None:
        form = decision_of(client.get("/review").text)
        other = client_of(desk)
        sign_in(other, "Ben")
        page = other.get(f"/review?product={form['product']}").text
        assert "Somebody else has this product now" in page
        theirs = decision_of(page, to="0")
        assert other.post("/decide", data=theirs).status_code == 409
        assert client.post("/decide", data=form).status_code == 200

    def test_two_desks_on_one_database(self, tmp_path: Path, database_url: str) -> None:
        one = make_desk(tmp_path, 8, database=database_url)
        (tmp_path / "second").mkdir()
        second = make_desk(tmp_path / "second", 8, database=database_url)
        ann, ben = client_of(one), client_of(second)
        sign_in(ann, "Ann")
        sign_in(ben, "Ben")
        mine, theirs = decision_of(ann.get("/review").text), decision_of(ben.get("/review").text)
        assert mine["product"] != theirs["product"]
        assert (
            ann.post("/decide", data=mine).status_code == ben.post("/decide", data=theirs).status_code == 200
        )
        assert stored(one) == stored(second) == 2
        ben.cookies = ann.cookies
        assert "Ann" in ben.get("/").text  # both sign with the database's secret

    def test_a_newer_prediction_and_a_newer_taxonomy_are_noticed(
        self, desk: Desk, client: TestClient
    ) -> None:
        form = decision_of(client.get("/review").text)
        assert client.post("/decide", data=form | {"arrival": "77"}).status_code == 409
        assert client.post("/decide", data=form | {"taxonomy": "f" * 16}).status_code == 409
        desk.card = path_card("newer", (("Garden", "Tools"),))
        page = client.get("/review").text
        assert "is no longer in it" in page
        assert 'data-key="a"' not in page


class TestPictures:
    def test_missing_and_broken_ones_are_shown_as_such(self, tmp_path: Path) -> None:
        from PIL import Image

        from shelfwise.review.product_fields import ProductFields

        Image.new("RGB", (900, 300), "red").save(tmp_path / "p00000.jpg")
        (tmp_path / "p00001.jpg").write_bytes(b"<html>not found</html>")
        desk = make_desk(tmp_path, 3)
        desk.shop = ProductFields(None, images_dir=tmp_path)
        desk.pictures = type(desk.pictures)(desk.shop)
        client = client_of(desk)
        sign_in(client)
        good = client.get("/picture/small/1")
        assert (good.status_code, good.headers["content-type"]) == (200, "image/jpeg")
        again = client.get("/picture/small/1", headers={"if-none-match": good.headers["etag"]})
        assert again.status_code == 304
        broken, missing = client.get("/picture/medium/2"), client.get("/picture/large/3")
        assert (broken.status_code, missing.status_code) == (404, 404)
        assert "Picture broken" in broken.text
        assert "not an image" in broken.text
        assert "Picture missing" in missing.text
