"""The process that workers are forked from: it has imported what they need, and a worker holds to its own threads."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from shelfwise.batch.process_server import few_threads

ASKS = """
import os, sys
from shelfwise.batch.process_server import begin_importing, worker_context

def told(pipe):
    import threadpoolctl
    from shelfwise.engine.threads import hold_linear_algebra_to
    imported = [name for name in ("torch", "shelfwise.categorizer", "shelfwise.encoders.ngrams") if name in sys.modules]
    hold_linear_algebra_to(2)
    threads = {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}
    pipe.send((imported, os.environ["OMP_NUM_THREADS"], sorted(threads)))

if __name__ == "__main__":
    begin_importing(1, networks=sys.argv[1] == "yes")
    context = worker_context()
    mine, theirs = context.Pipe()
    process = context.Process(target=told, args=(theirs,))
    process.start()
    print(mine.recv())
    process.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
@pytest.mark.parametrize("networks", ["yes", "no"])
def test_a_worker_finds_imported_what_it_needs(tmp_path: Path, networks: str) -> None:
    script = tmp_path / "asks.py"
    script.write_text(ASKS, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, str(script), networks], capture_output=True, text=True, check=True, timeout=120
    )
    imported, variable, threads = ast.literal_eval(ran.stdout)
    assert imported == [
        *(["torch"] if networks == "yes" else []),
        "shelfwise.categorizer",
        "shelfwise.encoders.ngrams",
    ]
    assert variable == "1", "the server was started for one thread"
    assert threads == [2], "this worker was asked to use two"


INTERRUPTED = """
import time
from shelfwise.batch.process_server import begin_importing

if __name__ == "__main__":
    try:
        begin_importing(1, networks=True)
        print("begun", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_ctrl_c_while_it_imports_is_quiet(tmp_path: Path) -> None:
    """A terminal sends it to every process; the server ended with the trace of whatever it was importing."""
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that started the tests in the background has it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    ) as begun:
        assert begun.stdout is not None
        assert begun.stdout.readline() == "begun\n"
        time.sleep(0.3)
        os.killpg(begun.pid, signal.SIGINT)
        assert begun.communicate(timeout=60) == ("interrupted\n", "")


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with suppress(RuntimeError), few_threads(3):
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "3"
        raise RuntimeError
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ
