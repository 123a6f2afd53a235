"""Fusion: several classifiers' scores → scores. One policy a file; they are listed in ``policies.py``."""

from __future__ import annotations

from shelfwise.fusion.policies import POLICIES, build_policy

__all__ = ["POLICIES", "build_policy"]
