"""What a pretrained image backbone expects of its pictures, read from its own preprocessor configuration.

The numbers are the model's; the work is done here, with Pillow, so that images are decoded safely and quickly
and no second imaging library is needed. The result equals the transformers processor's (a test compares
them).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np
from PIL import Image

from shelfwise.catalog.images import square_pixels
from shelfwise.errors import MissingDependencyError, ModelFolderError

if TYPE_CHECKING:
    import torch

Resize = Literal["stretch", "crop", "pad"]

# A configuration with all of these leaves nothing to its processor class's defaults.
_SELF_CONTAINED = frozenset(
    {
        "size",
        "resample",
        "do_rescale",
        "rescale_factor",
        "do_normalize",
        "image_mean",
        "image_std",
        "do_center_crop",
    }
)
_LARGEST_SIDE = 4096  # of what a saved model may claim
_CONVNEXT_WARP_SIDE = 384  # from this side on, ConvNeXt's processor stretches instead of cropping


@dataclass(frozen=True)
class ImagePreprocessing:
    """From a picture of any shape to a backbone's input.

    ``side``: pixels a side of the square; ``resize``: "stretch" both edges to ``side``, "crop" the centre
    after scaling the shorter edge to ``edge``, or "pad" with white after scaling the longer edge to ``side``;
    ``resample``: Pillow's filter; ``scale``, ``mean``, ``std``: the input is (pixel × scale - mean) / std per
    channel; ``bgr``: channels are blue, green, red.
    """

    side: int
    resize: Resize
    edge: int
    resample: int
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bgr: bool = False

    def square(self, image: Image.Image, side: int) -> np.ndarray:
        """An RGB image as uint8 [3, side, side] (``side`` must be this preprocessing's)."""
        if side != self.side:
            raise ValueError(f"expected side {self.side}, got {side}")
        resample = Image.Resampling(self.resample)
        if self.resize == "crop":
            pixels = _centre_crop(image, self.edge, side, resample)
        else:
            pixels = square_pixels(image, side, self.resize, resample)
        return pixels[::-1] if self.bgr else pixels

    def normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels 0–255 [B, 3, side, side] as the backbone's input, float32, channels last."""
        import torch

        x = pixels.to(torch.float32, memory_format=torch.channels_last)
        mean, std = (
            torch.tensor(values, device=pixels.device).view(1, 3, 1, 1) for values in (self.mean, self.std)
        )
        return (x * self.scale - mean) / std

    def changed(self, side: int | None, resize: Resize | None) -> ImagePreprocessing:
        """The same with another side or way of resizing; the margin that "crop" cuts off keeps its share."""
        new_side = side or self.side
        edge = max(new_side, round(self.edge * new_side / self.side))
        return replace(self, side=new_side, resize=resize or self.resize, edge=edge)

    def identity(self) -> dict[str, Any]:
        """All that the features depend on, as JSON."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }

    @classmethod
    def from_identity(cls, value: Any) -> Self:
        """What ``identity`` gave. Raises ModelFolderError for anything else."""
        wanted = {field.name for field in fields(cls)}
        if isinstance(value, dict) and value.keys() == wanted:
            numbers = [
                value["side"],
                value["edge"],
                value["resample"],
                value["scale"],
                *_floats(value["mean"]),
            ]
            numbers += _floats(value["std"])
            sides = type(value["side"]) is int and 1 <= value["side"] <= min(value["edge"], _LARGEST_SIDE)
            known = value["resize"] in get_args(Resize) and value["resample"] in list(Image.Resampling)
            if (
                sides
                and known
                and len(numbers) == 10
                and all(map(_is_finite, numbers))
                and 0 not in value["std"]
            ):
                values = {**value, "mean": tuple(value["mean"]), "std": tuple(value["std"])}
                return cls(**values)
        raise ModelFolderError(
            f"expected how pictures are prepared for an image backbone, got {value!r:.200}"
        )


def _floats(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else []


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def read_preprocessing(folder: Path) -> ImagePreprocessing:
    """The preprocessing of a model folder; transformers fills in the defaults of terse configurations.

    Raises MissingDependencyError where the configuration cannot be read or asks for what is not done here.
    """
    path = folder / "preprocessor_config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MissingDependencyError(
            f"Expected the image model's preprocessing in {path}, but it cannot be read: {error}. "
            "Pass a complete model folder with --image-model FOLDER."
        ) from error
    try:
        terse = _SELF_CONTAINED - config.keys() or not isinstance(config["size"], dict)
        if terse:
            config = _filled_in(folder)
        return _from_config(config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MissingDependencyError(
            f"The image preprocessing in {path} is not understood ({type(error).__name__}: {error}). "
            "Pass another image model with --image-model."
        ) from error


def _filled_in(folder: Path) -> dict[str, Any]:
    """The configuration with every default of its processor class. Raises ValueError for an unknown one."""
    from shelfwise.encoders.transformers_model import quiet_transformers

    with quiet_transformers() as transformers:
        try:
            processor = transformers.AutoImageProcessor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ImportError) as error:
            raise ValueError(" ".join(str(error).split())[:200]) from error
        return dict(processor.to_dict())


def _from_config(config: dict[str, Any]) -> ImagePreprocessing:
    side, resize, edge = _geometry(config)
    normalize = config.get("do_normalize", True)
    return ImagePreprocessing(
        side=side,
        resize=resize,
        edge=edge,
        resample=int(Image.Resampling(config.get("resample") or Image.Resampling.BILINEAR)),
        scale=float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0,
        mean=_per_channel(config["image_mean"]) if normalize else (0.0, 0.0, 0.0),
        std=_per_channel(config["image_std"]) if normalize else (1.0, 1.0, 1.0),
        bgr=bool(config.get("do_flip_channel_order", False)),
    )


def _geometry(config: dict[str, Any]) -> tuple[int, Resize, int]:
    """(side, way of resizing, edge before cropping) from a processor's size, crop_size and crop_pct."""
    size = {key: value for key, value in dict(config["size"]).items() if value is not None}
    if config.get("do_center_crop", False):
        crop = config.get("crop_size") or size
        side = _one_side(crop)
        return side, "crop", max(side, int(size.get("shortest_edge") or min(size["height"], size["width"])))
    if "shortest_edge" in size:
        side, share = int(size["shortest_edge"]), config.get("crop_pct")
        if share and side >= _CONVNEXT_WARP_SIDE:
            return side, "stretch", side
        return side, "crop", int(side / share) if share else side
    if "height" in size:
        side = _one_side(size)
        return side, "stretch", side
    side = int(size["longest_edge"] if "longest_edge" in size else max(size["max_height"], size["max_width"]))
    return side, "pad", side


def _one_side(size: dict[str, Any] | int) -> int:
    if isinstance(size, int):
        return size
    values = {int(size[key]) for key in ("height", "width", "shortest_edge") if size.get(key)}
    if len(values) != 1:
        raise ValueError(f"expected a square picture, got size {size}")
    return values.pop()


def _per_channel(values: Any) -> tuple[float, ...]:
    numbers = (
        (float(values),) * 3 if isinstance(values, int | float) else tuple(float(value) for value in values)
    )
    if len(numbers) != 3:
        raise ValueError(f"expected one number for each of 3 channels, got {values}")
    return numbers


def _centre_crop(image: Image.Image, edge: int, side: int, resample: Image.Resampling) -> np.ndarray:
    """Scale the shorter edge to ``edge`` and cut the centre out, rounding as transformers does."""
    width, height = image.size
    shorter = min(width, height)
    # Scale only the stretch of the longer edge that can be seen: a 10 × 50,000 picture must not become 224
    # × 1,120,000.
    longest = shorter * 8
    if max(width, height) > longest:
        left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
        image = image.crop((left, top, width - left, height - top))
        width, height = image.size
    size = (edge, int(edge * height / width)) if width <= height else (int(edge * width / height), edge)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    square = image.resize(size, resample).crop((left, top, left + side, top + side))
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))
