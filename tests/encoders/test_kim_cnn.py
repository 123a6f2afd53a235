"""The convolution over words against one written out by hand, and without regard to padding, whatever the text's length."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.encoders.kim_cnn import ConvolutionOverWords, KimCnn, KimCnnOptions
from shelfwise.encoders.registry import build_encoder
from shelfwise.encoders.word_embedding import WordEmbedding
from shelfwise.errors import RecipeError


def network(
    widths: tuple[int, ...] = (5,), dense: int | None = 3, dropout: float = 0.0
) -> ConvolutionOverWords:
    torch.manual_seed(1)
    return ConvolutionOverWords(WordEmbedding(20, 4), widths, 6, dense, dropout).eval()


def text(length: int, padding: int = 0) -> torch.Tensor:
    words = torch.arange(length) * 7 % 20 + 2
    return torch.cat([words, torch.zeros(padding, dtype=torch.long)])[None].int()


def by_hand(net: ConvolutionOverWords, words: list[int]) -> np.ndarray:
    """One window a word, zeros beyond both ends."""
    table = net.embedding.weight.numpy()
    pooled = []
    for convolution in net.convolutions:
        width = convolution.kernel_size[0]
        weight, bias = convolution.weight.detach().numpy(), convolution.bias.detach().numpy()
        windows = []
        for centre in range(len(words)):
            total = bias.copy()
            for place in range(width):
                at = centre + place - (width - 1) // 2
                if 0 <= at < len(words):
                    total = total + weight[:, :, place] @ table[words[at]]
            windows.append(np.maximum(total, 0))
        pooled.append(np.max(windows, axis=0))
    vector = np.concatenate(pooled)
    if net.dense is None:
        return vector
    return np.maximum(net.dense.weight.detach().numpy() @ vector + net.dense.bias.detach().numpy(), 0)


@pytest.mark.parametrize("widths", [(5,), (1,), (2, 4), (3, 4, 5)], ids=str)
@pytest.mark.parametrize("length", [1, 2, 4, 5, 9])
@pytest.mark.parametrize("dense", [3, None])
def test_it_is_the_convolution(widths: tuple[int, ...], length: int, dense: int | None) -> None:
    net = network(widths, dense)
    words = text(length)
    np.testing.assert_allclose(net(words)[0].detach(), by_hand(net, words[0].tolist()), atol=1e-6)


@pytest.mark.parametrize("widths", [(5,), (1,), (2, 4), (3, 4, 5)], ids=str)
@given(length=st.integers(1, 40), padding=st.integers(1, 60))
@settings(deadline=None, max_examples=25)
def test_padding_makes_no_difference(widths: tuple[int, ...], length: int, padding: int) -> None:
    net = network(widths)
    with torch.no_grad():
        torch.testing.assert_close(net(text(length)), net(text(length, padding)), rtol=0, atol=1e-6)


def test_the_other_texts_make_no_difference() -> None:
    net = network((3, 4))
    rows = [text(length, 12 - length) for length in (1, 12, 5, 3)]
    with torch.no_grad():
        together = net(torch.cat(rows))
        alone = torch.cat([net(row) for row in rows])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_words_in_another_order_are_another_text() -> None:
    net = network((2,))
    assert not torch.allclose(net(torch.tensor([[2, 3, 4]])), net(torch.tensor([[4, 3, 2]])))


def test_padding_alone_is_finite_also_in_its_gradients() -> None:
    net = network((3, 5), dropout=0.5).train()
    vectors = net(torch.cat([text(0, 6), text(6)]))
    assert torch.isfinite(vectors).all()
    vectors.sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in net.parameters() if weight.requires_grad)
    ((rows, used),) = net.embedding.touched
    assert torch.isfinite(used.grad).all()
    assert not used.grad[rows == 0].any()


def test_dropout_is_for_training_only() -> None:
    net = network(dense=None, dropout=0.9)
    torch.testing.assert_close(net(text(5)), net(text(5)), rtol=0, atol=0)
    assert (net.train()(text(5)) == 0).sum() > (net.eval()(text(5)) == 0).sum()


class TestOptions:
    def built(self, **options: Any) -> KimCnn:
        encoder = build_encoder("kim_cnn", options)
        assert isinstance(encoder, KimCnn)
        return encoder

    def test_the_papers_network(self) -> None:
        encoder = self.built(preset="paper", text="paper_description")
        net = encoder.network()
        assert encoder.width == 170
        assert [conv.kernel_size for conv in net.convolutions] == [(5,)]
        assert net.convolutions[0].out_channels == 200
        assert (encoder.options.max_words, encoder.options.stop_words) == (300, "english")

    def test_kims_network(self) -> None:
        encoder = self.built(preset="kim")
        net = encoder.network()
        assert encoder.width == 300
        assert [conv.kernel_size[0] for conv in net.convolutions] == [3, 4, 5]
        assert net.dense is None
        assert net.dropout.p == 0.5

    def test_what_is_given_wins_and_presets_are_spelled_out(self) -> None:
        options = self.built(preset="kim", filters=7, text="paper_title").options
        told = json.loads(options.model_dump_json())
        assert (told["widths"], told["filters"], told["dense"], told["max_words"]) == ([3, 4, 5], 7, None, 57)
        assert not {"preset", "text"} & set(told)
        assert KimCnnOptions.model_validate(told).model_dump() == options.model_dump()

    @pytest.mark.parametrize(
        "options",
        [
            {"preset": "lenet"},
            {"widths": []},
            {"widths": [0]},
            {"filters": 0},
            {"dense": 0},
            {"dropout": 1.0},
            {"embedding": 1},
            {"train_vectors": False},
            {"preset": ["kim"]},
        ],
        ids=str,
    )
    def test_what_cannot_work_is_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(RecipeError, match="kim_cnn"):
            build_encoder("kim_cnn", options)

    def test_the_nearest_option_is_named(self) -> None:
        with pytest.raises(RecipeError, match='did you mean "stop_words"'):
            build_encoder("kim_cnn", {"stopwords": None})
