"""A model folder: what is saved is what is loaded, and whatever else is there is refused in one clear line."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tests.tiny_catalog import picture_recipe, read, text_recipe, tiny_rows, title_recipe, with_pictures

from shelfwise import Catalog, Categorizer
from shelfwise.ensemble import prepare
from shelfwise.errors import ModelFolderError
from shelfwise.fusion import build_policy
from shelfwise.fusion.label_wise import LabelWise, label_logits
from shelfwise.progress import Silent
from shelfwise.recipe import Recipe
from shelfwise.storage.model_folder import (
    CHECKSUM_FILE,
    MODEL_FILE,
    RECIPE_FILE,
    WEIGHTS_FILE,
    refuse_foreign_folder,
)
from shelfwise.taxonomy.targets import LabelTarget

FILES = {MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE, RECIPE_FILE}
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return read(tmp_path_factory.mktemp("catalog") / "shop.csv", tiny_rows())


@pytest.fixture(scope="module")
def model(catalog: Catalog) -> Categorizer:
    return Categorizer(text_recipe()).fit(catalog)


@pytest.fixture(scope="module")
def by_label(catalog: Catalog) -> Categorizer:
    """A model of label sets that fuses them label by label as well."""
    target = {"columns": ["tags"], "multilabel": True, "label_space": "sets"}
    model = Categorizer(text_recipe(target=target)).fit(catalog)
    ensemble = model.ensemble_
    assert isinstance(ensemble.target, LabelTarget)
    data = ensemble.transform(prepare(ensemble.encoders, model.recipe_.inputs, catalog, Silent()))
    logits, present = ensemble.logits(data, np.arange(len(catalog)))
    labels = ensemble.target.encode_labels(
        [tuple(tags.split("|")) for tags in catalog.column("tags").to_pylist()]
    )
    members = ensemble.target.members
    policy = build_policy("ridge", exclusive=False).fit(label_logits(members, logits), present, labels)
    model.ensemble_ = replace(
        ensemble,
        calibration=replace(ensemble.calibration, random_labels=0.25),
        label_wise=LabelWise(members, policy, 0.5, -0.25, random_labels=0.25),
    )
    return model


@pytest.fixture(scope="module")
def saved(model: Categorizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model, not to be changed."""
    folder = tmp_path_factory.mktemp("models") / "model"
    model.save(folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    """A saved model to be spoiled."""
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def recompute_checksums(folder: Path) -> None:
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in (MODEL_FILE, WEIGHTS_FILE)
    ]
    (folder / CHECKSUM_FILE).write_text("".join(lines), encoding="ascii")


def edit_model(folder: Path, edit: Edit) -> None:
    """Change model.json as someone would who knows about the checksums."""
    stored = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
    edit(stored)
    (folder / MODEL_FILE).write_text(json.dumps(stored), encoding="utf-8")
    recompute_checksums(folder)


def edit_arrays(folder: Path, edit: Callable[[dict[str, np.ndarray]], None]) -> None:
    arrays = load_file(folder / WEIGHTS_FILE)
    edit(arrays)
    save_file(arrays, folder / WEIGHTS_FILE)
    recompute_checksums(folder)


