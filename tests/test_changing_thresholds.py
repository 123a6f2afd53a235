"""A trained model of label sets decides by any kind of threshold, and promises for each what that kind can hold."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Shelfwise
from tests.tiny_catalog import read, tiny_rows, title_recipe, write

from shelfwise import Catalog, Categorizer
from shelfwise.decision.thresholds import THRESHOLD_KINDS
from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.storage.model_folder import CHECKSUM_FILE, MODEL_FILE, WEIGHTS_FILE

TARGET = {"columns": ["tags"], "multilabel": True, "label_space": "labels"}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return read(tmp_path_factory.mktemp("catalog") / "shop.csv", tiny_rows(200))


@pytest.fixture(scope="module")
def model(catalog: Catalog) -> Categorizer:
    recipe = title_recipe(target=TARGET, thresholds={"metric": "macro", "at_least_one": True})
    return Categorizer(recipe).fit(catalog)


@pytest.fixture(scope="module")
def saved(model: Categorizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    model.save(folder)
    return folder


def test_the_recipe_says_which_kind_is_used(model: Categorizer, catalog: Catalog) -> None:
    assert tuple(model.ensemble_.label_rules) == THRESHOLD_KINDS
    assert model.predict(catalog) == model.predict(catalog, thresholds="one")
    rule = model.ensemble_.label_rules["one"]
    assert model.ensemble_.accept == rule.accept
    assert model.ensemble_.calibration.thresholds is rule.thresholds
    assert rule.thresholds.at_least_one
    assert all(made.answer for made in model.predict(catalog) if made.decision != "failed")


@pytest.mark.parametrize("kind", THRESHOLD_KINDS)
def test_each_kind_gives_labels_from_its_thresholds_on(
    model: Categorizer, catalog: Catalog, kind: str
) -> None:
    thresholds = model.ensemble_.label_rules[kind].thresholds  # type: ignore[index]
    changed = model.with_thresholds(kind)
    values = dict.fromkeys(model.target_.labels, 0.0)  # type: ignore[union-attr]
    values |= dict(
        zip(
            values,
            thresholds.values.tolist() if thresholds.values.ndim else [float(thresholds.values)] * 5,
            strict=False,
        )
    )
    for made in changed.predict(catalog):
        for label, probability in zip(made.answer, made.part_confidence, strict=True):
            assert len(made.answer) == 1 or probability >= values[label] - 1e-6
        for other in made.alternatives:
            (label,) = other.answer
            assert other.probability < values[label] + 1e-6
    assert model.ensemble_.calibration.thresholds is model.ensemble_.label_rules["one"].thresholds


def test_evaluating_follows_the_kind(model: Categorizer, catalog: Catalog) -> None:
    for kind in THRESHOLD_KINDS:
        found = model.evaluate(catalog, thresholds=kind)
        assert found.headline == model.with_thresholds(kind).evaluate(catalog).headline


def test_a_model_read_back_has_every_kind(model: Categorizer, saved: Path, catalog: Catalog) -> None:
    again = Categorizer.load(saved)
    for kind in (None, *THRESHOLD_KINDS):
        assert again.predict(catalog, thresholds=kind) == model.predict(catalog, thresholds=kind)


@pytest.mark.parametrize("kind", THRESHOLD_KINDS)
def test_a_changed_model_is_read_back_as_it_was_saved(
    model: Categorizer, catalog: Catalog, tmp_path: Path, kind: str
) -> None:
    changed = model.with_routing(precision=0.6).with_thresholds(kind)
    assert changed.recipe_.thresholds.kind == kind
    assert changed.ensemble_.accept == changed.router_.rules[0]
    assert changed.ensemble_.accept.precision == 0.6
    changed.save(tmp_path / "model")
    again = Categorizer.load(tmp_path / "model")
    assert again.predict(catalog) == changed.predict(catalog)
    assert again.router_.rules == changed.router_.rules
    assert model.recipe_.thresholds.kind == "one"


def test_an_unknown_kind_names_those_there_are(model: Categorizer, catalog: Catalog) -> None:
    with pytest.raises(RecipeError, match=r"fixed, one, per_label\), got 'own'"):
        model.predict(catalog, thresholds="own")


def test_a_model_of_paths_has_none(catalog: Catalog, tmp_path: Path) -> None:
    model = Categorizer(title_recipe()).fit(catalog)
    assert model.ensemble_.label_rules == {}
    with pytest.raises(RecipeError, match="does not predict label sets"):
        model.evaluate(catalog, thresholds="one")
    model.save(tmp_path / "model")
    assert Categorizer.load(tmp_path / "model").predict(catalog) == model.predict(catalog)


def test_on_the_command_line(
    shelfwise: Shelfwise, saved: Path, model: Categorizer, catalog: Catalog, tmp_path: Path
) -> None:
    file = write(tmp_path / "shop.csv", tiny_rows(200))
    for kind in THRESHOLD_KINDS:
        output = tmp_path / f"{kind}.jsonl"
        done = shelfwise("predict", saved, file, "-o", output, "--thresholds", kind, "--id", "id", "--quiet")
        assert done.status == 0, done.err
        written = [json.loads(line)["labels"] for line in output.read_text(encoding="utf-8").splitlines()]
        assert written == [list(made.answer) for made in model.predict(catalog, thresholds=kind)]
        judged = tmp_path / f"{kind}.json"
        done = shelfwise(
            "evaluate", saved, file, "--json", judged, "--thresholds", kind, "--id", "id", "--quiet"
        )
        assert done.status == 0, done.err
        expected = model.evaluate(catalog, thresholds=kind).headline
        assert json.loads(judged.read_text(encoding="utf-8"))["headline"] == json.loads(
            expected.model_dump_json()
        )
    refused = shelfwise("predict", saved, file, "-o", tmp_path / "x.csv", "--thresholds", "each")
    assert refused.status == 1
    assert "got 'each'" in refused.err


def edited(saved: Path, copy: Path, change: Any) -> Path:
    """A copy of the model folder with ``change`` made to its JSON, checksums and all."""
    shutil.copytree(saved, copy)
    stored = json.loads((copy / MODEL_FILE).read_text(encoding="utf-8"))
    change(stored)
    (copy / MODEL_FILE).write_text(json.dumps(stored), encoding="utf-8")
    sums = [
        f"{hashlib.sha256((copy / name).read_bytes()).hexdigest()}  {name}\n"
        for name in (MODEL_FILE, WEIGHTS_FILE)
    ]
    (copy / CHECKSUM_FILE).write_text("".join(sums), encoding="ascii")
    return copy


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: stored.pop("label_rules"),
        lambda stored: stored["label_rules"].pop("one"),
        lambda stored: stored["label_rules"].update(own=stored["label_rules"]["one"]),
        lambda stored: stored["label_rules"]["per_label"]["thresholds"]["values"].pop(),
        lambda stored: stored["label_rules"]["per_label"]["thresholds"].update(values=[2.0] * 5),
        lambda stored: stored["label_rules"]["one"]["thresholds"].update(values=float("nan")),
        lambda stored: stored["label_rules"]["one"]["thresholds"].update(values="0.5"),
        lambda stored: stored["label_rules"]["one"]["thresholds"].update(at_least_one=1),
        lambda stored: stored["label_rules"]["one"].update(set_scale=None),
        lambda stored: stored["label_rules"]["one"]["accept"].update(threshold="high"),
        lambda stored: stored["calibration"]["thresholds"].update(values=[0.5, 0.5]),
    ],
)
def test_rules_that_cannot_be_are_refused(saved: Path, tmp_path: Path, change: Any) -> None:
    with pytest.raises(ModelFolderError):
        Categorizer.load(edited(saved, tmp_path / "copy", change))
