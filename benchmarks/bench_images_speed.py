"""Pictures through an image backbone: decoding alone, the network alone, both together, and plain PyTorch with Pillow.

Pictures are real ones, encoded anew as JPEG of ``--side`` pixels. Every figure is pictures a second, the best of ``--repeats``
runs; all sides may use ``--threads`` threads.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from _common import (
    Bar,
    Column,
    Result,
    Value,
    add_image_model,
    arguments,
    image_model,
    limit_threads,
    need,
    ratio,
    show,
)

COLUMNS = [
    Column("work"),
    Column("pictures/s", ",.1f"),
    Column("per CPU s", ",.1f"),
    Column("share of the slower alone", ".2f"),
    Column("× plain", ".2f"),
]
LEAST_SHARE, LEAST_TIMES = 0.85, 2.0
BATCH = 8


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument("--side", type=int, default=224, metavar="PX", help="of the JPEG files (default 224)")
    parser.add_argument("--pictures", type=int, default=256, metavar="N", help="how many (default 256)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs of each (default 3)")
    parser.add_argument("--int8", action="store_true", help="also the network in int8")
    args = parser.parse_args()
    limit_threads(args.threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    show(measure(args), args)


def measure(args: argparse.Namespace) -> Result:
    """All figures, one after the other, in this process: plain PyTorch first, before anything is set."""
    import torch
    from transformers import AutoModel

    from shelfwise.encoders.allocator import keep_freed_memory
    from shelfwise.encoders.exported_backbone import ExportedBackbone
    from shelfwise.encoders.image_backbone import ImageBackbone
    from shelfwise.encoders.image_preprocessing import read_preprocessing
    from shelfwise.export.networks import backbone_to_onnx

    torch.set_num_threads(args.threads)
    folder = Path(image_model(args))
    files = jpegs(args)
    preprocessing = read_preprocessing(folder)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    found: dict[str, float] = {}
    per_cpu: dict[str, float] = {}

    def timed(work: str, run: Callable[[], Any]) -> None:
        print(f"{work} ...", file=sys.stderr, flush=True)
        runs = [_seconds(run) for _ in range(args.repeats)]
        found[work] = len(files) / min(wall for wall, _ in runs)
        per_cpu[work] = len(files) / min(cpu for _, cpu in runs)

    timed("plain PyTorch and Pillow", lambda: plain(model, preprocessing, files))
    keep_freed_memory()
    timed("plain, freed memory kept", lambda: plain(model, preprocessing, files))
    backbone = ImageBackbone(folder, preprocessing, BATCH)
    onnx = backbone_to_onnx(backbone, layers=False)
    width = _width(onnx, preprocessing.side)
    networks = {"ONNX Runtime": ExportedBackbone(onnx, "", {}, width, BATCH)}
    pixels = decoded(preprocessing, files, args.threads)
    if args.int8:
        from shelfwise.export.quantise import quantised

        some = [
            {"pixels": pixels[at : at + BATCH]} for at in range(0, min(len(pixels), 128) - BATCH + 1, BATCH)
        ]
        networks["ONNX Runtime, int8"] = ExportedBackbone(quantised(onnx, some), "", {}, width, BATCH)
    timed("decoding alone", lambda: decoded(preprocessing, files, args.threads))
    timed("network alone, PyTorch", lambda: [backbone.features(part) for part in _parts(pixels)])
    timed("both, PyTorch", lambda: together(preprocessing, files, backbone.features, in_threads=False))
    for name, network in networks.items():
        timed(f"network alone, {name}", lambda network=network: alone(network.computed, pixels, args.threads))
        timed(
            f"both, {name}",
            lambda network=network: together(preprocessing, files, network.computed, in_threads=True),
        )
    return _result(args, found, per_cpu)


def _result(args: argparse.Namespace, found: dict[str, float], per_cpu: dict[str, float]) -> Result:
    result = Result(
        "Pictures through an image backbone",
        f"pictures of hm, encoded anew as JPEG of {args.side} pixels; {Path(image_model(args)).name}",
        COLUMNS,
        facts={"pictures": args.pictures},
    )
    plain_rate = found["plain PyTorch and Pillow"]
    for work, rate in found.items():
        row: dict[str, Value] = {"work": work, "pictures/s": rate, "× plain": ratio(rate, plain_rate)}
        row["per CPU s"] = per_cpu[work]
        if work.startswith("both, "):
            slower = min(found["decoding alone"], found[work.replace("both", "network alone")])
            row["share of the slower alone"] = rate / slower
        result.rows.append(row)
    result.notes.append("per CPU s: on a machine that others use too it is the fairer figure.")
    ours = found["both, ONNX Runtime"]
    slower = min(found["decoding alone"], found["network alone, ONNX Runtime"])
    result.bars = [
        Bar("both together in units of the slower alone", ours / slower, LEAST_SHARE, form=".3f"),
        Bar("times as fast as plain PyTorch and Pillow", ours / plain_rate, LEAST_TIMES, form=".2f"),
    ]
    if "network alone, ONNX Runtime, int8" in found:
        times = found["network alone, ONNX Runtime, int8"] / found["network alone, ONNX Runtime"]
        result.bars.append(Bar("int8: times as fast as fp32, network alone", times, 2.0, form=".2f"))
    return result


def jpegs(args: argparse.Namespace) -> list[bytes]:
    """Real pictures, each scaled to one side and encoded as JPEG of quality 90."""
    from PIL import Image

    from shelfwise import Catalog

    (folder,) = need(args.data, "hm")
    images = Catalog.read(folder).input("image").values
    files = []
    for raw in images.load(range(args.pictures)):  # type: ignore[union-attr]
        picture = Image.open(io.BytesIO(raw.data or b"")).convert("RGB").resize((args.side, args.side))
        written = io.BytesIO()
        picture.save(written, "JPEG", quality=90)
        # No two alike: equal pictures are computed once.
        files.append(written.getvalue() + len(files).to_bytes(4, "little"))
    return files


def plain(model: Any, preprocessing: Any, files: list[bytes]) -> None:
    """What one writes first: Pillow, one picture after the other, batches of 32 through the eager model."""
    import numpy as np
    import torch
    from PIL import Image

    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
    side = preprocessing.side
    with torch.no_grad():
        for start in range(0, len(files), 32):
            pictures = (Image.open(io.BytesIO(data)).convert("RGB") for data in files[start : start + 32])
            arrays = [np.asarray(one.resize((side, side), Image.Resampling.BICUBIC)) for one in pictures]
            pixels = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float()
            model(pixel_values=(pixels * preprocessing.scale - mean) / std)


def decoded(preprocessing: Any, files: list[bytes], threads: int) -> Any:
    """All pictures as the backbone takes them: uint8 [N, 3, side, side]."""
    import numpy as np

    from shelfwise.catalog.column import RawImage, State
    from shelfwise.catalog.decoding import decode_one

    pixels = np.empty((len(files), 3, preprocessing.side, preprocessing.side), np.uint8)

    def one(place: int) -> None:
        decode_one(RawImage(State.PRESENT, files[place]), pixels[place], preprocessing.square)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(len(files))))
    return pixels


def alone(compute: Callable[[Any], Any], pixels: Any, threads: int) -> None:
    """The network on decoded pictures, as many batches side by side as there are threads."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(compute, _parts(pixels)))


