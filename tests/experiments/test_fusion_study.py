"""The fusion experiment as a command: every table, held-out throughout, cached, resumable, and clear about bad input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests import tiny_catalog as tiny

from shelfwise.catalog.catalog import Catalog
from shelfwise.cli import main
from shelfwise.commands.experiments import read_policy
from shelfwise.errors import RecipeError, ShelfwiseError, TargetError
from shelfwise.experiments import fusion_outputs, fusion_study
from shelfwise.experiments.cache import ResultStore
from shelfwise.experiments.fusion_plan import Method, plan_methods
from shelfwise.experiments.fusion_study import FusionStudy, run_fusion_study, sample
from shelfwise.experiments.fusion_tables import fusion_table
from shelfwise.progress import Silent
from shelfwise.recipe import Recipe

QUICK = {"epochs": 4, "batch": 16, "sparse_learning_rate": 0.3, "weight_decay": 0.0}


def recipe(inputs: Sequence[str] = ("title", "brand"), multilabel: bool = True, **target: object) -> Recipe:
    """Two linear classifiers: seconds for a whole experiment."""
    columns = ["tags" if multilabel else "category"]
    return Recipe(
        preset="paper-a",
        target={"columns": columns, "multilabel": multilabel, **target},
        inputs=[
            {"name": name, "role": "text" if name == "title" else "category"}
            | ({"encoder": {"kind": "bag_of_words"}} if name == "title" else {})
            for name in inputs
        ],
        classifiers=[{"name": name, "inputs": [name], **QUICK} for name in inputs],
        training={"folds": 2, "threads": 1},
    )


def study(
    catalog: Catalog, declared: Recipe, folder: Path, *policies: str, test: Catalog | None = None
) -> FusionStudy:
    return run_fusion_study(catalog, test, declared, policies, ResultStore(folder), Silent())


@pytest.fixture
def few_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Policies that are fitted in no time, where it does not matter which."""

    def few(singles: Sequence[str], early: Sequence[str], further: Sequence[object]) -> list[Method]:
        whole = tuple(singles)
        fused = [Method(whole, "mean", "paper", "all inputs"), Method(whole, "mean", "leaky", "all inputs")]
        return [*(Method((name,), None, "input") for name in singles), *(fused if len(singles) > 1 else [])]

    monkeypatch.setattr(fusion_study, "plan_methods", few)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return tiny.read(tmp_path_factory.mktemp("tiny") / "tiny.csv", tiny.tiny_rows(160))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def done(catalog: Catalog, folder: Path) -> FusionStudy:
    return study(catalog, recipe(), folder)


def test_no_group_is_on_both_sides(done: FusionStudy) -> None:
    groups = done.data.groups
    assert not set(groups[done.outputs.rows]) & set(groups[done.outputs.test_rows])
    assert sorted(done.outputs.rows) == sorted(set(done.outputs.rows))


def test_fusion_of_complementary_inputs_helps(done: FusionStudy) -> None:
    scores = done.scores["one"]
    assert scores.score(done.chosen).value > scores.score(done.best_input).value
    assert {one.method.family for one in done.methods} == {"input", "early", "paper", "ours", "leaky"}
    assert len({one.method.name for one in done.methods}) == len(done.methods)


def test_seen_outputs_are_better_than_held_out_ones(done: FusionStudy) -> None:
    """What leakage is: classifiers are surer, and more often right, on what they learned from."""
    place = done.outputs.names.index("title")
    truth = done.target.encode(done.data.values)[done.outputs.rows]

    def loss(scores: fusion_outputs.Scores) -> float:
        logits = scores.logits[place][scores.present[place]]
        return float(np.logaddexp(0, np.where(truth[scores.present[place]] > 0, -logits, logits)).mean())

    assert loss(done.outputs.seen) < loss(done.outputs.held)


