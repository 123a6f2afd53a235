"""Small requests took gigabytes or stopped the service for everyone; and torn or oddly worded ones were taken for others.

One body of 60 MB with millions of empty products took 4 GB and held every other request up for 13 seconds before it was refused
for their number; a form of 160 kB in Python's encoding "punycode" took seconds, one ten times as large minutes. A form
without its end was predicted from what had come. A product with the text "products" was taken for a list of products.
"""

from __future__ import annotations

import time
import tracemalloc

import pytest
from starlette.requests import Request

from shelfwise.serving.body import read_products
from shelfwise.serving.errors import RequestRefusedError
from shelfwise.serving.products import Product
from shelfwise.serving.settings import MAX_FIELDS, MAX_PRODUCTS, ServeSettings

pytestmark = pytest.mark.anyio
FORM = "multipart/form-data; boundary=XX"
PICTURE = b'Content-Disposition: form-data; name="image"; filename="a.jpg"'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def read(body: bytes, kind: str = "application/json") -> list[Product]:
    """The products of a body that comes at once."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    return await read_products(
        Request({"type": "http", "method": "POST", "headers": headers}, receive), ServeSettings()
    )


def text_part(name: str, value: bytes) -> bytes:
    return b'--XX\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + b"\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b'{"products":[' + b"{}," * 2_000_000 + b"{}]}",
        b'{"products":[' + b'{"a":1},' * 1_000_000 + b"{}]}",
        b'{"fields":{"a":[' + b'"",' * 2_000_000 + b'""]}}',
        b'{"products":[' + b"0," * 4_000_000 + b"0]}",
        b'{"fields":{"a":"' + b'\\"' * 100 + b'","b":[' + b"null," * 2_000_000 + b"null]}}",
    ],
    ids=["empty products", "bad products", "texts", "numbers", "after escapes"],
)
async def test_many_more_values_than_products_have_are_refused_before_they_are_made(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(RequestRefusedError) as refused:
            await read(body)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert refused.value.status == 422
    assert "many more values" in str(refused.value)


async def test_a_text_without_an_end_is_looked_through_once() -> None:
    began = time.process_time()
    with pytest.raises(RequestRefusedError, match="not whole JSON"):
        await read(b'{"fields":{"title":"' + b'\\"' * 2_000_000)
    assert time.process_time() - began < 2


async def test_as_many_products_and_fields_as_there_may_be_are_taken() -> None:
    fields = ",".join(f'"f{number}": "a {{b}}, [c], \\"d\\", e"' for number in range(MAX_FIELDS))
    body = '{"products": [' + ", ".join(['{"fields": {' + fields + "}}"] * MAX_PRODUCTS) + "]}"
    assert len(await read(body.encode())) == MAX_PRODUCTS


@pytest.mark.parametrize(
    "charset",
    ["punycode", "utf-7", '"unicode_escape"', "utf-8; charset=punycode", "zzz", "*=utf-8''punycode", ""],
)
async def test_forms_are_utf_8(charset: str) -> None:
    body = text_part("title", b"a-" + b"bcde" * 40_000) + b"--XX--\r\n"
    separator = "" if charset.startswith("*") else "="
    began = time.process_time()
    with pytest.raises(RequestRefusedError, match="expected a form in UTF-8") as refused:
        await read(body, f"{FORM}; charset{separator}{charset}")
    assert refused.value.status == 415
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("charset", ["; charset=utf-8", '; charset="UTF-8"', "; Charset=utf8; x=1", ""])
async def test_and_may_say_so(charset: str) -> None:
    (product,) = await read(text_part("title", "käse".encode()) + b"--XX--\r\n", FORM + charset)
    assert product.fields == {"title": "käse"}


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        text_part("description", b"for the kit")[:-2],
        b"--XX\r\n" + PICTURE + b"\r\n\r\n\xff\xd8half a picture",
        b"--XX\r\n" + PICTURE + b"\r\n\r\n\xff\xd8a picture\r\n",
        b"--XX\r\n" + PICTURE + b"\r\n\r\n\xff\xd8a picture\r\n--XX",
    ],
    ids=["after a part", "in a text", "in a picture", "before the end", "in the last boundary"],
)
async def test_a_torn_form_is_no_product(rest: bytes) -> None:
    with pytest.raises(RequestRefusedError, match="torn") as refused:
        await read(text_part("title", b"frying pan") + rest, FORM)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "body", ['{"fields": {"title": "products"}}', '{"fields": {"products": "3", "tags": ["products"]}}']
)
async def test_one_product_that_speaks_of_products(body: str) -> None:
    (product,) = await read(body.encode())
    assert "products" in {*product.fields, product.fields.get("title")}


@pytest.mark.parametrize("value", ["NaN", "1e999", "[1, 2]", '{"a": 1}', '"' + "x" * 100_001 + '"'])
async def test_a_value_of_no_type_is_told_once_and_in_words(value: str) -> None:
    with pytest.raises(RequestRefusedError) as refused:
        await read(b'{"products": [{"fields": {"title": "a", "price": ' + value.encode() + b"}}]}")
    assert str(refused.value) == (
        "products.0.fields.price: expected a text of at most 100,000 characters, a finite number, true, false, null, or a list "
        "of at most 1,000 texts"
    )


def test_texts_in_lists_count_against_the_queue_too() -> None:
    assert Product("a", {"title": "abc", "tags": ["abcd", None, "ef"], "price": 1.5}).size == 9
