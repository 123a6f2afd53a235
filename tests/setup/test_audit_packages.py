"""The audit fails for what is known to be vulnerable, and only says where nothing could be asked."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", Path(__file__).with_name("audit_packages.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


SOUND = {"name": "numpy", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "torch", "skip_reason": "not found"}
WRONG = {
    "name": "pillow",
    "version": "9.0",
    "vulns": [{"id": "X-1", "fix_versions": ["9.1"]}, {"id": "X-2", "fix_versions": []}],
}


def test_vulnerabilities_fail(audit: ModuleType) -> None:
    status, said = audit.report(printed(SOUND, WRONG), "")
    assert status == 1
    assert "pillow 9.0: X-1, repaired in 9.1" in said
    assert "no version yet" in said


@pytest.mark.parametrize("stdout", ["", "Traceback", "[]", printed(), printed(UNKNOWN)])
def test_what_could_not_be_asked_is_said(audit: ModuleType, stdout: str) -> None:
    status, said = audit.report(stdout, "ConnectionError: no route")
    assert status == 0
    assert "skipped" in said


def test_sound_packages_pass(audit: ModuleType) -> None:
    assert audit.report(printed(SOUND, UNKNOWN), "") == (
        0,
        "pip-audit: no known vulnerability in 1 of 2 packages",
    )
