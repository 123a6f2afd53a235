"""The networks of ``bench_sequences.py`` as one writes them in plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

SIZES = {"kim_cnn": 300, "lstm": 128}
"""Numbers a word, as our encoders have them where nobody says otherwise."""


class BareKimCnn(nn.Module):
    """One width of 5, 200 filters, dense 170: Wirojwatanakul & Wangperawong 2019."""

    def __init__(self, words: int, labels: int) -> None:
        super().__init__()
        size = SIZES["kim_cnn"]
        self.embedding = nn.Embedding(words + 2, size, padding_idx=0)
        self.convolution = nn.Conv1d(size, 200, 5, padding=2)
        self.dropout = nn.Dropout(0.5)
        self.dense, self.out = nn.Linear(200, 170), nn.Linear(170, labels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, L] of word numbers → [B, labels]."""
        answers = self.convolution(self.embedding(x).transpose(1, 2))
        pooled = F.relu(answers.masked_fill((x == 0)[:, None], -torch.inf).amax(2))
        return self.out(F.relu(self.dense(self.dropout(pooled))))


class BareLstm(nn.Module):
    """128 units, the mean over the words: Wang & Guthrie 2015."""

    def __init__(self, words: int, labels: int) -> None:
        super().__init__()
        size = SIZES["lstm"]
        self.embedding = nn.Embedding(words + 2, size, padding_idx=0)
        self.lstm = nn.LSTM(size, 128, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(128, labels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, L] of word numbers → [B, labels]."""
        inside = (x != 0)[:, :, None]
        states = self.lstm(self.embedding(x))[0] * inside
        return self.out(self.dropout(states.sum(1) / inside.sum(1).clamp(min=1)))


def bare_mlp(words: int, labels: int) -> nn.Module:
    """Three hidden layers of 256 on a bag of words: Wang & Guthrie 2015."""
    layers: list[nn.Module] = []
    for size in (words, 256, 256):
        layers += [nn.Linear(size, 256), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(256, labels))


BARE: dict[str, Callable[[int, int], nn.Module]] = {
    "kim_cnn": BareKimCnn,
    "lstm": BareLstm,
    "mlp": bare_mlp,
}
"""Name of a study → (words, labels) → its network."""
