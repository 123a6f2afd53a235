"""Where what serves pages or answers listens."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[str, typer.Option("--host", help="The address to serve on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")]
