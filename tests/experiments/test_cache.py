"""The store of results: finds what it kept, makes what it cannot read, and never executes anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import tiny_catalog as tiny

from shelfwise.errors import ShelfwiseError
from shelfwise.experiments.cache import Result, ResultStore, fingerprint, work_key
from shelfwise.recipe import ClassifierRecipe


def make_one() -> Result:
    return Result({"scores": np.arange(6, dtype=np.float32).reshape(2, 3)}, {"epochs": 3, "name": "ß"})


def test_a_result_is_made_once(tmp_path: Path) -> None:
    store, made = ResultStore(tmp_path / "new" / "cache"), []

    def make() -> Result:
        made.append(1)
        return make_one()

    first = store.get("title fold", "k1", make)
    again = ResultStore(store.folder).get("title fold", "k1", make)
    assert len(made) == 1
    assert store.made == 1
    assert again.facts == first.facts == {"epochs": 3, "name": "ß"}
    np.testing.assert_array_equal(again.arrays["scores"], first.arrays["scores"])
    assert again.arrays["scores"].dtype == np.float32
    assert [path.suffix for path in store.folder.iterdir()] == [".npz"]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not really", b"\x80\x04\x95 a pickle", None])
def test_what_cannot_be_read_is_made_again(tmp_path: Path, damage: bytes | None) -> None:
    store = ResultStore(tmp_path)
    store.put("one", "k", make_one())
    file = next(tmp_path.glob("*.npz"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if damage is None else damage)
    assert store.find("one", "k") is None
    assert store.get("one", "k", make_one).facts["epochs"] == 3
    assert store.find("one", "k") is not None


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.put("one", "k", make_one())
    file = next(tmp_path.glob("*.npz"))
    np.savez(file, **{"facts.json": np.frombuffer(b"{}", np.uint8), "scores": np.array([{}], dtype=object)})
    assert store.find("one", "k") is None


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ResultStore(tmp_path).put("one", "k", make_one())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ShelfwiseError, match="choose another folder"):
        ResultStore(tmp_path / "file").put("one", "k", make_one())


def test_keys_change_with_everything_and_with_nothing_else() -> None:
    recipe = ClassifierRecipe(name="a", inputs=["title"])
    rows = np.arange(5)
    key = work_key(recipe=recipe, rows=rows, seed=0)
    assert key == work_key(seed=0, rows=rows.copy(), recipe=recipe.model_copy())
    others = [
        work_key(recipe=recipe, rows=rows, seed=1),
        work_key(recipe=recipe, rows=rows[::-1], seed=0),
        work_key(recipe=recipe, rows=rows.astype(np.int32), seed=0),
        work_key(recipe=recipe.model_copy(update={"epochs": 3}), rows=rows, seed=0),
        work_key(recipe=recipe, rows=rows),
    ]
    assert len({key, *others}) == 6


@given(
    st.dictionaries(
        st.text(max_size=5), st.recursive(st.integers() | st.text(max_size=5), st.lists, max_leaves=8)
    )
)
def test_keys_are_a_function_of_the_parts(parts: dict[str, object]) -> None:
    assert work_key(parts=parts) == work_key(parts=dict(reversed(parts.items())))
    assert work_key(parts=parts) != work_key(parts={**parts, "another": 1, "too": 2})


def test_fingerprints_follow_the_products_and_their_images(tmp_path: Path) -> None:
    rows = tiny.with_pictures(tiny.tiny_rows(12), tmp_path)
    first = fingerprint(tiny.read(tmp_path / "a.csv", rows))
    assert fingerprint(tiny.read(tmp_path / "b.csv", rows)) == first
    changed = [*rows[:-1], {**rows[-1], "title": "something else"}]
    assert fingerprint(tiny.read(tmp_path / "c.csv", changed)) != first
    assert fingerprint(tiny.read(tmp_path / "d.csv", rows[:-1])) != first
    picture = tmp_path / rows[0]["photo"]
    picture.write_bytes((tmp_path / rows[1]["photo"]).read_bytes())
    assert fingerprint(tiny.read(tmp_path / "a.csv", rows)) != first
