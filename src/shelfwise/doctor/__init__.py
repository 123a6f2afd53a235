"""The catalog's doctor: what takes a trained model, or a second catalog, to find out."""

from __future__ import annotations

from shelfwise.doctor.examination import examine
from shelfwise.doctor.findings import Check, Diagnosis, Suspect

__all__ = ["Check", "Diagnosis", "Suspect", "examine"]
