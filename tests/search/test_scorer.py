"""A recipe's score is what training would report, and no classifier is trained twice for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.search.conftest import make_bench, quick_recipe

from shelfwise.ensemble import build_encoders, prepare
from shelfwise.experiments.cache import ResultStore
from shelfwise.learning.fitting import Trainer, fit_ensemble
from shelfwise.progress import Silent
from shelfwise.recipe import Recipe
from shelfwise.search.bench import Bench
from shelfwise.search.scorer import Scorer
from shelfwise.training.loop import EpochRecord, outcome_logits

LABELS = {"columns": ["tags"], "multilabel": True, "label_space": "labels"}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The classifiers of every fit, as they are trained."""
    seen: list[list[str]] = []
    fit = Trainer.fit

    def watched(self: Trainer, *args: Any, **named: Any) -> Any:
        seen.append([one.name for one in self.recipe.classifiers])
        return fit(self, *args, **named)

    monkeypatch.setattr(Trainer, "fit", watched)
    return seen


def scorer_of(
    bench: Bench, folder: Path, changing: set[str] = frozenset(), policies: set[int] = frozenset()
) -> Scorer:  # type: ignore[assignment]
    return Scorer(bench, ResultStore(folder / "scores"), set(changing), set(policies), Silent())


def changed(recipe: Recipe, **values: Any) -> Recipe:
    first, *others = recipe.classifiers
    return recipe.model_copy(update={"classifiers": [first.model_copy(update=values), *others]})


@pytest.mark.parametrize("target", ["category", LABELS], ids=["paths", "labels"])
def test_the_score_is_what_training_reports(tmp_path: Path, target: Any) -> None:
    bench = make_bench(tmp_path, quick_recipe(target=target))
    recipe = bench.recipe
    scorer = scorer_of(bench, tmp_path)
    prepared = prepare(build_encoders(recipe.inputs), recipe.inputs, bench.catalog, Silent())
    ensemble, record = fit_ensemble(
        recipe, bench.target, prepared, bench.truth, bench.groups, bench.rounds, bench.learned, Silent()
    )
    found = scorer.score(recipe, Silent())
    assert found.value == record.scores[record.policy]
    assert (found.fused.told, found.fused.scores) == (record.policy, record.scores)
    fused, logits, present = scorer.final(recipe, Silent())
    data = ensemble.transform(prepared)
    for mine, here, classifier in zip(logits, present, ensemble.classifiers, strict=True):
        wanted = outcome_logits(classifier, data, bench.aside)
        np.testing.assert_allclose(mine[here], wanted[here], atol=1e-5)
    assert fused.calibration == ensemble.calibration


def test_only_the_changed_classifier_is_trained(
    quick_bench: Bench, tmp_path: Path, trained: list[list[str]]
) -> None:
    scorer = scorer_of(quick_bench, tmp_path, {"words"})
    first = scorer.score(quick_bench.recipe, Silent())
    assert trained == [["words", "brand"]] * 2
    trained.clear()
    other = scorer.score(changed(quick_bench.recipe, epochs=1, sparse_learning_rate=1e-6), Silent())
    assert trained == [["words"]] * 2
    assert other.value != first.value
    trained.clear()
    assert scorer.score(quick_bench.recipe, Silent()).value == first.value
    assert trained == []


def test_a_later_run_finds_what_does_not_change(
    quick_bench: Bench, tmp_path: Path, trained: list[list[str]]
) -> None:
    first = scorer_of(quick_bench, tmp_path, {"words"}).score(quick_bench.recipe, Silent())
    trained.clear()
    again = scorer_of(quick_bench, tmp_path, {"words"}).score(quick_bench.recipe, Silent())
    assert trained == [["words"]] * 2
    assert again.value == first.value


def test_a_changed_input_trains_its_readers_again(
    quick_bench: Bench, tmp_path: Path, trained: list[list[str]]
) -> None:
    scorer = scorer_of(quick_bench, tmp_path, {"words"})
    scorer.score(quick_bench.recipe, Silent())
    trained.clear()
    title, brand = quick_bench.recipe.inputs
    assert title.encoder
    coarse = title.model_copy(update={"encoder": {**title.encoder, "max_features": 3}})
    scorer.score(quick_bench.recipe.model_copy(update={"inputs": [coarse, brand]}), Silent())
    assert trained == [["words"]] * 2


def test_the_searched_policy_is_judged_not_the_best_of_all(quick_bench: Bench, tmp_path: Path) -> None:
    whole = scorer_of(quick_bench, tmp_path).score(quick_bench.recipe, Silent())
    alone = scorer_of(quick_bench, tmp_path, policies={2}).score(quick_bench.recipe, Silent())
    assert alone.value == whole.fused.scores["mean"]
    assert (
        scorer_of(quick_bench, tmp_path, policies={2}).whole(quick_bench.recipe, Silent())[0].told
        == whole.fused.told
    )


def test_every_epoch_is_told_with_a_number_for_classifier_and_fold(
    quick_bench: Bench, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []

    def on_step(part: int, record: EpochRecord) -> None:
        assert record.score is not None
        told.append((part, record.epoch))

    scorer_of(quick_bench, tmp_path, {"words"}).score(quick_bench.recipe, Silent(), on_step)
    assert {part for part, _ in told} == {0, 1, 2, 3}
    assert told[:4] == [(0, 1), (0, 2), (0, 3), (0, 4)]


def test_a_classifier_with_nothing_to_read_is_left_out(tmp_path: Path) -> None:
    recipe = quick_recipe()
    empty = recipe.classifiers[1].model_copy(update={"name": "empty", "inputs": ["nothing"]})
    inputs = [*recipe.inputs, recipe.inputs[0].model_copy(update={"name": "nothing"})]
    recipe = recipe.model_copy(update={"classifiers": [*recipe.classifiers, empty], "inputs": inputs})
    from tests.tiny_catalog import read, tiny_rows

    from shelfwise.search.bench import set_up

    rows = [{**row, "nothing": ""} for row in tiny_rows(80)]
    bench = set_up(recipe, read(tmp_path / "shop.csv", rows), 0.0, Silent())
    assert scorer_of(bench, tmp_path).score(bench.recipe, Silent()).names == ["words", "brand"]
