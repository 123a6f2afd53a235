"""A frozen pretrained image network: a picture in, a feature vector out, the same in any company."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from shelfwise.encoders.allocator import keep_freed_memory
from shelfwise.encoders.image_preprocessing import ImagePreprocessing
from shelfwise.errors import MissingDependencyError


@contextmanager
def quiet_transformers() -> Iterator[Any]:
    """The transformers module (seconds to import), without its log lines, load reports and progress bars.

    Raises MissingDependencyError where it is not installed.
    """
    try:
        import transformers
        from transformers.utils import logging
    except ImportError as error:
        raise MissingDependencyError(
            f"Pretrained backbones need the transformers library, which does not import here ({error}): "
            "pip install 'shelfwise[pretrained]'"
        ) from error
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield transformers
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def precision() -> torch.dtype:
    """bfloat16 on a CPU with instructions for it, where it is 2–3 times as fast; else float32.

    On any other CPU bfloat16 is emulated, many times slower than float32.
    """
    if torch.cuda.is_available():
        return torch.float32
    checks = (
        getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return torch.bfloat16 if any(check is not None and check() for check in checks) else torch.float32


class ImageBackbone:
    """A transformers image model on the best device at hand, in evaluation mode.

    Kernels round differently for different batch sizes, so every pass has exactly ``batch`` pictures, the
    last one filled up: a picture's features are then bit for bit the same whatever it is computed with.

    Raises MissingDependencyError: transformers is not installed, or the folder holds no image model that
    loads.
    """

    def __init__(self, folder: Path, preprocessing: ImagePreprocessing, batch: int) -> None:
        keep_freed_memory()
        self.preprocessing = preprocessing
        self.batch = batch
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._dtype = precision()
        model, self._trained_pooler = _load(folder)
        self._model = model.float().eval().requires_grad_(False).to(self._device)
        # Torch's stubs lack this argument, which doubles the speed of convolutions on CPUs.
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        takes_any_side = "interpolate_pos_encoding" in inspect.signature(model.forward).parameters
        self._arguments = {"interpolate_pos_encoding": True} if takes_any_side else {}
        self._mean = torch.tensor(preprocessing.mean, device=self._device).view(1, 3, 1, 1)
        self._std = torch.tensor(preprocessing.std, device=self._device).view(1, 3, 1, 1)

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Pictures uint8 [B, 3, side, side], 1 ≤ B ≤ batch, as float32 [B, width]."""
        count = len(pixels)
        if count < self.batch:
            filler = np.zeros((self.batch - count, *pixels.shape[1:]), dtype=np.uint8)
            pixels = np.concatenate([pixels, filler])
        x = torch.from_numpy(pixels).to(self._device).to(torch.float32, memory_format=torch.channels_last)
        x = (x * self.preprocessing.scale - self._mean) / self._std
        with (
            torch.inference_mode(),
            torch.autocast("cpu", torch.bfloat16, enabled=self._dtype == torch.bfloat16),
        ):
            output = self._model(pixel_values=x, **self._arguments)
        return self._pooled(output)[:count].float().cpu().numpy()

    def _pooled(self, output: Any) -> torch.Tensor:
        """[batch, width]: the model's own pooling where it is trained, else the mean of places or tokens."""
        pooled = getattr(output, "pooler_output", None)
        if pooled is not None and self._trained_pooler:
            return pooled.flatten(1)
        hidden = output.last_hidden_state
        return hidden.mean(dim=(2, 3)) if hidden.ndim == 4 else hidden.mean(dim=1)


def _load(folder: Path) -> tuple[nn.Module, bool]:
    """(the image model, whether its pooling layer has trained weights or needs none)."""
    from safetensors import SafetensorError

    with quiet_transformers() as transformers:
        try:
            model, report = transformers.AutoModel.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError) as error:
            raise _unloadable(folder, error) from error
        except SafetensorError as error:
            raise _unloadable(folder, error) from error
    # transformers fills missing weights with random numbers and goes on; features would differ in every
    # process.
    missing = [str(key) for key in report["missing_keys"]]
    untrained = [key for key in missing if "pooler." not in key]
    if untrained or report["mismatched_keys"]:
        names = ", ".join([*untrained, *map(str, report["mismatched_keys"])][:3])
        raise _unloadable(folder, ValueError(f"weights are missing or of another shape: {names}"))
    model = getattr(model, "vision_model", model)  # the picture's half of an image-and-text model
    if getattr(model, "main_input_name", "pixel_values") != "pixel_values":
        raise _unloadable(folder, ValueError(f"{type(model).__name__} does not take pictures"))
    return model, not missing


def _unloadable(folder: Path, error: Exception) -> MissingDependencyError:
    reason = (" ".join(str(error).split()) or type(error).__name__)[:300]
    return MissingDependencyError(
        f"Expected a pretrained image model in {folder}, but it does not load "
        f"({type(error).__name__}: {reason}). Pass another with --image-model FOLDER."
    )