def together(
    preprocessing: Any, files: list[bytes], compute: Callable[[Any], Any], *, in_threads: bool
) -> None:
    """From bytes to features as ``shelfwise`` does it, without a cache."""
    import numpy as np

    from shelfwise.catalog.column import RawImage, State
    from shelfwise.encoders.image_features import FeatureRun
    from shelfwise.encoders.open_cache import MemoryCache

    class Source:
        def __len__(self) -> int:
            return len(files)

        def load(self, rows: Any) -> list[RawImage]:
            return [RawImage(State.PRESENT, files[row]) for row in rows]

        def take(self, rows: Any) -> Any:
            raise NotImplementedError

    width = compute(np.zeros((1, 3, preprocessing.side, preprocessing.side), np.uint8)).shape[1]
    features = np.zeros((len(files), width), np.float32)
    FeatureRun(
        Source(), preprocessing, compute, BATCH, MemoryCache(0), features, lambda done: None, in_threads
    ).all_rows()


def _width(onnx: bytes, side: int) -> int:
    import numpy as np

    from shelfwise.engine.runtime import OnnxNetwork

    return int(
        OnnxNetwork(onnx, {"pixels"}, "features")
        .run({"pixels": np.zeros((1, 3, side, side), np.uint8)})
        .shape[1]
    )


def _parts(pixels: Any) -> list[Any]:
    return [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]


def _seconds(run: Callable[[], Any]) -> tuple[float, float]:
    """Wall and processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
