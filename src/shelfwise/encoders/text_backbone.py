"""A frozen pretrained text network: a sentence in, a vector out, the same in any company."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from shelfwise.encoders.allocator import keep_freed_memory
from shelfwise.encoders.sentence_layout import SentenceLayout
from shelfwise.encoders.transformers_model import load_model, quiet_transformers, unloadable
from shelfwise.errors import MissingDependencyError
from shelfwise.precision import computing_in, precision

OPTION = "--text-model"

_LENGTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Tokens to which texts are filled up. Fixed, so that a text's length is its own, and not that of the longest beside it."""
_STEP_BEYOND = 256
_CHARACTERS_A_TOKEN = 32
"""Of a text so many characters for each token to be read reach the tokenizer, which would else read all of a book."""


class TextBackbone:
    """A transformers text model on the best device at hand, in evaluation mode.

    Kernels round differently for different sizes, so a text is filled up to a length that depends on itself alone, and a pass of
    texts of some length always has as many rows, the last one filled up with copies: a text's vector is then bit for
    bit the same whatever it is computed with. ``batch``: tokens a pass.

    Raises MissingDependencyError: transformers is not installed, or the folder holds no text model that loads.
    """

    def __init__(self, layout: SentenceLayout, batch: int) -> None:
        keep_freed_memory()
        # Threads of the tokenizer's own would fight with PyTorch's, and warn in every process that is forked later.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self.layout = layout
        self.batch = batch
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._dtype = precision()
        self._tokenizer = _tokenizer(layout)
        # The kernels that fuse attention leave the mask out where it hides nothing, and then round differently.
        model, _ = load_model(layout.transformer, "text", OPTION, attn_implementation="eager")
        if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
            model = model.get_encoder()  # type: ignore[operator]
        model = getattr(model, "text_model", model)  # the text's half of an image-and-text model
        if getattr(model, "main_input_name", "input_ids") != "input_ids":
            wrong = ValueError(f"{type(model).__name__} does not take texts")
            raise unloadable(layout.transformer, "text", OPTION, wrong)
        self._model = model.float().eval().requires_grad_(False).to(self._device)
        self._fill = self._tokenizer.pad_token_id or 0

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of each text's tokens, at most ``max_tokens`` and at least one."""
        most = self.layout.max_tokens * _CHARACTERS_A_TOKEN
        short = [text[:most].lower() if self.layout.lower_case else text[:most] for text in texts]
        with quiet_transformers():  # it would warn of texts that are cut
            found = self._tokenizer(
                short, truncation=True, max_length=self.layout.max_tokens, return_attention_mask=False
            )["input_ids"]
        return [ids or [self._fill] for ids in found]

    def vectors(self, tokens: Sequence[Sequence[int]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(places in ``tokens`` [B], float32 [B, width]), pass by pass, short texts first."""
        lengths = np.array([self._filled_length(len(ids)) for ids in tokens], dtype=np.int64)
        for length in np.unique(lengths):
            places = np.flatnonzero(lengths == length)
            rows = max(1, self.batch // int(length))
            for start in range(0, len(places), rows):
                here = places[start : start + rows]
                yield here, self._pass([tokens[place] for place in here], int(length), rows)

    def _filled_length(self, count: int) -> int:
        fitting = next((length for length in _LENGTHS if length >= count), None)
        wanted = fitting if fitting is not None else -(-count // _STEP_BEYOND) * _STEP_BEYOND
        return max(count, min(wanted, self.layout.max_tokens))

    def _pass(self, tokens: list[Sequence[int]], length: int, rows: int) -> np.ndarray:
        numbers = np.full((rows, length), self._fill, dtype=np.int64)
        mask = np.zeros((rows, length), dtype=np.int64)
        for row in range(rows):
            ids = tokens[
                row if row < len(tokens) else 0
            ]  # filled up with copies: a row without a token gives no number
            numbers[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        here = torch.from_numpy(mask).to(self._device)
        with (
            torch.no_grad(),
            computing_in(self._dtype),
        ):
            output = self._model(input_ids=torch.from_numpy(numbers).to(self._device), attention_mask=here)
        pooled = self._pooled(output.last_hidden_state.float(), here)
        return pooled[: len(tokens)].cpu().numpy()

    def _pooled(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """float32 [B, width] of tokens [B, length, width]."""
        if self.layout.pooling == "cls":
            pooled = hidden[:, 0]
        elif self.layout.pooling == "max":
            pooled = hidden.masked_fill(mask[:, :, None] == 0, -torch.inf).amax(dim=1)
        else:
            pooled = (hidden * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return F.normalize(pooled, dim=1) if self.layout.normalize else pooled


def _tokenizer(layout: SentenceLayout) -> Any:
    with quiet_transformers() as transformers:
        try:
            return transformers.AutoTokenizer.from_pretrained(
                layout.transformer, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError) as error:
            reason = (" ".join(str(error).split()) or type(error).__name__)[:300]
            raise MissingDependencyError(
                f"Expected a tokenizer beside the text model in {layout.transformer}, but none loads "
                f"({type(error).__name__}: {reason}). Pass another with {OPTION} FOLDER."
            ) from error
