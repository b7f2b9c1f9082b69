"""Presets and prompt templates, kept in one file of the user's, exchanged as the same JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_lsp.paths import write_atomically
from webui.request.form import Form, read, write

_FORMAT = "qwen-lsp presets 1"
_MOST = 500
_MOST_REQUEST_CHARS = 200_000


@dataclass(frozen=True, slots=True)
class Preset:
    """A form under a name; with a request it is a template."""

    form: Form
    request: str | None = None


class Presets:
    """The user's presets; every change is on disk before the call returns."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> dict[str, Preset]:
        """Name -> preset, by name. A damaged file counts as empty and is not overwritten by reading."""
        try:
            return parse(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}

    def keep(self, name: str, preset: Preset) -> None:
        """Save under a name, in place of an older one."""
        self._write({**self.all(), name: preset})

    def drop(self, name: str) -> None:
        """Forget one; unknown names are no error."""
        self._write({key: value for key, value in self.all().items() if key != name})

    def take_in(self, text: str) -> int:
        """Add the presets of an exported file; how many. Raises ValueError with a sentence when it holds none."""
        given = parse(text)
        self._write({**self.all(), **given})
        return len(given)

    def export(self) -> str:
        """All presets as the text of a file."""
        return dump(self.all())

    def _write(self, presets: Mapping[str, Preset]) -> None:
        write_atomically(self._file, dump(presets))


def dump(presets: Mapping[str, Preset]) -> str:
    """Presets as JSON text."""
    entries = {
        name: write(preset.form) | ({} if preset.request is None else {"request": preset.request})
        for name, preset in sorted(presets.items())
    }
    return json.dumps({"format": _FORMAT, "presets": entries}, ensure_ascii=False, indent=2) + "\n"


def parse(text: str) -> dict[str, Preset]:
    """Presets from JSON text. Raises ValueError with a sentence."""
    try:
        data: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON (line {error.lineno})") from error
    if (
        not isinstance(data, dict)
        or data.get("format") != _FORMAT
        or not isinstance(data.get("presets"), dict)
    ):
        raise ValueError(f"it does not begin with format “{_FORMAT}”")
    entries = [
        (str(name)[:80], values) for name, values in data["presets"].items() if isinstance(values, dict)
    ]
    return {name: _preset(values) for name, values in entries[:_MOST] if name.strip()}


def _preset(values: Mapping[str, Any]) -> Preset:
    request = values.get("request")
    return Preset(read(values), request[:_MOST_REQUEST_CHARS] if isinstance(request, str) else None)
