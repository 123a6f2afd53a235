"""What encoders on pretrained backbones have in common: which backbone, where it is, and the scaling of what it says.

A model folder names its backbone by content and does not copy it, so a backbone that is found is compared before it is used.
"""

from __future__ import annotations

import json as jsonlib
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions
from shelfwise.encoders.feature_cache import content_key
from shelfwise.encoders.standardising import centre_and_spread
from shelfwise.errors import MissingDependencyError, ModelFolderError
from shelfwise.precision import precision


class PretrainedOptions(EncoderOptions):
    """Options of every encoder on a pretrained backbone."""

    model: str = ""


@dataclass(frozen=True)
class Located(ABC):
    """A backbone found on this machine: where, and which (fingerprint of its files)."""

    folder: Path
    fingerprint: str

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What its vectors depend on, as JSON: the fingerprint, and how its inputs are read."""

    def cache_key(self, version: int) -> str:
        """A name for its vectors at this machine's precision; ``version`` changes when they change for other reasons."""
        what = {**self.identity(), "version": version, "precision": str(precision())}
        return f"{self.fingerprint}-{content_key(jsonlib.dumps(what, sort_keys=True).encode()).hex()}"


_Found = TypeVar("_Found", bound=Located)


class PretrainedEncoder(Encoder, Generic[_Found]):
    """Vectors of a pretrained backbone, each number standardised on the training products."""

    Options: ClassVar[type[PretrainedOptions]]
    options: PretrainedOptions
    reads: ClassVar[str]
    """What the backbone reads, for messages: "image" or "text"."""
    option: ClassVar[str]
    """The command line's option that chooses the backbone."""
    variable: ClassVar[str]
    """The environment variable that says where the backbone of a saved model is on this machine, if it moved."""
    always_told: ClassVar[bool] = True
    """Whether every model that was ever saved says which backbone it was trained with."""

    def __init__(self, options: PretrainedOptions) -> None:
        super().__init__(options)
        self._located: _Found | None = None
        self._backbone: Any = None
        self._expected: dict[str, Any] | None = None  # the identity a loaded model was trained with
        self._saved_folder: str | None = None
        self._width: int | None = None
        self._mean: np.ndarray | None = None
        self._std: np.ndarray | None = None

    @abstractmethod
    def _find(self, model: str) -> _Found:
        """The backbone of a local folder or hub name. Raises MissingDependencyError."""

    @abstractmethod
    def backbone(self) -> Any:
        """The network, loaded. Raises MissingDependencyError and ModelFolderError."""

    @abstractmethod
    def cache_name(self) -> str:
        """The feature cache's part for these vectors of the backbone, at this machine's precision."""

    @abstractmethod
    def _computed_width(self) -> int:
        """The length of the backbone's vectors, from the backbone itself."""

    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Learn each number's mean and standard deviation on the present ``rows``."""
        if self.options.model:
            self._locate()  # what was prepared may come from another encoder, and the state must name the backbone
        present = np.asarray(rows)[prepared.present[rows]]
        self._mean, self._std = centre_and_spread(prepared.matrix, present)
        self._width = prepared.matrix.shape[1]
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """Each number centred and scaled; rows without a value stay zero."""
        mean, std = self._scaling()
        scaled = prepared.matrix - mean
        scaled /= std
        scaled[~prepared.present] = 0.0
        return Encoded(scaled, prepared.state, prepared.reasons)

    def __getstate__(self) -> dict[str, Any]:
        """Another process reads the backbone from its folder when it needs it; most never do."""
        return {**self.__dict__, "_backbone": None}

    @property
    def width(self) -> int:
        """Length of the backbone's vector (runs it once where nothing has told it yet)."""
        if self._width is None:
            self._width = self._computed_width()
        return self._width

    def identity(self) -> dict[str, Any]:
        """Which backbone, by content, and how what it reads is prepared for it."""
        return self._locate().identity()

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Mean and standard deviation of each number."""
        return {} if self._mean is None or self._std is None else {"mean": self._mean, "std": self._std}

    def state_json(self) -> dict[str, Any]:
        """Which backbone, by content; the weights themselves are not copied into a model folder."""
        identity = self._located.identity() if self._located else self._expected
        folder = str(self._located.folder) if self._located else self._saved_folder
        return {"width": self._width, "backbone": identity, "folder": folder}

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """Become the fitted encoder; the backbone is found, and its content compared, when it is needed."""
        width, identity, folder = json.get("width"), json.get("backbone"), json.get("folder")
        shapes = {name: (array.shape, array.dtype.kind) for name, array in arrays.items()}
        if not isinstance(width, int) or shapes != {"mean": ((width,), "f"), "std": ((width,), "f")}:
            raise ModelFolderError(
                f"Expected the state of a {self.kind} encoder, mean and std of {width} numbers, got {shapes}."
            )
        told = isinstance(identity, dict) and isinstance(identity.get("fingerprint"), str)
        if not told and (identity is not None or self.always_told):
            raise ModelFolderError(
                f"Expected the identity of the {self.reads} backbone, got {identity!r:.200}."
            )
        for place in (folder, self.options.model):
            if isinstance(place, str) and place.replace("\\", "/").startswith("//"):
                # On Windows, only to look whether it is there would send the user's credentials.
                raise ModelFolderError(
                    f"Expected the {self.reads} backbone in a local folder, got {place[:100]!r}."
                )
        self._width, self._expected = width, identity
        self._saved_folder = folder if isinstance(folder, str) else None
        self._mean, self._std = arrays["mean"], arrays["std"]
        self._located = self._backbone = None
        return self

    def _scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each number."""
        if self._mean is None or self._std is None:
            raise ValueError(f"expected a fitted {self.kind} encoder; call fit or load_state first")
        return self._mean, self._std

    def _locate(self) -> _Found:
        """Find the backbone on this machine and make sure that it is the one this model was trained with."""
        if self._located is not None:
            return self._located
        model = self.options.model
        if self._expected is not None:  # a saved model, whose backbone or working folder may have moved
            saved = self._saved_folder if self._saved_folder and Path(self._saved_folder).is_dir() else model
            model = os.environ.get(self.variable) or saved
        if not model:
            raise MissingDependencyError(
                f"The encoder {self.kind} needs a backbone: pass {self.option} with a local folder or a hub name."
            )
        try:
            located = self._find(model)
        except MissingDependencyError as error:
            moved = f" If it moved, set {self.variable} to its folder." if self._expected else ""
            raise MissingDependencyError(f"{error}{moved}") from error
        if self._expected is not None and located.identity() != self._expected:
            raise ModelFolderError(
                f"This model was trained with another {self.reads} backbone: expected {self.options.model!r} with fingerprint "
                f"{self._expected['fingerprint']}, but {located.folder} has {located.fingerprint}, or is read another way. Put "
                f"the original back, or set {self.variable} to its folder."
            )
        self._located = located
        return located