class TestRoundTrip:
    def test_identical_predictions(self, model: Categorizer, saved: Path, catalog: Catalog) -> None:
        loaded = Categorizer.load(saved)
        assert loaded.predict(catalog) == model.predict(catalog)
        assert loaded.recipe_ == model.recipe_
        assert loaded.target_ == model.target_
        assert loaded.facts_ == model.facts_
        assert loaded.ensemble_.calibration == model.ensemble_.calibration
        assert loaded.ensemble_.accept == model.ensemble_.accept

    @pytest.mark.parametrize("space", ["labels", "sets"])
    def test_label_sets(self, catalog: Catalog, tmp_path: Path, space: str) -> None:
        target = {"columns": ["tags"], "multilabel": True, "label_space": space}
        model = Categorizer(title_recipe(target=target)).fit(catalog)
        model.save(tmp_path / "m")
        loaded = Categorizer.load(tmp_path / "m")
        assert loaded.predict(catalog) == model.predict(catalog)
        assert loaded.multilabel_

    def test_labels_fused_by_themselves(
        self, by_label: Categorizer, catalog: Catalog, tmp_path: Path
    ) -> None:
        by_label.save(tmp_path / "m")
        loaded = Categorizer.load(tmp_path / "m")
        assert loaded.predict(catalog) == by_label.predict(catalog)
        before, after = by_label.ensemble_.label_wise, loaded.ensemble_.label_wise
        assert before is not None
        assert after is not None
        assert (after.scale, after.shift, after.random_labels) == (before.scale, before.shift, 0.25)
        assert after.policy.spec == "ridge"

    @pytest.mark.parametrize("head", ["tree", "per_level"])
    @pytest.mark.parametrize("policy", ["mean", "max", "opinion_pool"])
    def test_every_head_and_policy(self, catalog: Catalog, tmp_path: Path, head: str, policy: str) -> None:
        recipe = text_recipe(fusion={"policies": [policy]}, training={"threads": 1, "refit": False})
        for classifier in recipe.classifiers:
            classifier.head = head  # type: ignore[assignment]
            classifier.epochs = 2
        model = Categorizer(recipe).fit(catalog)
        model.save(tmp_path / "m")
        assert Categorizer.load(tmp_path / "m").predict(catalog) == model.predict(catalog)

    def test_pictures(self, tmp_path: Path) -> None:
        rows = with_pictures(tiny_rows(60), tmp_path)
        shop = read(tmp_path / "shop.csv", rows)
        model = Categorizer(picture_recipe()).fit(shop)
        model.save(tmp_path / "m")
        assert Categorizer.load(tmp_path / "m").predict(shop) == model.predict(shop)

    def test_saved_again_it_is_the_same_folder(self, saved: Path, tmp_path: Path) -> None:
        Categorizer.load(saved).save(tmp_path / "again")
        for name in FILES:
            assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()

    def test_inputs_with_troublesome_names(self, tmp_path: Path) -> None:
        names = ["a", "a/b", "a%2Fb", "../x", "日本 語"]
        rows = [
            {"id": row["id"], "category": row["category"]} | dict.fromkeys(names, row["title"])
            for row in tiny_rows()
        ]
        shop = read(tmp_path / "shop.csv", rows)
        linear = {"epochs": 2, "batch": 16}
        recipe = title_recipe(
            inputs=[{"name": name, "role": "text"} for name in names],
            classifiers=[{"name": name, "inputs": [name], **linear} for name in names],
        )
        model = Categorizer(recipe).fit(shop)
        model.save(tmp_path / "m")
        assert Categorizer.load(tmp_path / "m").predict(shop) == model.predict(shop)
        assert {file.name for file in (tmp_path / "m").iterdir()} == FILES

    def test_a_folder_moved_is_the_same_model(self, saved: Path, tmp_path: Path, catalog: Catalog) -> None:
        moved = shutil.copytree(saved, tmp_path / "deep" / "er")
        assert Categorizer.load(moved).predict(catalog) == Categorizer.load(saved).predict(catalog)


class TestWhatIsInIt:
    def test_four_files_that_run_nothing(self, saved: Path) -> None:
        assert {file.name for file in saved.iterdir()} == FILES
        json.loads((saved / MODEL_FILE).read_text(encoding="utf-8"))
        load_file(saved / WEIGHTS_FILE)
        for name in FILES:
            data = (saved / name).read_bytes()
            assert not data.startswith((b"PK", b"\x80")), "no archive, no pickle"

    def test_the_recipe_reads_back(self, saved: Path, model: Categorizer) -> None:
        assert Recipe.read(saved / RECIPE_FILE) == model.recipe_

    def test_the_checksums_are_sha256sums(self, saved: Path) -> None:
        for line in (saved / CHECKSUM_FILE).read_text(encoding="ascii").splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256((saved / name).read_bytes()).hexdigest() == digest

    @pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX systems")
    def test_others_can_read_it_as_the_umask_says(self, model: Categorizer, tmp_path: Path) -> None:
        mask = os.umask(0o022)
        try:
            model.save(tmp_path / "m")
        finally:
            os.umask(mask)
        assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o755

    def test_the_recipe_for_people_is_compared_but_never_loaded(
        self, copy: Path, catalog: Catalog, model: Categorizer
    ) -> None:
        (copy / RECIPE_FILE).write_text("routing: {precision: 2}", encoding="utf-8")
        with pytest.raises(ModelFolderError, match="checksum differs"):
            Categorizer.load(copy)
        recompute_checksums(copy)  # lists what models of earlier versions did: not the recipe
        assert Categorizer.load(copy).predict(catalog) == model.predict(catalog)
        (copy / RECIPE_FILE).unlink()
        Categorizer.load(copy)


