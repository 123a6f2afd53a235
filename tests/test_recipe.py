"""The recipe: what is written reads back the same, and every mistake is one clear line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shelfwise.errors import RecipeError
from shelfwise.recipe import PRESETS, ClassifierRecipe, InputRecipe, Recipe

NAMES = st.text(min_size=1, max_size=12).filter(
    lambda text: not any("\ud800" <= sign <= "\udfff" for sign in text)
)
SHARES = st.floats(0, 0.9)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    inputs = draw(st.lists(NAMES, unique=True, max_size=3))
    classifiers = [
        ClassifierRecipe(
            name=name,
            inputs=draw(st.lists(st.sampled_from(inputs), min_size=1, max_size=2, unique=True)),
            head=draw(st.sampled_from(["auto", "tree", "per_level"])),
            hidden=draw(st.lists(st.integers(1, 9), max_size=2)),
            dropout=draw(SHARES),
            learning_rate=draw(st.floats(1e-9, 1)),
            epochs=draw(st.integers(1, 99)),
        )
        for name in (draw(st.lists(NAMES, unique=True, max_size=2)) if inputs else [])
    ]
    options = draw(
        st.dictionaries(NAMES, st.one_of(st.none(), st.booleans(), st.integers(), NAMES), max_size=2)
    )
    return Recipe(
        target={
            "columns": draw(st.lists(NAMES, max_size=2, unique=True)),
            "separator": draw(st.none() | NAMES),
        },
        inputs=[
            InputRecipe(name=name, role="text", encoder={"kind": "ngrams", **options}) for name in inputs
        ],
        classifiers=classifiers,
        training={"seed": draw(st.integers(0, 2**31)), "held_out": draw(st.floats(0.01, 0.8))},
    )


@settings(deadline=None, max_examples=60)
@given(recipe=recipes())
@example(recipe=Recipe(target={"columns": ["a\x85b", "\u2028", "\ufeff", "\x7f", "\t"], "separator": "\x85"}))
def test_yaml_round_trip(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> None:
    file = tmp_path_factory.getbasetemp() / "recipe.yaml"
    file.write_text(recipe.to_yaml(), encoding="utf-8")
    assert Recipe.read(file) == recipe


class TestToYaml:
    def test_every_value_is_spelled_out(self) -> None:
        written = yaml.safe_load(Recipe(target="category").to_yaml())
        assert set(written) == set(Recipe.model_fields)
        assert written["training"]["seed"] == 0
        assert written["routing"]["precision"] == 0.95
        assert written["fusion"]["policies"][0] == "policy_network"

    def test_words_that_yaml_reads_otherwise_stay_words(self, tmp_path: Path) -> None:
        recipe = Recipe(target=["yes", "null", "1.5", "2020-01-01", "ключ: значение", " # "])
        file = tmp_path / "r.yaml"
        file.write_text(recipe.to_yaml(), encoding="utf-8")
        assert Recipe.read(file).target.columns == recipe.target.columns


class TestTarget:
    def test_shorthands(self) -> None:
        assert Recipe(target="category_path").target.columns == ["category_path"]
        assert Recipe(target="gender, kind").target.columns == ["gender", "kind"]
        assert Recipe(target=["gender", "kind"]).target.columns == ["gender", "kind"]
        assert Recipe(target={"columns": "a,b", "multilabel": True}).target.columns == ["a", "b"]
        assert Recipe().target.columns == []

    def test_of_a_wrong_kind(self) -> None:
        with pytest.raises(RecipeError, match="target"):
            Recipe(target=7)


class TestRead:
    def write(self, folder: Path, text: str | bytes) -> Path:
        file = folder / "recipe.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    @pytest.mark.parametrize("name", PRESETS)
    def test_presets_by_name(self, name: str) -> None:
        assert Recipe.read(name).preset == name

    def test_a_part_of_a_recipe_is_enough(self, tmp_path: Path) -> None:
        recipe = Recipe.read(self.write(tmp_path, "target: category\ntraining: {seed: 5}\n"))
        assert recipe == Recipe(target="category", training={"seed": 5})

    def test_neither_name_nor_file(self, tmp_path: Path) -> None:
        with pytest.raises(RecipeError, match=r"recipe's name \(auto.*got 'bset', which is neither"):
            Recipe.read("bset")
        with pytest.raises(RecipeError, match="neither"):
            Recipe.read(tmp_path)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("training: {sed: 1}", r"unknown key 'training\.sed'.*did you mean 'seed'"),
            ("trainning: {seed: 1}", r"unknown key 'trainning'.*did you mean 'training'"),
            (
                "classifiers: [{name: a, inputs: [b], epoch: 3}]",
                r"classifiers\.0\.epoch'.*did you mean 'epochs'",
            ),
            ("target: {colums: [a]}", r"target\.colums'.*did you mean 'columns'"),
            (
                "training: {epochs: 5}",
                r"unknown key 'training\.epochs' in the recipe; 'epochs' belongs to a classifier$",
            ),
            ("routing: {threshold: 0.5}", r"unknown key 'routing\.threshold' in the recipe$"),
            ("routing: {preset: auto}", r"'preset' belongs at the top of the recipe$"),
            ("seed: 1", r"unknown key 'seed' in the recipe; 'seed' belongs to 'training'$"),
            ("fusion: {name: a}", r"'name' belongs to an input or to a classifier$"),
            ("target: {column: a}", r"did you mean 'columns'"),
            ("threads: 2", r"'threads' belongs to 'training'$"),
            ("training: {qqqqqqqqq: 1}", r"unknown key 'training\.qqqqqqqqq' in the recipe$"),
            ("training: {seed: often}", r"'training\.seed'.*integer.*got 'often'"),
            ("training: {held_out: 0}", r"'training\.held_out'.*greater than 0.*got 0"),
            ("training: {held_out: 2}", r"'training\.held_out'.*less than"),
            ("training: {schedule: linear}", r"'training\.schedule'.*'cosine' or 'constant'.*got 'linear'"),
            ("routing: {precision: 1.5}", r"'routing\.precision'.*less than or equal to 1"),
            ("preset: best", r"'preset'.*'auto'.*got 'best'"),
            ("inputs: title", r"'inputs'.*list"),
            ("inputs: [title]", r"'inputs\.0'"),
            ("inputs: [{role: text}]", r"'inputs\.0\.name'.*required"),
            ("inputs: [{name: a, role: words}]", r"'inputs\.0\.role'.*'text'"),
            ("classifiers: [{name: a, inputs: [b], dropout: 1}]", r"dropout'.*less than 1"),
            ("classifiers: [{name: a, inputs: [b], head: three}]", r"head'.*'tree'.*did you mean 'tree'"),
            (
                "classifiers: [{name: a, inputs: [b], head: {kind: sequental}}]",
                r"head'.*did you mean 'sequential'",
            ),
            (
                "classifiers: [{name: a, inputs: [b], head: {decode: beam}}]",
                r"head'.*mapping with its 'kind'",
            ),
            ("training: 3", r"'training'"),
            ("training:", r"'training'"),
            ("1: 2", "keys must be words"),
            ("- a\n- b", "expected a mapping.*got list"),
            ("just words", "expected a mapping.*got str"),
            ("", "expected a mapping.*got NoneType"),
            ("a: [1", "expected YAML"),
            ("a: !!python/object/apply:os.getcwd []", "expected YAML"),
            ("a: &a [*a]", "recipe"),
            (b"\xff\xfe\x00bad", "expected YAML"),
            (b"a: \x00", "expected YAML"),
        ],
    )
    def test_every_mistake_is_one_clear_line(self, tmp_path: Path, text: str | bytes, says: str) -> None:
        file = self.write(tmp_path, text)
        with pytest.raises(RecipeError, match=says) as raised:
            Recipe.read(file)
        assert str(raised.value).startswith(str(file))
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 600

    def test_a_very_deep_file(self, tmp_path: Path) -> None:
        with pytest.raises(RecipeError, match="expected YAML"):
            Recipe.read(self.write(tmp_path, "[" * 100_000))


@pytest.mark.parametrize(
    "values",
    [
        {"training": {"seed": -1}},
        {"training": {"seed": 2**64}},
        {"classifiers": [{"name": "a", "inputs": []}]},
        {"classifiers": [{"name": "a", "inputs": ["b", "b"]}]},
        {"classifiers": [{"name": "a", "inputs": ["b"], "hidden": [0]}]},
        {"classifiers": [{"name": "a", "inputs": ["b"], "hidden": [-4]}]},
        {"classifiers": [{"name": "a", "inputs": ["b"]}, {"name": "a", "inputs": ["c"]}]},
        {"classifiers": [{"name": "a", "inputs": ["b"], "learning_rate": float("nan")}]},
        {"classifiers": [{"name": "a", "inputs": ["b"], "learning_rate": float("inf")}]},
        {"inputs": [{"name": "a"}, {"name": "a"}]},
        {"target": {"columns": ["a", "a"]}},
    ],
    ids=str,
)
def test_values_that_cannot_work_are_refused_at_once(values: dict[str, Any]) -> None:
    """Not after an hour of training."""
    with pytest.raises(RecipeError):
        Recipe(**values)


def test_a_wrong_value_in_python_is_a_recipe_error() -> None:
    with pytest.raises(RecipeError, match="did you mean 'seed'"):
        Recipe(training={"seeds": 1})
    with pytest.raises(RecipeError, match="unknown key 'traning'"):
        Recipe(traning={})
