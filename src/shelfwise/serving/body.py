"""A request's body as products: read within limits, as JSON or as a form with files, or refused with what is wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from shelfwise.catalog.column import RawImage
from shelfwise.serving.errors import RequestRefusedError
from shelfwise.serving.messages import OnePredictIn, PredictIn, ProductIn
from shelfwise.serving.products import Product, checked_image, image_of_base64
from shelfwise.serving.settings import (
    MAX_FIELD_CHARACTERS,
    MAX_FIELDS,
    MAX_JSON_PARTS,
    MAX_LISTED,
    MAX_PRODUCTS,
    ServeSettings,
)

_JSON = "application/json"
_FORM = "multipart/form-data"
_SMALL_BYTES = 64 << 10
"""Up to here a body is parsed where it arrives; a larger one in a thread, so that others need not wait."""
_UTF_8 = re.compile(r'charset="?(utf-?8|us-ascii)"?\s*(;|$)', re.IGNORECASE)
_JSON_PARTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,]', re.DOTALL)
"""Texts, also one without its end, so that none is looked through twice; and what begins or parts values outside of texts."""
_VALUES = (
    f"expected a text of at most {MAX_FIELD_CHARACTERS:,} characters, a finite number, true, false, null, or a list of at most "
    f"{MAX_LISTED:,} texts"
)


async def read_products(request: Request, settings: ServeSettings) -> list[Product]:
    """The products of a request. Raises RequestRefusedError (400, 408, 413, 415, 422)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (_JSON, _FORM):
        raise RequestRefusedError(415, f"expected a body of type {_JSON} or {_FORM}, got '{kind[:80]}'")
    body = await _read(request, settings)
    if kind == _FORM:
        return await _products_of_form(request, body, settings)
    if len(body) <= _SMALL_BYTES:
        return _products_of_json(body, settings)
    return await asyncio.to_thread(_products_of_json, body, settings)


async def _read(request: Request, settings: ServeSettings) -> bytes:
    """The whole body, or 413 as soon as it is too large, or 408 where it does not come."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal():
        raise RequestRefusedError(400, "expected the content's length as a number")
    if int(length[:20]) > settings.max_body_bytes:
        raise _too_large(settings)
    parts: list[bytes] = []
    read = 0
    try:
        async with asyncio.timeout(settings.body_s):
            async for part in request.stream():
                read += len(part)
                if read > settings.max_body_bytes:
                    raise _too_large(settings)
                parts.append(part)
    except TimeoutError as error:
        raise RequestRefusedError(408, f"the body did not come within {settings.body_s:g} s") from error
    except ClientDisconnect as error:
        raise RequestRefusedError(400, "the connection ended before the body did") from error
    return b"".join(parts)


def _too_large(settings: ServeSettings) -> RequestRefusedError:
    limit = settings.max_body_bytes
    shown = f"{limit >> 20} MB" if limit >= 1 << 20 else f"{limit:,} bytes"
    return RequestRefusedError(413, f"the body is too large: at most {shown}")


def _products_of_json(body: bytes, settings: ServeSettings) -> list[Product]:
    given = _parsed(body)
    return [
        Product(
            one.id or str(number),
            one.fields,
            _images(one, settings.max_pixels),
        )
        for number, one in enumerate(given, start=1)
    ]


def _parsed(body: bytes) -> list[ProductIn]:
    _refuse_too_many_parts(body)
    try:
        if b'"products"' in body:
            try:
                return PredictIn.model_validate_json(body).products
            except ValidationError as error:
                if not _lacks_the_list(error):
                    raise
                # Some field is called so, or its value: one product by itself.
        return [OnePredictIn.model_validate_json(body)]
    except ValidationError as error:
        raise _malformed(error) from error


def _refuse_too_many_parts(body: bytes) -> None:
    """Raise RequestRefusedError where the body has many more values than 256 products can: before anything is refused for their
    number, all would be in memory, a hundred times the body's size."""
    if len(body) <= MAX_JSON_PARTS:
        return
    for number, _ in enumerate(_JSON_PARTS.finditer(body)):
        if number >= MAX_JSON_PARTS:
            raise RequestRefusedError(
                422,
                f"expected 1 to {MAX_PRODUCTS} products, but the body has many more values than these can have",
            )


