"""Every fuzz target with hypothesis: noise, and sound inputs that were flipped, cut, doubled, exchanged and pieced together."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.targets import LARGEST, TARGETS, seeds

_PIECES = [
    b"\x00", b"\xff", b"\r", b"\n", b'"', b"'", b",", b"\t", b"{", b"}", b"[", b"]", b":", b" > ", b"-", b"0", b"9" * 400,
    b"1e999", b"NaN", b"null", b"&a", b"*a", b"\xef\xbb\xbf", "é".encode("latin-1"), "💥".encode(), b"\x1f\x8b", b"PAR1",
    (2**31 - 1).to_bytes(4, "little"), (2**63 - 1).to_bytes(8, "little"), b"../", b"!!python/object/apply:os.system ['x']",
]  # fmt: skip


@st.composite
def spoiled(draw: st.DrawFn, name: str) -> bytes:
    """A seed of the target after up to six small accidents, or noise."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    data = bytearray(draw(st.sampled_from(seeds(name))))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(["flip", "cut", "insert", "double", "drop", "replace"]))
        if how == "flip" and place < len(data):
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del data[place:]
        elif how == "insert":
            data[place:place] = draw(st.sampled_from(_PIECES))
        elif how == "double":
            data[place:place] = data[place : place + draw(st.integers(1, 60))]
        elif how == "drop":
            del data[place : place + draw(st.integers(1, 20))]
        elif how == "replace":
            piece = draw(st.sampled_from(_PIECES))
            data[place : place + len(piece)] = piece
    return bytes(data[:LARGEST])


@pytest.mark.parametrize("name", TARGETS)
def test_ends_as_promised(name: str) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(spoiled(name))
    def ends_as_promised(data: bytes) -> None:
        TARGETS[name](data)

    ends_as_promised()


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_sound(name: str) -> None:
    for seed in seeds(name):
        TARGETS[name](seed)
