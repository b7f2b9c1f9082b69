"""Scripts and styles of the page, as text."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def static_text(name: str) -> str:
    """The text of one file of this folder."""
    return (_FOLDER / name).read_text("utf-8")
