"""What one of several processes found wrong was followed by the others' tracebacks, and a wrong request waited for PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LAUNCHER = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def test_the_other_processes_say_one_line(tmp_path: Path) -> None:
    words = ["-m", "shelfwise", "train", "missing.csv", "--target", "category", "-o", "model"]
    found = subprocess.run(
        [sys.executable, *LAUNCHER, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode != 0
    ours = [line for line in found.stderr.splitlines() if line.startswith("shelfwise: ")]
    assert any("missing.csv" in line for line in ours)
    assert "[rank1]: Traceback" not in found.stderr


def test_a_wrong_request_is_refused_without_pytorch() -> None:
    program = (
        "import sys\n"
        "from shelfwise.cli import main\n"
        "try:\n"
        "    main(['train', 'shop.csv', '-o', 'model'])\n"
        "except SystemExit as ended:\n"
        "    print(ended.code, 'torch' in sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["2", "False"]
