"""API keys: kept as hashes, in a file that people can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfwise.errors import ShelfwiseError
from shelfwise.serving.keys import Keys, add_key, read_keys


def test_a_key_is_found_and_nothing_else_is(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    made = add_key(file, "shop-1", "user")
    keys = read_keys(file)
    found = keys.find(made)
    assert found is not None
    assert (found.name, found.role) == ("shop-1", "user")
    for other in ("", made[:-1], made + "x", made.upper(), found.digest, "\x00", "ä" * 10_000):
        assert keys.find(other) is None
    assert made not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_no_keys_are_false() -> None:
    assert not Keys()


def test_names_are_taken_once(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    add_key(file, "shop", "user")
    with pytest.raises(ShelfwiseError, match="has a key named 'shop'"):
        add_key(file, "shop", "admin")
    for name in ("", "two words", "x" * 65, "new\nline"):
        with pytest.raises(ShelfwiseError, match="expected a name"):
            add_key(file, name, "user")
    assert len(read_keys(file).keys) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no key"),
        ("# only a remark\n", "holds no key"),
        ("shop user abc\n", "line 1"),
        ("shop user\n", "line 1"),
        ("shop root " + "0" * 64, "line 1"),
    ],
)
def test_a_file_with_anything_else_is_refused(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(ShelfwiseError, match=told):
        read_keys(file)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ShelfwiseError, match="cannot be read"):
        read_keys(tmp_path / "nowhere")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ShelfwiseError, match="not a text"):
        read_keys(tmp_path / "binary")
