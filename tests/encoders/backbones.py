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


def resnet50_of_few_weights() -> Any:
    """A network with the layers of ResNet-50 (``microsoft/resnet-50``), each a few channels wide."""
    import torch
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(0)
    return ResNetModel(ResNetConfig(embedding_size=4, hidden_sizes=[8, 8, 16, 16])).eval()


def tiny_networks() -> dict[str, Any]:
    """One network of random weights of every kind of structure that image models in transformers have, side 64."""
    import torch
    from transformers import (
        CLIPVisionConfig,
        CLIPVisionModel,
        ConvNextConfig,
        ConvNextModel,
        Dinov2Config,
        Dinov2Model,
        MobileNetV2Config,
        MobileNetV2Model,
        SiglipVisionConfig,
        SiglipVisionModel,
        SwinConfig,
        SwinModel,
        ViTConfig,
        ViTModel,
    )

    torch.manual_seed(0)
    shape = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "image_size": 64,
        "patch_size": 16,
    }
    clip = CLIPVisionModel(CLIPVisionConfig(**shape))
    siglip = SiglipVisionModel(SiglipVisionConfig(**shape))
    swin = SwinConfig(
        image_size=64, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=4
    )
    return {
        "resnet": resnet50_of_few_weights(),
        "mobilenet_v2": MobileNetV2Model(MobileNetV2Config(depth_multiplier=0.25)).eval(),
        "convnext": ConvNextModel(ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 2, 1])).eval(),
        "swin": SwinModel(swin).eval(),
        "vit": ViTModel(ViTConfig(**shape)).eval(),
        "dinov2": Dinov2Model(Dinov2Config(**shape)).eval(),
        "clip": getattr(clip, "vision_model", clip).eval(),
        "siglip": getattr(siglip, "vision_model", siglip).eval(),
    }
