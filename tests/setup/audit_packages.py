"""Known vulnerabilities of the installed packages, by pip-audit; without a network that is said, and no reason to fail.

    python tests/setup/audit_packages.py

Ends with status 1 where a package has one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

TIMEOUT_S = 120


def report(stdout: str, stderr: str) -> tuple[int, str]:
    """(Status, what to print) of what pip-audit printed."""
    try:
        found: list[dict[str, Any]] = json.loads(stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        why = " ".join(stderr.split())[-200:] or "it printed nothing"
        return 0, f"pip-audit: skipped, for it could not ask for known vulnerabilities ({why})"
    asked = [one for one in found if "skip_reason" not in one]
    if not asked:
        return 0, f"pip-audit: skipped, for none of {len(found)} packages could be asked for from here"
    lines = [
        f"{one['name']} {one['version']}: {wrong['id']}, repaired in {', '.join(wrong['fix_versions']) or 'no version yet'}"
        for one in asked
        for wrong in one["vulns"]
    ]
    if lines:
        return 1, "\n".join([f"pip-audit: {len(lines)} known vulnerabilities", *lines])
    return 0, f"pip-audit: no known vulnerability in {len(asked)} of {len(found)} packages"


def main() -> int:
    """The exit status."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--skip-editable", "-f", "json"),
        *("--timeout", "10"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        status, said = report("", f"no answer in {TIMEOUT_S} s")
    else:
        status, said = report(done.stdout, done.stderr)
    print(said)
    return status


if __name__ == "__main__":
    sys.exit(main())
