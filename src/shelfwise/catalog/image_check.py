"""Whether every product's image is there and can be decoded: the only honest way to know is to decode them
all."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

import pyarrow as pa

from shelfwise.catalog.column import InputColumn, RawImage, Role, State
from shelfwise.catalog.decoding import each_image
from shelfwise.catalog.images import decode_image
from shelfwise.catalog.inspection import ImagesFound, ImageTrouble
from shelfwise.errors import ImageError
from shelfwise.progress import Reporter

CHECK_SIDE = 64
"""Pixels a side that images are decoded for: enough to read the whole file, several times faster than full
size."""
EXAMPLE_IDS = 5
_EMPTY_FILE = "0 bytes"


class _Verdict(StrEnum):
    FOUND = "found"
    MISSING = "missing"
    BROKEN = "broken"
    NONE = "none"


@dataclass(frozen=True)
class _Checked:
    verdict: _Verdict
    reason: str = ""
    fingerprint: str | None = None


def check_images(
    column: InputColumn, ids: list[str], reporter: Reporter
) -> tuple[ImagesFound, list[str | None]]:
    """What is found, and a fingerprint (BLAKE2b of the bytes, hex) per product, None where there is no image.

    Fingerprints are those of ``image_hashes``, so that the bytes are read once. Raises TypeError for a
    column that is no image column.
    """
    source = column.values
    if column.role is not Role.IMAGE or isinstance(source, pa.Array | pa.ChunkedArray):
        raise TypeError(f"expected an image column, got '{column.name}', which is {column.role}")
    fingerprints: list[str | None] = []
    counts: dict[_Verdict, int] = defaultdict(int)
    hit: dict[str, list[int]] = defaultdict(list)
    with reporter.stage(f"checking {column.name}", len(ids), "images") as stage:
        for checked in chain.from_iterable(each_image(source, _check, stage.advance)):
            counts[checked.verdict] += 1
            if checked.reason:
                hit[checked.reason].append(len(fingerprints))
            fingerprints.append(checked.fingerprint)
    troubles = [
        ImageTrouble(reason=reason, products=len(rows), ids=[ids[row] for row in rows[:EXAMPLE_IDS]])
        for reason, rows in sorted(hit.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    found = ImagesFound(
        column=column.name, troubles=troubles, **{str(verdict): counts[verdict] for verdict in _Verdict}
    )
    return found, fingerprints


def _check(image: RawImage) -> _Checked:
    if image.state == State.ABSENT:
        return _Checked(_Verdict.NONE)
    if image.data is None:
        broken = _EMPTY_FILE in image.reason
        return _Checked(_Verdict.BROKEN if broken else _Verdict.MISSING, _without_name(image.reason))
    fingerprint = hashlib.blake2b(image.data, digest_size=16).hexdigest()
    try:
        decode_image(image.data, side=CHECK_SIDE)
    except ImageError as error:
        return _Checked(_Verdict.BROKEN, str(error), fingerprint)
    return _Checked(_Verdict.FOUND, fingerprint=fingerprint)


def _without_name(reason: str) -> str:
    """A reason without the file it is about, so that a thousand missing files are one line."""
    return reason.split(": ", 1)[0]
