"""The training loop: a function of the seed, stops in time, keeps the best, and its schedule ends at zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from shelfwise.progress import Silent
from shelfwise.recipe import TrainingRecipe
from shelfwise.training import loop
from shelfwise.training.loop import Fit, as_much, outcome_logits, train
from shelfwise.training.network import Classifier

FIT, HELD = np.arange(80), np.arange(80, 120)
EARLY = {
    "inputs": ["title", "brand", "price"],
    "hidden": [16],
    "embedding": 8,
    "input_dropout": 0.3,
    "hide_inputs": 0.2,
    "batch": 32,
}

QUICK = {"batch": 8, "epochs": 25, "learning_rate": 1e-2, "sparse_learning_rate": 0.3}


def accuracy(logits: np.ndarray, truth: np.ndarray) -> float:
    return float((logits.argmax(1) == truth).mean())


def trained(material: Any, classifier: Classifier, seed: int = 0, **options: Any) -> Fit:
    training = TrainingRecipe(seed=seed, **options.pop("training", {}))
    stage = Silent().stage("", 0)
    return train(
        classifier, material.data, material.truth, options.pop("rows", FIT), training, stage, **options
    )


def weights_of(classifier: Classifier) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in classifier.state_dict().values()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(map(torch.equal, one, other))


class TestDeterminism:
    @pytest.mark.parametrize("recipe", [{"batch": 16}, EARLY], ids=["linear", "early"])
    def test_a_seed_makes_a_model(self, material: Any, recipe: dict[str, Any]) -> None:
        found = []
        for seed in (1, 1, 2):
            classifier = material.classifier(seed=seed, epochs=3, **recipe)
            torch.rand(7)  # what was drawn before does not matter
            fit = trained(material, classifier, seed=seed)
            found.append((weights_of(classifier), [point.loss for point in fit.curve]))
        assert same(found[0][0], found[1][0])
        assert found[0][1] == found[1][1]
        assert not same(found[0][0], found[2][0])

    def test_scoring_does_not_disturb_training(self, material: Any) -> None:
        alone, watched = (material.classifier(epochs=3, **EARLY) for _ in range(2))
        trained(material, alone)
        watch = {"held_out": HELD, "score": lambda logits, truth: float(len(logits))}
        fit = trained(material, watched, **watch, training={"patience": 99})
        assert [point.score for point in fit.curve] == [40.0] * 3
        assert fit.best_epoch == 1, "of equals the first"
        again = material.classifier(epochs=3, **EARLY)
        other = trained(material, again)
        assert [p.loss for p in fit.curve] == [p.loss for p in other.curve]
        assert same(weights_of(alone), weights_of(again))


class TestEarlyStopping:
    def test_the_best_epoch_is_kept(self, material: Any) -> None:
        told = iter([0.1, 0.5, 0.4, 0.3, 0.2, 0.9])
        seen: list[list[torch.Tensor]] = []
        classifier = material.classifier(epochs=6, **EARLY)

        def score(logits: np.ndarray, truth: np.ndarray) -> float:
            seen.append(weights_of(classifier))
            return next(told)

        fit = trained(material, classifier, held_out=HELD, score=score, training={"patience": 3})
        assert fit.best_epoch == 2
        assert [point.score for point in fit.curve] == [0.1, 0.5, 0.4, 0.3, 0.2]
        assert [point.epoch for point in fit.curve] == [1, 2, 3, 4, 5]
        assert same(weights_of(classifier), seen[1])
        assert not same(weights_of(classifier), seen[-1])

    def test_it_scores_the_held_out_products(self, material: Any) -> None:
        classifier = material.classifier(epochs=2)
        rows = []

        def score(logits: np.ndarray, truth: np.ndarray) -> float:
            rows.append((len(logits), truth.tolist()))
            return 0.0

        trained(material, classifier, held_out=HELD, score=score)
        assert rows[0] == (40, material.truth[HELD].tolist())

    def test_without_held_out_products_every_epoch_runs(self, material: Any) -> None:
        fit = trained(material, material.classifier(epochs=5))
        assert len(fit.curve) == fit.best_epoch == 5
        assert {point.score for point in fit.curve} == {None}

    def test_fewer_epochs_are_a_shorter_schedule(self, material: Any) -> None:
        """Trained again, a model learns as much as until its best epoch, and its rate comes down to zero all the same."""
        asked, declared = material.classifier(epochs=12, **EARLY), material.classifier(epochs=6, **EARLY)
        shortened, whole = trained(material, asked, epochs=3), trained(material, declared)
        assert as_much(3, 12, "cosine") == 6
        assert [point.loss for point in shortened.curve] == [point.loss for point in whole.curve]


class TestLearning:
    @pytest.mark.parametrize("recipe", [{}, EARLY], ids=["linear", "early"])
    def test_it_learns(self, material: Any, recipe: dict[str, Any]) -> None:
        classifier = material.classifier(**{**recipe, **QUICK})
        fit = trained(material, classifier)
        carried = HELD[material.data["title"].present[HELD]]
        assert accuracy(outcome_logits(classifier, material.data, carried), material.truth[carried]) > 0.9
        assert fit.curve[-1].loss < 0.5 * fit.curve[0].loss

    @pytest.mark.parametrize("recipe", [{}, EARLY], ids=["linear", "early"])
    def test_in_bfloat16_it_learns_nearly_the_same(
        self, material: Any, recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        curves = []
        for numbers in (torch.float32, torch.bfloat16):
            monkeypatch.setattr(loop, "precision", lambda numbers=numbers: numbers)
            classifier = material.classifier(**{**recipe, **QUICK})
            curves.append([point.loss for point in trained(material, classifier).curve])
            assert {value.dtype for value in classifier.state_dict().values()} == {torch.float32}
        exact, rounded = curves
        assert rounded == pytest.approx(exact, rel=0.1, abs=0.1)
        assert (exact == rounded) == (recipe == {}), "sparse layers always compute in float32"

    def test_label_sets(self, material: Any) -> None:
        labelled = material.labelled()
        classifier = labelled.classifier(**QUICK)
        trained(labelled, classifier)
        carried = HELD[material.data["title"].present[HELD]]
        given = outcome_logits(classifier, labelled.data, carried) > 0
        assert (given == (labelled.truth[carried] > 0)).mean() > 0.9

    def test_weights_pull_towards_their_outcome(self, material: Any) -> None:
        means = []
        for weight in (0.05, 20.0):
            classifier = material.classifier(inputs=["brand"], **QUICK)  # which leaves it in doubt
            trained(material, classifier, weights=np.array([1, 1, weight], np.float32))
            means.append(np.exp(outcome_logits(classifier, material.data, HELD))[:, 2].mean())
        assert means[1] > means[0] + 0.1

    @pytest.mark.parametrize("batch", [79, 1, 500])
    def test_any_batch_size(self, material: Any, batch: int) -> None:
        fit = trained(material, material.classifier(epochs=1, **{**EARLY, "batch": batch}))
        assert np.isfinite(fit.curve[0].loss)

    def test_one_product(self, material: Any) -> None:
        fit = trained(material, material.classifier(epochs=2), rows=FIT[:1])
        assert np.isfinite(fit.curve[-1].loss)

    def test_only_products_given_are_learned_from(self, material: Any) -> None:
        """What other products carry has no influence on the weights."""
        found = []
        for flip in (False, True):
            truth = material.truth.copy()
            if flip:
                truth[HELD] = (truth[HELD] + 1) % 3
            classifier = material.classifier(epochs=2, **EARLY)
            train(classifier, material.data, truth, FIT, TrainingRecipe(), Silent().stage("", 0))
            found.append(weights_of(classifier))
        assert same(*found)


class TestSchedule:
    def rates(
        self, material: Any, schedule: str, monkeypatch: pytest.MonkeyPatch, **options: Any
    ) -> list[float]:
        rates: list[float] = []
        step = torch.optim.AdamW.step

        def spy(self: torch.optim.AdamW, *args: Any) -> Any:
            rates.append(self.param_groups[0]["lr"])
            return step(self, *args)

        monkeypatch.setattr(torch.optim.AdamW, "step", spy)
        recipe = {**EARLY, "batch": 2, "learning_rate": 0.01, **options}
        trained(material, material.classifier(epochs=5, **recipe), training={"schedule": schedule})
        return rates

    def test_cosine_warms_up_and_ends_near_zero(self, material: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        rates = self.rates(material, "cosine", monkeypatch)
        assert len(rates) == 200
        top = int(np.argmax(rates))
        assert 30 <= top <= 60
        assert rates[:top] == sorted(rates[:top])
        assert rates[top:] == sorted(rates[top:], reverse=True)
        assert max(rates) <= 0.01
        assert 0 < rates[-1] < 1e-5

    def test_constant_stays_after_the_warm_up(self, material: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        rates = self.rates(material, "constant", monkeypatch)
        assert rates[0] < 0.001
        assert set(rates[60:]) == {0.01}

    def test_a_share_of_the_steps_can_be_the_warm_up(
        self, material: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rates = self.rates(material, "constant", monkeypatch, warm_up=0.5)
        assert rates[:100] == pytest.approx(np.linspace(0.0001, 0.01, 100))
        assert set(rates[100:]) == {0.01}


def test_no_rows_to_predict(material: Any) -> None:
    assert len(outcome_logits(material.classifier(), material.data, np.zeros(0, np.int64))) == 0


def test_predicting_in_blocks_is_predicting_at_once(material: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = material.classifier(epochs=1, **EARLY)
    trained(material, classifier)
    rows = np.arange(120)
    whole = outcome_logits(classifier, material.data, rows)
    monkeypatch.setattr("shelfwise.training.loop.PREDICT_ROWS", 7)
    np.testing.assert_allclose(outcome_logits(classifier, material.data, rows), whole, atol=1e-5)