def _lacks_the_list(error: ValidationError) -> bool:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return any(one["type"] == "missing" and one["loc"] == ("products",) for one in found)


def _malformed(error: ValidationError) -> RequestRefusedError:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    first = found[0]
    if first["type"] == "json_invalid":
        return RequestRefusedError(400, f"the body is not whole JSON: {first['msg']}"[:300])
    place = _place(first["loc"])
    # A field's value may be of several types, and is wrong once for each.
    said = _VALUES if len(place) < len(first["loc"]) else first["msg"]
    others = len({_place(one["loc"]) for one in found}) - 1
    more = f" (and {others:,} more)" if others else ""
    where = ".".join(map(str, place))[:100]
    return RequestRefusedError(422, f"{where + ': ' if where else ''}{said}{more}"[:400])


def _place(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where in the body something is wrong: for a field's value, the field."""
    if "fields" in loc[:3] and "[key]" not in loc:
        return loc[: loc.index("fields") + 2]
    return loc


def _images(one: ProductIn, max_pixels: int) -> dict[str, RawImage]:
    given = {**({"": one.image} if one.image else {}), **one.images}
    return {name: image_of_base64(text, max_pixels) for name, text in given.items()}


async def _products_of_form(request: Request, body: bytes, settings: ServeSettings) -> list[Product]:
    """One product, whose parts are its fields and its files; or the part ``products`` with JSON and files ``image.N``.

    ``N`` is the product's place, from 0.
    """

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    # Of Python's other encodings some take a time that grows with the square of the text.
    kind = request.headers["content-type"]
    if kind.lower().count("charset") > (_UTF_8.search(kind) is not None):
        raise RequestRefusedError(415, f"expected a form in UTF-8, got one of type '{kind[:120]}'")
    most_files = MAX_PRODUCTS + 20
    parser = _Form(
        request.headers,
        whole(),
        max_files=most_files,
        max_fields=MAX_FIELDS + 2,
        max_part_size=settings.max_body_bytes,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, LookupError) as error:
        # Not only its own error: bytes that are no text.
        said = getattr(error, "message", "") or " ".join(str(error).split())
        raise RequestRefusedError(400, f"the form cannot be read: {said}"[:300]) from error
    try:
        if not parser.ended:
            raise RequestRefusedError(400, "the form is torn: its last boundary is missing")
        texts, files = await _parts(form)
    finally:
        await form.close()
    if "products" not in texts:
        return [await asyncio.to_thread(_one_of_form, texts, files, settings)]
    if len(texts) > 1:
        raise RequestRefusedError(422, "expected no other text beside the part 'products'")
    products = await asyncio.to_thread(_products_of_json, texts["products"].encode(), settings)
    for name, data in files.items():
        place = name.removeprefix("image.")
        if not place.isdecimal() or len(place) > 4 or int(place) >= len(products):
            raise RequestRefusedError(
                422, f"expected files named image.0 to image.{len(products) - 1}, got '{name[:80]}'"
            )
        one = products[int(place)]
        products[int(place)] = Product(
            one.id, one.fields, {**one.images, "": checked_image(data, settings.max_pixels)}
        )
    return products


class _Form(MultiPartParser):
    """A form's parts, and whether it came to its end: one that is cut off would be taken for a whole one with less in it."""

    ended = False

    def on_end(self) -> None:
        self.ended = True


async def _parts(form: FormData) -> tuple[dict[str, str], dict[str, bytes]]:
    texts: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for name, value in form.multi_items():
        if name in texts or name in files:
            raise RequestRefusedError(422, f"expected every part once, but '{name[:80]}' is there twice")
        if isinstance(value, UploadFile):
            files[name] = await value.read()
        else:
            texts[name] = value
    return texts, files


def _one_of_form(texts: dict[str, str], files: dict[str, bytes], settings: ServeSettings) -> Product:
    given: dict[str, Any] = {"id": texts.pop("id", ""), "fields": texts}
    try:
        one = ProductIn.model_validate(given)
    except ValidationError as error:
        raise _malformed(error) from error
    if not texts and not files:
        raise RequestRefusedError(
            422, "expected a product: its fields as parts, its picture as the file 'image'"
        )
    images = {
        "" if name == "image" else name: checked_image(data, settings.max_pixels)
        for name, data in files.items()
    }
    return Product(one.id or "1", one.fields, images)
