"""A model folder could name a backbone on a server: to look whether it is there sends a Windows user's credentials.

First refused of image backbones alone, while a text backbone could still be there.
"""

from __future__ import annotations

import numpy as np
import pytest

from shelfwise.encoders.registry import build_encoder
from shelfwise.errors import ModelFolderError


@pytest.mark.parametrize("kind", ["pretrained_image", "pretrained_text"])
@pytest.mark.parametrize("place", ["\\\\evil\\share", "//evil/share", "\\/evil/x"])
def test_is_refused(place: str, kind: str) -> None:
    arrays = {"mean": np.zeros(2, np.float32), "std": np.ones(2, np.float32)}
    state = {"width": 2, "backbone": {"fingerprint": "0"}, "folder": place}
    with pytest.raises(ModelFolderError, match="local folder"):
        build_encoder(kind, {"model": "owner/name"}).load_state(arrays, state)