class TestSaving:
    def test_a_model_is_replaced_and_what_lay_beside_it_is_kept(
        self, model: Categorizer, copy: Path, catalog: Catalog
    ) -> None:
        (copy / "report.html").write_text("<html>", encoding="utf-8")
        (copy / "notes").mkdir()
        (copy / "notes" / "a.txt").write_text("kept", encoding="utf-8")
        other = Categorizer(title_recipe()).fit(catalog)
        other.save(copy)
        assert Categorizer.load(copy).predict(catalog) == other.predict(catalog)
        assert {file.name for file in copy.iterdir()} == FILES | {"report.html", "notes"}
        assert (copy / "notes" / "a.txt").read_text(encoding="utf-8") == "kept"
        assert [file.name for file in copy.parent.iterdir()] == [copy.name], "nothing is left beside it"

    @pytest.mark.parametrize(
        "content", [{"notes.txt": "mine"}, {MODEL_FILE: '{"name": "another tool\'s"}', "a.py": ""}]
    )
    def test_a_foreign_folder_is_refused_and_untouched(
        self, model: Categorizer, tmp_path: Path, content: dict[str, str]
    ) -> None:
        for name, text in content.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(ModelFolderError, match="not a model"):
            model.save(tmp_path)
        assert {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()} == content

    def test_a_file_is_refused(self, model: Categorizer, tmp_path: Path) -> None:
        (tmp_path / "model").write_text("mine", encoding="utf-8")
        with pytest.raises(ModelFolderError, match="is a file"):
            model.save(tmp_path / "model")
        assert (tmp_path / "model").read_text(encoding="utf-8") == "mine"

    def test_new_empty_and_nested_folders(self, model: Categorizer, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for folder in (tmp_path / "empty", tmp_path / "a" / "b" / "c"):
            refuse_foreign_folder(folder)
            model.save(folder)
            Categorizer.load(folder)

    def test_the_current_folder(
        self, model: Categorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        model.save(".")
        Categorizer.load(tmp_path / "here")

    def test_through_a_link(self, model: Categorizer, copy: Path) -> None:
        link = copy.parent / "link"
        link.symlink_to(copy, target_is_directory=True)
        (copy / WEIGHTS_FILE).write_bytes(b"")
        model.save(link)
        assert link.is_symlink()
        Categorizer.load(copy)

    @pytest.mark.parametrize("fails", ["writing", "moving"])
    def test_a_failure_leaves_the_old_model_and_nothing_else(
        self, copy: Path, model: Categorizer, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, fails: str
    ) -> None:
        before = {file.name: file.read_bytes() for file in copy.iterdir()}
        full = OSError(28, "No space left on device")
        if fails == "writing":
            monkeypatch.setattr("shelfwise.storage.model_folder.save_tensors", _raiser(full))
        else:
            replace = os.replace

            def move(source: Path, target: Path) -> None:
                if Path(source).name == "new":
                    raise full
                replace(source, target)

            monkeypatch.setattr("shelfwise.whole_folders.exchange", lambda *_: False)
            monkeypatch.setattr("os.replace", move)
        with pytest.raises(OSError, match="No space left"):
            model.save(copy)
        monkeypatch.undo()
        assert {file.name: file.read_bytes() for file in copy.iterdir()} == before
        assert [file.name for file in copy.parent.iterdir()] == [copy.name]

    def test_an_interrupted_first_save_leaves_nothing(
        self, model: Categorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("shelfwise.storage.model_folder.save_tensors", _raiser(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            model.save(tmp_path / "m")
        assert list(tmp_path.iterdir()) == []


def _raiser(error: BaseException) -> Callable[..., None]:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    return fail


class TestDamage:
    def test_not_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFolderError, match="not a folder"):
            Categorizer.load(tmp_path / "nowhere")

    @pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE])
    def test_a_missing_file_is_named(self, copy: Path, name: str) -> None:
        (copy / name).unlink()
        with pytest.raises(ModelFolderError, match=f"{name} is missing"):
            Categorizer.load(copy)

    @pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
    @pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
    def test_truncated(self, copy: Path, name: str, share: float) -> None:
        data = (copy / name).read_bytes()
        (copy / name).write_bytes(data[: int(share * len(data))])
        with pytest.raises(ModelFolderError, match=r"truncated or altered|not readable JSON"):
            Categorizer.load(copy)

    @pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
    def test_one_byte_altered(self, copy: Path, name: str) -> None:
        data = bytearray((copy / name).read_bytes())
        place = data.rindex(b"0") if name == MODEL_FILE else len(data) - 3
        data[place] ^= 1
        (copy / name).write_bytes(data)
        with pytest.raises(ModelFolderError, match=f"{name}.*checksum differs"):
            Categorizer.load(copy)

    @pytest.mark.parametrize("text", ["", "no checksums", "\xff" * 9])
    def test_checksums_that_are_none(self, copy: Path, text: str) -> None:
        (copy / CHECKSUM_FILE).write_bytes(text.encode("latin-1"))
        with pytest.raises(ModelFolderError, match=r"checksum differs|expected lines of a SHA-256"):
            Categorizer.load(copy)

    def test_a_newer_format_says_to_update(self, copy: Path) -> None:
        edit_model(copy, lambda stored: stored.update(format_version=99, something_new=1))
        with pytest.raises(ModelFolderError, match=r"format 99.*install a newer shelfwise"):
            Categorizer.load(copy)

    @pytest.mark.parametrize("version", [None, 0, -1, "1", 1.5, True, [1]])
    def test_no_format_version(self, copy: Path, version: object) -> None:
        edit_model(copy, lambda stored: stored.update(format_version=version))
        with pytest.raises(ModelFolderError):
            Categorizer.load(copy)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"7",
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"format_version": 1}',
            b'{"format_version": 1' + b"0" * 5000 + b"}",
        ],
        ids=lambda content: repr(content[:12]),
    )
    def test_no_model_in_the_json(self, copy: Path, content: bytes) -> None:
        (copy / MODEL_FILE).write_bytes(content)
        recompute_checksums(copy)
        with pytest.raises(ModelFolderError):
            Categorizer.load(copy)

    @pytest.mark.parametrize(
        "content", [b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ", b"\xff" * 64, b"\x80\x04N."]
    )
    def test_no_arrays_in_the_weights(self, copy: Path, content: bytes) -> None:
        (copy / WEIGHTS_FILE).write_bytes(content)
        recompute_checksums(copy)
        with pytest.raises(ModelFolderError):
            Categorizer.load(copy)


def put(value: Any, *where: str | int) -> Edit:
    """An edit that sets the value at a place of the JSON."""

    def edit(stored: dict[str, Any]) -> None:
        at: Any = stored
        for key in where[:-1]:
            at = at[key]
        at[where[-1]] = value

    return edit


WRONG = ["x", -1, 1.5, None, True, [], {}, [[]], {"a": {}}, 10**400, "../../etc/passwd"]
PLACES: list[tuple[str | int, ...]] = [
    ("recipe",),
    ("recipe", "inputs"),
    ("recipe", "inputs", 0),
    ("recipe", "inputs", 0, "name"),
    ("recipe", "inputs", 0, "role"),
    ("recipe", "inputs", 0, "encoder"),
    ("recipe", "inputs", 0, "encoder", "kind"),
    ("recipe", "inputs", 0, "encoder", "words"),
    ("recipe", "inputs", 0, "encoder", "max_features"),
    ("recipe", "classifiers"),
    ("recipe", "classifiers", 0, "name"),
    ("recipe", "classifiers", 0, "inputs"),
    ("recipe", "classifiers", 1, "hidden"),
    ("recipe", "classifiers", 1, "embedding"),
    ("recipe", "target", "multilabel"),
    ("target",),
    ("target", "outcomes"),
    ("target", "outcomes", 0),
    ("encoders",),
    ("encoders", "title"),
    ("sparse",),
    ("sparse", "title"),
    ("classifiers",),
    ("classifiers", 0),
    ("policy",),
    ("policy_state",),
    ("calibration",),
    ("calibration", "temperatures"),
    ("calibration", "temperatures", 0),
    ("calibration", "scale"),
    ("calibration", "thresholds"),
    ("calibration", "thresholds", "values"),
    ("calibration", "set_shift"),
    ("calibration", "random_labels"),
    ("accept",),
    ("accept", "threshold"),
    ("accept", "precision"),
    ("accept", "basis"),
    ("facts",),
    ("facts", "training_counts"),
    ("facts", "curves"),
    ("facts", "version"),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_a_wrong_value_is_refused_and_nothing_else_happens(
    copy: Path, saved: Path, place: tuple[str | int, ...], catalog: Catalog
) -> None:
    original = json.loads((saved / MODEL_FILE).read_text(encoding="utf-8"))
    refused = 0
    for value in WRONG:
        shutil.copy(saved / MODEL_FILE, copy / MODEL_FILE)
        edit_model(copy, put(value, *place))
        if json.loads((copy / MODEL_FILE).read_text(encoding="utf-8")) == original:
            continue
        said = refusal(copy, catalog)
        assert "\n" not in said
        assert len(said) < 700
        refused += bool(said)
    assert refused >= 4


def test_the_share_of_random_labels_comes_back_and_is_none_where_it_is_not_told(
    copy: Path, model: Categorizer, catalog: Catalog
) -> None:
    before = [prediction.confidence for prediction in model.predict(catalog)]
    edit_model(copy, lambda stored: stored["calibration"].pop("random_labels"))
    edit_model(copy, put(1, "format_version"))  # as the first format was
    assert [prediction.confidence for prediction in Categorizer.load(copy).predict(catalog)] == before
    edit_model(copy, put(0.5, "calibration", "random_labels"))
    loaded = Categorizer.load(copy)
    categories = loaded.target_.n_outcomes
    expected = 0.5 * np.array(before) + 0.5 / categories
    told = [prediction.confidence for prediction in loaded.predict(catalog)]
    np.testing.assert_allclose(told, expected, atol=2e-6)


@pytest.mark.parametrize(
    "edit",
    [
        put("mean", "label_wise", "policy"),
        put("tree", "label_wise", "policy"),
        put({}, "label_wise", "policy_state"),
        put(float("nan"), "label_wise", "scale"),
        put("1", "label_wise", "shift"),
        put(1, "label_wise", "surprise"),
        put(None, "label_wise"),
        lambda stored: stored.pop("label_wise"),
        lambda stored: stored["label_wise"].pop("scale"),
        lambda stored: stored["target"].update(sets=[]),
    ],
)
def test_labels_fused_by_themselves_that_do_not_fit(
    by_label: Categorizer, tmp_path: Path, edit: Edit
) -> None:
    by_label.save(tmp_path / "m")
    edit_model(tmp_path / "m", edit)
    with pytest.raises(ModelFolderError):
        Categorizer.load(tmp_path / "m")


def refusal(folder: Path, catalog: Catalog) -> str:
    """Why the folder is refused; empty where it is taken, and then it works."""
    try:
        loaded = Categorizer.load(folder)
    except ModelFolderError as error:
        return str(error)
    assert len(loaded.predict(catalog)) == len(catalog)
    return ""


@pytest.mark.parametrize(
    "key",
    [
        "recipe",
        "target",
        "encoders",
        "sparse",
        "classifiers",
        "policy",
        "policy_state",
        "calibration",
        "accept",
        "facts",
    ],
)
def test_a_missing_part_is_refused(copy: Path, key: str) -> None:
    edit_model(copy, lambda stored: stored.pop(key))
    with pytest.raises(ModelFolderError):
        Categorizer.load(copy)


@pytest.mark.parametrize(
    "edit",
    [
        put(1, "surprise"),
        put(1, "calibration", "surprise"),
        put("tree", "policy"),
        put({"weights": [1.0], "bias": 0.0}, "policy_state"),
        put([1.0], "calibration", "temperatures"),
        put([0.0, 1.0], "calibration", "temperatures"),
        put([float("nan"), 1.0], "calibration", "temperatures"),
        put(float("inf"), "calibration", "scale"),
        put(float("nan"), "accept", "threshold"),
        put(["words"], "classifiers"),
        put(["words", "words"], "classifiers"),
        put([], "classifiers"),
        put([["a"], ["b"]], "target", "outcomes"),
        put({"kind": "labels", "labels": ["a", "b", "c", "d"], "sets": []}, "target"),
        put([1 << 40], "recipe", "classifiers", 1, "hidden"),
        put([10**9, 10**9], "recipe", "classifiers", 1, "hidden"),
        put([], "recipe", "classifiers", 1, "hidden"),
        put(10**15, "recipe", "classifiers", 1, "embedding"),
        put("per_level", "recipe", "classifiers", 0, "head"),
        put("bag_of_words", "recipe", "inputs", 0, "encoder", "kind"),
        put("ngrams", "recipe", "inputs", 2, "encoder", "kind"),
        put("image", "recipe", "inputs", 0, "role"),
        put(False, "sparse", "title"),
        put(True, "sparse", "price"),
        put({"surprise": 1}, "recipe", "inputs", 0, "encoder"),
    ],
)
def test_parts_that_do_not_belong_together(copy: Path, saved: Path, edit: Edit, catalog: Catalog) -> None:
    edit_model(copy, edit)
    if json.loads((copy / MODEL_FILE).read_text()) == json.loads((saved / MODEL_FILE).read_text()):
        pytest.skip("this happens to be the model")
    with pytest.raises(ModelFolderError):
        Categorizer.load(copy)


class TestArrays:
    def some(self, folder: Path, room: str) -> str:
        return next(name for name in sorted(load_file(folder / WEIGHTS_FILE)) if name.startswith(room))

    @pytest.mark.parametrize(
        "room", ["encoder/title", "encoder/price", "classifier/words", "classifier/early"]
    )
    @pytest.mark.parametrize(
        "spoil",
        [
            lambda array: array[..., :-1],
            lambda array: array.reshape(1, *array.shape),
            lambda array: np.clip(array, -9, 9).astype(np.float16),
            lambda array: array.astype(np.int64),
            lambda array: np.zeros((0,), array.dtype),
            lambda array: np.full_like(array, -1) if array.dtype.kind == "i" else np.full_like(array, np.nan),
        ],
        ids=["shorter", "deeper", "halves", "integers", "empty", "no numbers"],
    )
    def test_of_another_shape_type_or_content(
        self, copy: Path, room: str, spoil: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        name = self.some(copy, room)
        edit_arrays(copy, lambda arrays: arrays.update({name: np.ascontiguousarray(spoil(arrays[name]))}))
        with pytest.raises(ModelFolderError):
            Categorizer.load(copy)

    @pytest.mark.parametrize("room", ["encoder/title", "classifier/words"])
    def test_missing(self, copy: Path, room: str) -> None:
        name = self.some(copy, room)
        edit_arrays(copy, lambda arrays: arrays.pop(name))
        with pytest.raises(ModelFolderError):
            Categorizer.load(copy)

    @pytest.mark.parametrize(
        "name",
        [
            "surprise",
            "classifier/words/surprise",
            "encoder/title/surprise",
            "../../etc/passwd",
            "encoder/none/x",
        ],
    )
    def test_extra(self, copy: Path, name: str, tmp_path: Path) -> None:
        before = sorted(tmp_path.rglob("*"))
        edit_arrays(copy, lambda arrays: arrays.update({name: np.zeros(3, np.float32)}))
        with pytest.raises(ModelFolderError):
            Categorizer.load(copy)
        assert sorted(tmp_path.rglob("*")) == before
