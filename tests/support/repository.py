"""Where this checkout lies, for tests that read its files or start its programs."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
