"""The recurrent network against PyTorch's own on packed sequences, and without regard to padding."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from shelfwise.encoders.lstm import Lstm, RecurrentOverWords
from shelfwise.encoders.registry import build_encoder
from shelfwise.encoders.word_embedding import WordEmbedding
from shelfwise.errors import RecipeError

SHAPES = [
    (cell, pooling, directions)
    for cell in ("lstm", "gru")
    for pooling in ("mean", "max", "last")
    for directions in (1, 2)
]


def network(cell: Any, pooling: Any, directions: int, dropout: float = 0.0) -> RecurrentOverWords:
    torch.manual_seed(1)
    return RecurrentOverWords(WordEmbedding(20, 4), cell, 5, pooling, dropout, directions).eval()


def texts(*lengths: int, length: int) -> torch.Tensor:
    words = torch.zeros(len(lengths), length, dtype=torch.int32)
    for row, size in enumerate(lengths):
        words[row, :size] = torch.arange(size) * 7 % 20 + 2 + row % 3
    return words


@pytest.mark.parametrize(("cell", "pooling", "directions"), SHAPES)
class TestEveryShape:
    def test_it_is_the_recurrent_network(self, cell: str, pooling: str, directions: int) -> None:
        net = network(cell, pooling, directions)
        sizes = [3, 1, 6]
        words = texts(*sizes, length=6)
        plain = (nn.LSTM if cell == "lstm" else nn.GRU)(4, 5, batch_first=True, bidirectional=directions == 2)
        for number, own in enumerate(net.cells):
            for name, weight in own.named_parameters():
                getattr(plain, name + "_reverse" * number).data = weight.data
        packed = nn.utils.rnn.pack_padded_sequence(
            net.embedding(words), torch.tensor(sizes), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(plain(packed)[0], batch_first=True)
        expected = []
        for row, size in enumerate(sizes):
            own = states[row, :size]
            last = torch.cat([own[-1, :5], own[0, 5:]])
            expected.append({"mean": own.mean(0), "max": own.amax(0), "last": last}[pooling])
        torch.testing.assert_close(net(words), torch.stack(expected))

    @given(size=st.integers(1, 30), padding=st.integers(1, 60))
    @settings(deadline=None, max_examples=15)
    def test_padding_makes_no_difference(
        self, cell: str, pooling: str, directions: int, size: int, padding: int
    ) -> None:
        net = network(cell, pooling, directions)
        with torch.no_grad():
            short, long = net(texts(size, length=size)), net(texts(size, length=size + padding))
        torch.testing.assert_close(short, long, rtol=0, atol=1e-6)

    def test_padding_alone_is_zeros_with_finite_gradients(
        self, cell: str, pooling: str, directions: int
    ) -> None:
        net = network(cell, pooling, directions).train()
        vectors = net(texts(0, 4, length=4))
        assert not vectors[0].any()
        vectors.sum().backward()
        assert all(torch.isfinite(weight.grad).all() for weight in net.parameters() if weight.requires_grad)
        ((_, used),) = net.embedding.touched
        assert torch.isfinite(used.grad).all()


class TestOptions:
    def test_the_defaults_are_the_papers(self) -> None:
        encoder = build_encoder("lstm")
        assert isinstance(encoder, Lstm)
        options = encoder.options
        assert (options.vocabulary, options.max_words, options.cell) == (50_000, 100, "lstm")
        net = encoder.network()
        assert net.embedding.weight.shape[1] == 128
        assert encoder.width == 128

    def test_both_directions_are_twice_as_wide(self) -> None:
        encoder = build_encoder("lstm", {"bidirectional": True, "units": 7})
        with torch.no_grad():
            assert encoder.network().eval()(torch.ones(2, 3, dtype=torch.int32)).shape == (2, 14)
        assert encoder.width == 14

    def test_gru_has_three_quarters_of_the_weights(self) -> None:
        def weights(cell: str) -> int:
            net = build_encoder("lstm", {"cell": cell}).network()
            return sum(weight.numel() for weight in net.cells.parameters())

        assert weights("gru") == 0.75 * weights("lstm")

    @pytest.mark.parametrize("options", [{"cell": "rnn"}, {"pooling": "sum"}, {"units": 0}], ids=str)
    def test_what_cannot_work_is_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(RecipeError, match="lstm"):
            build_encoder("lstm", options)
