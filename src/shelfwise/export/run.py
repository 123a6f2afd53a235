"""`shelfwise export`: a copy of a model with its networks in ONNX, refused where it would answer otherwise than the model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from shelfwise import __version__
from shelfwise.catalog.catalog import Catalog
from shelfwise.categorizer import Categorizer
from shelfwise.encoders.pretrained_image import PretrainedImage
from shelfwise.engine.classifier import ExportedClassifier
from shelfwise.engine.manifest import (
    EXPORT_FOLDER,
    FORMAT_VERSION,
    MANIFEST_FILE,
    Comparison,
    ExportedEncoder,
    ExportedFile,
    Manifest,
    Precision,
    digest,
)
from shelfwise.engine.runtime import INSTALL, runtime_installed
from shelfwise.ensemble import prepare, read_input
from shelfwise.errors import MissingDependencyError, ShelfwiseError
from shelfwise.export.calibration import LEAST_SHOWN, pictures, products
from shelfwise.export.compare import Differences, all_probabilities, differences, show_enough
from shelfwise.export.networks import NotExportable, backbone_to_onnx, classifier_to_onnx
from shelfwise.export.quantise import quantised
from shelfwise.exported_model import model_digest
from shelfwise.precision import single_precision
from shelfwise.progress import Reporter, Silent
from shelfwise.storage.model_files import OWN_FILES
from shelfwise.storage.model_folder import refuse_foreign_folder
from shelfwise.whole_folders import whole_folder

MOST_CHANGED: dict[Precision, float] = {"fp32": 0.001, "int8": 0.01}
"""Share of products whose answer or decision may change, unless another is asked for."""


@dataclass(frozen=True)
class ExportRequest:
    """What `shelfwise export` was asked for. No ``catalogs``: those that the model was trained on."""

    model: Path
    output: Path
    catalogs: tuple[str, ...] = ()
    precision: Precision = "fp32"
    products: int = 1_000
    most_changed: float | None = None
    images: Path | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class Exported:
    """What an export came to.

    ``in_int8``: how many of the networks; ``bytes``: of all of them; ``kept``: what stays with PyTorch, and why.
    """

    folder: Path
    differences: Differences
    networks: int
    in_int8: int
    bytes: int
    kept: dict[str, str]


@dataclass
class _Networks:
    files: dict[str, bytes] = field(default_factory=dict)
    encoders: dict[str, ExportedEncoder] = field(default_factory=dict)
    classifiers: dict[str, ExportedFile] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

    @property
    def in_int8(self) -> int:
        """How many compute in 8 bits."""
        made = [*self.encoders.values(), *self.classifiers.values()]
        return sum(one.precision == "int8" for one in made)

    def add(self, room: str, model: bytes, precision: Precision) -> ExportedFile:
        name = f"{room}_{len(self.files)}.onnx"
        self.files[name] = model
        return ExportedFile(file=name, sha256=digest(model), precision=precision)


def run_export(request: ExportRequest, reporter: Reporter) -> Exported:
    """Read the products and export. Raises ShelfwiseError."""
    paths = request.catalogs or tuple(Categorizer.load(request.model).facts_.catalog)
    missing = [path for path in paths if not request.catalogs and not Path(path).exists()]
    if missing or not paths:
        raise ShelfwiseError(
            f"expected the catalog that the model was trained on at '{missing[0] if missing else 'its place'}' to compare the "
            "export on, and it is not there; name products: shelfwise export MODEL CATALOG -o FOLDER"
        )
    catalog = Catalog.read(*paths, images_dir=request.images, encoding=request.encoding)
    rows = np.unique(np.linspace(0, len(catalog) - 1, request.products).astype(np.int64))
    return export_model(
        request.model,
        request.output,
        catalog.take(rows) if len(catalog) else catalog,
        precision=request.precision,
        most_changed=request.most_changed,
        reporter=reporter,
    )


def export_model(
    model_folder: Path,
    output: Path,
    catalog: Catalog,
    *,
    precision: Precision = "fp32",
    most_changed: float | None = None,
    reporter: Reporter | None = None,
) -> Exported:
    """Write ``output``: the model, and its networks in ONNX, once they were compared on all products of ``catalog``.

    ``output`` may be the model's own folder. ``precision`` "int8": networks with convolutions compute in 8 bits, in ranges
    that the catalog's pictures show. ``most_changed``: share (0–1) of products whose answer or decision may become another;
    above it nothing is written. The original computes in single precision meanwhile, also where it otherwise would in bfloat16:
    what that rounds is no fault of the export. Raises ShelfwiseError.
    """
    if not runtime_installed():
        raise MissingDependencyError(
            f"an export is made and compared by ONNX Runtime, which is not installed: {INSTALL}"
        )
    if not len(catalog):
        raise ShelfwiseError(
            "expected products to compare the export on, but the catalog has none; give another"
        )
    reporter = reporter or Silent()
    allowed = MOST_CHANGED[precision] if most_changed is None else most_changed
    refuse_foreign_folder(output)
    with single_precision():
        return _exported(model_folder, output, catalog, precision, allowed, reporter)


def _exported(
    model_folder: Path,
    output: Path,
    catalog: Catalog,
    precision: Precision,
    allowed: float,
    reporter: Reporter,
) -> Exported:
    original = Categorizer.load(model_folder, exported=False)
    with reporter.stage("original", total=None):
        before = original.predict(catalog), all_probabilities(original.recipe_, original.ensemble_, catalog)
    show_enough(before[0], reporter)
    with reporter.stage("exporting", total=None):
        networks = _networks(original, catalog, precision)
    for name, why in networks.kept.items():
        reporter.say(f"'{name}' stays with PyTorch: {why}")
    with whole_folder(output) as written:
        _copy_model(model_folder, written)
        if output.exists():
            _copy_extras(output, written)
        _write_networks(written, networks)
        _write_manifest(written, networks, precision, None)
        with reporter.stage("comparing", total=None):
            found = _compared(written, catalog, before)
        if found.changed > allowed:
            raise ShelfwiseError(
                f"the export answers otherwise than the model for {found.changed:.2%} of {found.products:,} products "
                f"(at most {allowed:.2%} is allowed; the largest difference of a probability is {found.largest:.4f}), so it was "
                "not written; export in fp32, or allow more with --most-changed"
            )
        _write_manifest(written, networks, precision, found, allowed)
    size = sum(map(len, networks.files.values()))
    return Exported(output, found, len(networks.files), networks.in_int8, size, networks.kept)


def _networks(model: Categorizer, catalog: Catalog, precision: Precision) -> _Networks:
    ensemble, networks = model.ensemble_, _Networks()
    prepared = prepare(ensemble.encoders, model.recipe_.inputs, catalog, Silent())
    data = ensemble.transform(prepared)
    inputs = {one.name: one for one in model.recipe_.inputs}
    for name, encoder in ensemble.encoders.items():
        if not isinstance(encoder, PretrainedImage) or encoder.has_network:
            continue
        try:
            onnx = backbone_to_onnx(encoder.backbone(), encoder.reads_layers)
        except NotExportable as error:
            networks.kept[name] = str(error)
            continue
        onnx, made = _in_precision(onnx, precision, pictures(encoder, read_input(catalog, inputs[name])))
        identity, width = encoder.identity(), encoder.width
        networks.encoders[name] = ExportedEncoder(
            **networks.add("encoder", onnx, made).model_dump(), identity=identity, width=width
        )
    for classifier in ensemble.classifiers:
        assert not isinstance(classifier, ExportedClassifier), "the original is loaded with PyTorch"
        try:
            onnx = classifier_to_onnx(classifier, data)
        except NotExportable as error:
            networks.kept[classifier.recipe.name] = str(error)
            continue
        batches = products(classifier.recipe.inputs, classifier.reads_sparse, data)
        onnx, made = _in_precision(onnx, precision, batches)
        networks.classifiers[classifier.recipe.name] = networks.add("classifier", onnx, made)
    if precision == "int8" and not networks.in_int8:
        raise ShelfwiseError(
            f"nothing of this model can be exported in int8: that takes a network with convolutions, and {LEAST_SHOWN} or more "
            "products whose picture can be read; export in fp32, or name products with pictures (--images says where their "
            "paths start)"
        )
    return networks


def _in_precision(
    model: bytes, precision: Precision, batches: Sequence[Mapping[str, np.ndarray]]
) -> tuple[bytes, Precision]:
    """The network in int8 where that is asked for, and where it has convolutions and pictures to calibrate on."""
    if precision == "fp32" or not batches:
        return model, "fp32"
    try:
        return quantised(model, batches), "int8"
    except NotExportable:
        return model, "fp32"


def _compared(folder: Path, catalog: Catalog, before: tuple[list, np.ndarray]) -> Differences:
    exported = Categorizer.load(folder)
    after = exported.predict(catalog), all_probabilities(exported.recipe_, exported.ensemble_, catalog)
    return differences((before[1], after[1]), (before[0], after[0]))


def _copy_model(source: Path, target: Path) -> None:
    for name in sorted(OWN_FILES):
        if (source / name).is_file():
            shutil.copy2(source / name, target / name, follow_symlinks=False)


def _copy_extras(source: Path, target: Path) -> None:
    """What is a person's own in a folder that is replaced (a report, notes)."""
    for extra in source.iterdir():
        if extra.name in OWN_FILES or extra.name == EXPORT_FOLDER:
            continue
        if extra.is_dir() and not extra.is_symlink():
            shutil.copytree(extra, target / extra.name, symlinks=True)
        else:
            shutil.copy2(extra, target / extra.name, follow_symlinks=False)


def _write_networks(folder: Path, networks: _Networks) -> None:
    place = folder / EXPORT_FOLDER
    place.mkdir(exist_ok=True)
    for name, model in networks.files.items():
        (place / name).write_bytes(model)


def _write_manifest(
    folder: Path, networks: _Networks, precision: Precision, found: Differences | None, allowed: float = 0.0
) -> None:
    """``found``: how the export compares, which is known only once it could be read."""
    comparison = None
    if found is not None:
        comparison = Comparison(
            products=found.products,
            largest_difference=found.largest,
            changed=found.changed,
            most_changed=allowed,
        )
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        shelfwise=__version__,
        precision=precision,
        model=model_digest(folder),
        encoders=networks.encoders,
        classifiers=networks.classifiers,
        kept=networks.kept,
        comparison=comparison,
    )
    place = folder / EXPORT_FOLDER / MANIFEST_FILE
    place.write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
