"""The table of word vectors: padding stays nothing, and a step changes only the words it saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shelfwise.encoders.tokens import FIRST_WORD
from shelfwise.encoders.word_embedding import WordEmbedding

WORDS = torch.tensor([[2, 4, 0], [4, 0, 0]], dtype=torch.int32)


def test_vectors_are_the_rows_of_the_table() -> None:
    table = WordEmbedding(5, 3)
    for mode in (True, False):
        found = table.train(mode)(WORDS)
        torch.testing.assert_close(found, table.weight[WORDS.long()], rtol=0, atol=0)
        assert not found[0, 2].any()


def test_gradients_are_those_of_an_ordinary_embedding() -> None:
    table = WordEmbedding(5, 3).train()
    plain = torch.nn.Embedding.from_pretrained(table.weight.clone(), freeze=False, padding_idx=0)
    factor = torch.randn(2, 3, 3)
    (table(WORDS) * factor).sum().backward()
    (plain(WORDS) * factor).sum().backward()
    ((rows, used),) = table.touched
    assert rows.tolist() == [0, 2, 4]
    assert used.grad is not None
    torch.testing.assert_close(used.grad, plain.weight.grad[rows.long()])
    assert not used.grad[0].any(), "padding is the zero vector, always"


def test_a_batch_without_padding_and_one_without_words() -> None:
    table = WordEmbedding(5, 3).train()
    table(torch.tensor([[2, 3]])).sum().backward()
    rows, used = table.touched.pop()
    assert rows.tolist() == [0, 2, 3]
    assert used.grad is not None
    assert used.grad.tolist() == [[0] * 3, [1] * 3, [1] * 3]
    assert not table(torch.zeros(2, 1, dtype=torch.int32)).any()


def test_unknown_vectors_have_the_variance_of_the_known() -> None:
    torch.manual_seed(0)
    known = np.random.default_rng(0).normal(1.0, 0.4, (50, 40)).astype(np.float32)
    table = WordEmbedding(3000, 40, (np.arange(0, 3000, 60), known))
    np.testing.assert_array_equal(table.weight[FIRST_WORD::60].numpy(), known)
    others = np.setdiff1d(np.arange(1, 3002), np.arange(0, 3000, 60) + FIRST_WORD)
    drawn = table.weight[torch.from_numpy(others)].numpy()
    assert drawn.std() == pytest.approx(known.std(), rel=0.01)
    assert drawn.mean() == pytest.approx(0.0, abs=0.01)
    assert np.abs(drawn).max() <= known.std() * 3**0.5 + 1e-6, "uniform"
    assert not table.weight[0].any()


def test_nothing_is_kept_of_frozen_vectors_or_outside_training() -> None:
    frozen = WordEmbedding(5, 3, trainable=False).train()
    frozen(WORDS)
    idle = WordEmbedding(5, 3).eval()
    idle(WORDS)
    assert frozen.touched == idle.touched == []
    assert not any(weight.requires_grad for weight in (*frozen.parameters(), *idle.parameters()))


def test_none_of_the_words_known() -> None:
    table = WordEmbedding(4, 2, (np.empty(0, np.int64), np.empty((0, 2), np.float32)))
    assert torch.isfinite(table.weight).all()
    assert table.weight[1:].any(dim=1).all()
