"""URLs as catalogs have them: one spelling each, or refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.catalog.fetching.addresses import AddressRefusedError
from shelfwise.catalog.fetching.web_address import host_of, web_address


@pytest.mark.parametrize(
    ("given", "one_spelling"),
    [
        ("https://cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("  HTTPS://CDN.Example/A.jpg ", "https://cdn.example/A.jpg"),
        ("//cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("http://cdn.example", "http://cdn.example/"),
        ("http://cdn.example:80/a", "http://cdn.example/a"),
        ("https://cdn.example:443/a", "https://cdn.example/a"),
        ("http://cdn.example:443/a", "http://cdn.example:443/a"),
        ("https://cdn.example/red shoe.jpg", "https://cdn.example/red%20shoe.jpg"),
        ("https://cdn.example/schön.jpg", "https://cdn.example/sch%C3%B6n.jpg"),
        ("https://cdn.example/100%25.jpg?w=5&h=6#top", "https://cdn.example/100%25.jpg?w=5&h=6"),
        ("https://[2606:2800::1]/a", "https://[2606:2800::1]/a"),
        ("https://cdn.example/a|b", "https://cdn.example/a|b"),
    ],
)
def test_spelling(given: str, one_spelling: str) -> None:
    assert web_address(given) == one_spelling
    assert web_address(one_spelling) == one_spelling


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("ftp://cdn.example/a.jpg", "only http and https"),
        ("s3://bucket/a.jpg", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("data:image/png;base64,AAAA", "only http and https"),
        ("gopher://127.0.0.1:70/_x", "only http and https"),
        ("cdn.example/a.jpg", "only http and https"),
        ("", "only http and https"),
        ("https://user:secret@cdn.example/a.jpg", "user name or a password"),
        ("https://user@cdn.example/a.jpg", "user name or a password"),
        ("https://cdn.example@10.0.0.1/a.jpg", "user name or a password"),
        ("https:///a.jpg", "without a valid host"),
        ("https://cdn.example:8080/a.jpg", "port 8080"),
        ("https://cdn.example:22/a.jpg", "port 22"),
        ("https://cdn.example:0/a.jpg", "port 0"),
        ("https://cdn.example:99999/a.jpg", "not a valid web address"),
        ("https://cdn.example:abc/a.jpg", "not a valid web address"),
        ("https://[::1/a.jpg", "not a valid web address"),
        ("https://cdn.example\\@10.0.0.1/a.jpg", "user name or a password"),
        ("https://cdn.example\\.evil/a.jpg", "without a valid host"),
        ("https://cdn example/a.jpg", "without a valid host"),
        ("https://cdn.example/a\r\nHost: evil", "control characters"),
        ("https://cdn.example/a\0.jpg", "control characters"),
        ("https://cdn.example/" + "a" * 5000, "5,020 characters"),
    ],
)
def test_refusals(given: str, why: str) -> None:
    with pytest.raises(AddressRefusedError, match=why) as caught:
        web_address(given)
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_ports_can_be_allowed() -> None:
    assert web_address("http://shop:8080/a", frozenset({80, 8080})) == "http://shop:8080/a"


@given(st.text(max_size=60).map("http://cdn.example/".__add__) | st.text(max_size=60))
def test_any_text_is_one_spelling_or_refused(text: str) -> None:
    try:
        address = web_address(text)
    except AddressRefusedError:
        return
    assert web_address(address) == address
    assert address.isascii() or not host_of(address).isascii()
    assert address.startswith(("http://", "https://"))
