"""Tiny image backbones with random weights, saved as transformers saves real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PREPROCESSOR = {
    "do_resize": True,
    "size": {"height": 32, "width": 32},
    "resample": 3,
    "do_center_crop": False,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}


def save_preprocessor(folder: Path, **changes: Any) -> Path:
    """Write a self-contained preprocessor configuration with ``changes``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "preprocessor_config.json").write_text(json.dumps({**PREPROCESSOR, **changes}))
    return folder


def tiny_resnet(folder: Path, seed: int = 0) -> Path:
    """A ResNet of 16 features whose last layers are pooled by the model itself."""
    import torch
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(seed)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(config).save_pretrained(folder)
    return save_preprocessor(folder)


def vit_without_pooler(folder: Path) -> Path:
    """A vision transformer saved as a classifier: its weights have no pooling layer."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
        num_labels=3,
    )
    ViTForImageClassification(config).save_pretrained(folder)
    return save_preprocessor(folder)


def tiny_bert(folder: Path) -> Path:
    """A model of text, which someone may well pass by mistake."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=20
    )
    BertModel(config).save_pretrained(folder)
    return save_preprocessor(folder)
