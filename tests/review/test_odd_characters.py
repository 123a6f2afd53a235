"""Characters that a database or a page cannot hold, in everything that a person can send to the desk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.review.desk_maker import decision_of, make_desk, sign_in

from shelfwise.review.app import make_app


@pytest.mark.parametrize(
    "odd", ["%00", "a%00b", "%ED%A0%80", "%ff%fe", "%E2%80%AE", "'\"\\%25_", "%F0%9F%AA%94"]
)
def test_no_page_fails(tmp_path: Path, database_url: str, odd: str) -> None:
    desk = make_desk(tmp_path, 12, database=database_url)
    client = TestClient(make_app(desk), base_url="http://localhost", follow_redirects=False)
    sign_in(client)
    for address in (
        *(f"/?{name}={odd}" for name in ("text", "reason", "missing", "category", "low", "order", "page")),
        *(f"/review?{name}={odd}" for name in ("text", "reason", "missing", "said", "product")),
        f"/categories?q={odd}",
        f"/picture/small/{odd}",
        f"/sign-in?next=/{odd}",
        f"/products/{odd}",
    ):
        assert client.get(address).status_code < 500, address
    page = client.get("/review?scope=all").text
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token
    headers = {"content-type": "application/x-www-form-urlencoded"}
    csrf = f"csrf={token.group(1)}"
    for body in (
        f"{csrf}&field=brand&value={odd}&words={odd}&to=1",
        f"{csrf}&field={odd}&value=x&words=pot{odd}&to=1",
    ):
        for address in ("/rules/preview", "/rules"):
            assert client.post(address, content=body, headers=headers).status_code < 500, (address, body)
    assert client.get("/rules").status_code == 200
    assert client.get("/review?scope=all").status_code == 200
    form = decision_of(page)
    for name in ("ticket", "taxonomy", "query", "product", "to", "held"):
        body = "&".join(f"{key}={value}" for key, value in form.items() if key != name) + f"&{name}={odd}"
        assert client.post("/decide", content=body, headers=headers | {"x-desk": "1"}).status_code < 500, name
    client.cookies.clear()
    for name, token_given in ((odd, "x"), ("Ann", odd)):
        body = f"name={name}&token={token_given}&next=/{odd}"
        assert client.post("/sign-in", content=body, headers=headers).status_code < 500


def test_a_title_with_a_nul_is_queued(tmp_path: Path, database_url: str) -> None:
    desk = make_desk(tmp_path, 2, database=database_url, titles=["red\x00pot", "blue pan"])
    client = TestClient(make_app(desk), base_url="http://localhost")
    sign_in(client)
    assert "blue pan" in client.get("/?scope=all").text
    assert client.get("/review?product=1").status_code == 200