def test_nothing_is_computed_twice(
    catalog: Catalog, folder: Path, done: FusionStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a classifier was trained again")

    monkeypatch.setattr(fusion_outputs.Trainer, "fit_all", never)
    again = study(catalog, recipe(), folder)
    assert again.computed == 0
    assert [one.held_out for one in again.methods] == [one.held_out for one in done.methods]
    np.testing.assert_array_equal(again.scores["one"].scores, done.scores["one"].scores)
    more = study(catalog, recipe(), folder, "category_pool")
    assert more.computed == 1
    assert [one.method.kind for one in more.methods].count("category_pool") == 1


@pytest.mark.usefixtures("few_policies")
def test_an_interrupted_run_goes_on(
    catalog: Catalog, tmp_path: Path, done: FusionStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit_all, fitted = fusion_outputs.Trainer.fit_all, []

    def interrupted(self: fusion_outputs.Trainer, *given: object) -> object:
        if len(fitted) == 3:
            raise KeyboardInterrupt
        fitted.append(1)
        return fit_all(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(fusion_outputs.Trainer, "fit_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study(catalog, recipe(), tmp_path)
    # The first classifier's folds and its last fit, and the second's folds.
    finished = len(list(tmp_path.glob("*-fold-*.npz"))) + len(list(tmp_path.glob("*-final-*.npz")))
    assert finished == len(list(tmp_path.glob("*.npz"))) > 4
    monkeypatch.setattr(fusion_outputs.Trainer, "fit_all", fit_all)
    resumed = study(catalog, recipe(), tmp_path)
    assert resumed.computed == len(list(tmp_path.glob("*.npz"))) - finished
    np.testing.assert_array_equal(resumed.outputs.held.logits, done.outputs.held.logits)
    np.testing.assert_array_equal(resumed.outputs.test.logits, done.outputs.test.logits)


@pytest.mark.usefixtures("few_policies")
def test_paths_are_scored_as_wholes(catalog: Catalog, tmp_path: Path) -> None:
    found = study(catalog, recipe(multilabel=False), tmp_path)
    assert list(found.scores) == ["whole path"]
    assert found.scores["whole path"].score(found.chosen).value > 0.6
    assert all(row[-1] is None for row in fusion_table(found).rows)


@pytest.mark.usefixtures("few_policies")
def test_a_test_catalog_is_tested_on_alone(catalog: Catalog, tmp_path: Path) -> None:
    other = tiny.read(tmp_path / "other.csv", tiny.tiny_rows(40, seed=5))
    found = study(catalog, recipe(), tmp_path, test=other)
    assert found.outputs.test_rows.tolist() == list(range(160, 200))
    assert len(found.outputs.rows) == 160


@pytest.mark.usefixtures("few_policies")
def test_products_without_inputs_are_marked_and_count_as_missed(tmp_path: Path) -> None:
    rows = tiny.tiny_rows(160)
    for row in rows[::8]:
        row["title"] = row["brand"] = ""
    found = study(tiny.read(tmp_path / "a.csv", rows), recipe(), tmp_path)
    expected = {row["id"] for row in rows if not row["title"] and not row["brand"]}
    assert {name for name, _, _ in found.unreadable} == expected
    lost = ~np.asarray(found.outputs.test.present.any(0))
    assert lost.any()
    for one in found.methods:
        for given in one.given.values():
            assert given[np.flatnonzero(lost)].nnz == 0


@pytest.mark.usefixtures("few_policies")
def test_an_input_without_any_product_is_left_out_and_said(tmp_path: Path) -> None:
    rows = [{**row, "brand": ""} for row in tiny.tiny_rows(120)]
    found = study(tiny.read(tmp_path / "a.csv", rows), recipe(), tmp_path)
    assert list(found.outputs.left_out) == ["brand"]
    assert "empty" in found.outputs.left_out["brand"]
    assert found.methods[found.chosen].method.members


@pytest.mark.usefixtures("few_policies")
def test_no_input_at_all_is_an_error(tmp_path: Path) -> None:
    rows = [{**row, "brand": "", "title": ""} for row in tiny.tiny_rows(60)]
    with pytest.raises(ShelfwiseError):
        study(tiny.read(tmp_path / "a.csv", rows), recipe(), tmp_path)


@pytest.mark.usefixtures("few_policies")
def test_rare_labels_and_folds_without_positives(tmp_path: Path) -> None:
    """A label of one product is all-negative in some fold; it is learned, or dropped and counted."""
    rows = tiny.tiny_rows(160)
    for row in rows[:6]:
        row["tags"] += f"|only {row['id']}"
    rare = tiny.read(tmp_path / "a.csv", rows)
    kept = study(rare, recipe(), tmp_path)
    assert any(name.startswith("only") for name in kept.names)
    dropped = study(rare, recipe(min_products=5), tmp_path)
    assert dropped.names == ["gift", "glass", "indoor", "soft", "steel"]
    assert dropped.categories.dropped > 0


def test_no_label_of_enough_products_is_an_error(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="at least 1000 products"):
        study(catalog, recipe(min_products=1000), tmp_path)


def test_one_input_leaves_nothing_to_fuse(catalog: Catalog, tmp_path: Path) -> None:
    found = study(catalog, recipe(("title",)), tmp_path)
    assert found.chosen == found.best_input == 0
    assert len(found.methods) == 1


def test_too_many_scores_are_refused(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fusion_outputs, "MOST_SCORES", 1_000)
    with pytest.raises(ShelfwiseError, match="--products"):
        study(catalog, recipe(), tmp_path)


def test_a_sample_is_part_of_the_catalog(catalog: Catalog) -> None:
    assert sample(catalog, None, 0) is catalog
    drawn = sample(catalog, 30, 0)
    assert drawn.ids == sorted(drawn.ids)
    assert len(set(drawn.ids) & set(catalog.ids)) == 30
    assert sample(catalog, 30, 1).ids != drawn.ids


def test_policies_are_read_and_checked() -> None:
    assert read_policy("mean") == "mean"
    assert read_policy("{kind: policy_network, widths: [8]}") == {"kind": "policy_network", "widths": [8]}
    for wrong in ("maen", "{kind: mean", "[1, 2]", "{kind: policy_network, width: [8]}", "{widths: [8]}"):
        with pytest.raises(RecipeError):
            read_policy(wrong)


def test_every_pair_and_all_are_fused() -> None:
    methods = plan_methods(["a", "b", "c"], ["early"], [{"kind": "ridge", "alphas": [1.0]}])
    names = [one.name for one in methods]
    assert len(set(names)) == len(names)
    for pair in ("a + b", "a + c", "b + c"):
        assert {f"policy network (paper): {pair}", f"policy network: {pair}"} <= set(names)
    assert "ridge (alphas=[1.0]): all inputs" in names
    two = plan_methods(["a", "b"], [], [])
    assert sum(one.kind == "policy_network" and one.family == "paper" for one in two) == 1
    assert next(one.policy for one in two if one.kind == "policy_network") == {
        "kind": "policy_network",
        "preset": "paper_bimodal",
    }


def test_the_command_writes_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv = tiny.write(tmp_path / "a.csv", tiny.tiny_rows(120))
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe().model_dump(mode="json")))
    out = tmp_path / "out"
    words = [
        "experiment",
        "fusion",
        str(csv),
        "--recipe",
        str(file),
        "-o",
        str(out),
        "--min-products",
        "2",
        "-q",
    ]
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--policy", "category_pool"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert "Table 1." in printed
    assert "category pool: all inputs" in printed
    page = (out / "index.html").read_text()
    assert "--policy category_pool" in page
    for stem in (
        "table_1_inputs",
        "table_2_missed",
        "table_3_fusion",
        "table_4_missed",
        "leakage",
        "rescued",
    ):
        assert json.loads((out / f"{stem}.json").read_text())["rows"], stem
    for figure in ("figure_1_scores", "figure_2_products_per_category"):
        assert (out / f"{figure}.png").stat().st_size > 1_000
    assert list((out / "cache").glob("*.npz"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--target", "nothing"], "nothing"),
        (["--target", "tags", "--multilabel", "--policy", "maen"], "mean"),
        (["--target", "tags", "--multilabel", "--test", "no-such-file.csv"], "no-such-file.csv"),
    ],
)
def test_bad_requests_are_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    csv = tiny.write(tmp_path / "a.csv", tiny.tiny_rows(60))
    with pytest.raises(SystemExit) as stopped:
        main(["experiment", "fusion", str(csv), *words, "-o", str(tmp_path / "out"), "-q"])
    assert stopped.value.code == 1
    complaint = capsys.readouterr().err.strip()
    assert complaint.count("\n") == 0
    assert told in complaint
