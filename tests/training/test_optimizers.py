"""The optimizers of recipes: PyTorch's own for dense weights, and the same arithmetic for the rows of word tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shelfwise.encoders.word_embedding import WordEmbedding
from shelfwise.errors import RecipeError
from shelfwise.progress import Silent
from shelfwise.recipe import ClassifierRecipe, Recipe, TrainingRecipe
from shelfwise.training.loop import outcome_logits, train
from shelfwise.training.optimizers import RowOptimizer, build_optimizer

NAMES = ["adamw", "adam", "sgd", "adadelta"]
KINDS = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
    "adadelta": torch.optim.Adadelta,
}


def recipe(**values: Any) -> ClassifierRecipe:
    return ClassifierRecipe(name="one", inputs=["title"], **values)


class TestRecipe:
    def test_each_has_values_that_suit_it(self) -> None:
        told = {name: recipe(optimizer=name) for name in NAMES}
        assert {name: one.learning_rate for name, one in told.items()} == {
            "adamw": 1e-3,
            "adam": 1e-3,
            "sgd": 0.1,
            "adadelta": 1.0,
        }
        assert {name: one.weight_decay for name, one in told.items()} == {
            "adamw": 1e-2,
            "adam": 0.0,
            "sgd": 0.0,
            "adadelta": 0.0,
        }
        assert recipe() == recipe(optimizer="adamw")

    def test_what_is_given_wins(self) -> None:
        given = recipe(optimizer="sgd", learning_rate=0.5, weight_decay=0.25)
        assert (given.learning_rate, given.weight_decay) == (0.5, 0.25)
        assert ClassifierRecipe(**given.model_dump()) == given

    @pytest.mark.parametrize("optimizer", ["rmsprop", ["adam"], None, {}], ids=str)
    def test_others_are_refused(self, optimizer: Any) -> None:
        with pytest.raises(RecipeError, match=r"optimizer"):
            Recipe(classifiers=[{"name": "one", "inputs": ["title"], "optimizer": optimizer}])


class TestDense:
    @pytest.mark.parametrize("name", NAMES)
    def test_it_is_pytorchs_own(self, name: str) -> None:
        weights = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))]
        found = build_optimizer(recipe(optimizer=name, weight_decay=0.5), weights[:1], weights[1:])
        assert type(found) is KINDS[name]
        assert {group["weight_decay"] for group in found.param_groups} == {0.5}

    def test_encoders_have_a_rate_of_their_own(self) -> None:
        weights = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))]
        apart = build_optimizer(recipe(encoder_learning_rate=1e-5), weights[:1], weights[1:])
        assert [group["top"] for group in apart.param_groups] == [1e-5, 1e-3]
        alike = build_optimizer(recipe(), weights[:1], weights[1:])
        assert [group["top"] for group in alike.param_groups] == [1e-3, 1e-3]
        assert len(build_optimizer(recipe(), [], weights).param_groups) == 1


class TestRows:
    @pytest.mark.parametrize("name", ["adam", "adadelta"])
    def test_where_all_rows_are_used_it_is_the_dense_rule(self, name: str) -> None:
        torch.manual_seed(0)
        table = WordEmbedding(6, 4).train()
        plain = nn.Embedding.from_pretrained(table.weight.clone(), freeze=False, padding_idx=0)
        declared = recipe(optimizer=name, learning_rate=0.05)
        ours, theirs = (
            RowOptimizer([table], declared),
            build_optimizer(declared, list(plain.parameters()), []),
        )
        words = torch.arange(8)[None]
        for _ in range(5):
            factor = torch.randn(1, 8, 4)
            (table(words) * factor).sum().backward()
            theirs.zero_grad()
            (plain(words) * factor).sum().backward()
            ours.step(1.0)
            theirs.step()
        torch.testing.assert_close(table.weight, plain.weight, rtol=1e-5, atol=1e-6)

    def test_sgd_by_hand(self) -> None:
        table = WordEmbedding(3, 2).train()
        before = table.weight.clone()
        optimizer = RowOptimizer([table], recipe(optimizer="sgd", learning_rate=0.5))
        (table(torch.tensor([[2, 2, 3]])) * 3).sum().backward()
        optimizer.step(0.1)
        change = torch.tensor([0, 0, 6, 3, 0])[:, None] * 0.5 * 0.1
        torch.testing.assert_close(table.weight.data, before - change)

    @pytest.mark.parametrize("name", NAMES)
    def test_only_words_in_use_change(self, name: str) -> None:
        table = WordEmbedding(6, 4).train()
        optimizer = RowOptimizer([table], recipe(optimizer=name))
        for words in ([[2, 3]], [[3, 0]]):
            before = table.weight.clone()
            table(torch.tensor(words)).sum().backward()
            optimizer.step(1.0)
            changed = torch.flatten((table.weight != before).any(1).nonzero()).tolist()
            assert changed == sorted(set(words[0]) - {0})
            assert table.touched == []

    def test_a_rare_words_first_step_is_a_first_step(self) -> None:
        """Adam's correction for the first steps counts each row's own."""
        table = WordEmbedding(2, 2).train()
        optimizer = RowOptimizer([table], recipe(learning_rate=0.01))
        for _ in range(50):
            table(torch.tensor([[2]])).sum().backward()
            optimizer.step(1.0)
        before = table.weight[3].clone()
        table(torch.tensor([[3]])).sum().backward()
        optimizer.step(1.0)
        torch.testing.assert_close(before - table.weight[3], torch.full((2,), 0.01))

    def test_the_encoders_rate_is_theirs(self) -> None:
        assert RowOptimizer([], recipe(encoder_learning_rate=0.5)).rate == 0.5
        assert RowOptimizer([], recipe(learning_rate=0.25)).rate == 0.25


@pytest.mark.parametrize("name", NAMES)
def test_each_learns_a_classifier(material: Any, name: str) -> None:
    rows, held = np.arange(80), np.arange(80, 120)
    classifier = material.classifier(
        inputs=["title", "brand", "price"],
        hidden=[16],
        embedding=8,
        optimizer=name,
        epochs=25,
        batch=8,
        dropout=0.1,
    )
    fit = train(classifier, material.data, material.truth, rows, TrainingRecipe(), Silent().stage("", 0))
    assert fit.curve[-1].loss < 0.6 * fit.curve[0].loss
    assert (outcome_logits(classifier, material.data, held).argmax(1) == material.truth[held]).mean() > 0.7
