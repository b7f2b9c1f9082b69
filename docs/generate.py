"""Writes docs/settings.md, docs/editors.md and the VS Code settings; `--check` fails when one is not up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from editors_page import editors_page

from qwen_lsp.settings import options_table

VSCODE = Path(__file__).parent.parent / "editors" / "vscode" / "package.json"
FILE = Path(__file__).with_name("settings.md")
EDITORS = Path(__file__).with_name("editors.md")
HEAD = """# Settings

Generated from `qwen_lsp/settings.py` by `python docs/generate.py`; do not edit.

The same names hold everywhere, and later ones win: the file `config.toml` (its folder: `qwen-lsp doctor`), the
environment (`QWEN_LSP_ENGINE_MODEL` for `engine.model`), and the editor (section `qwen_lsp`). What is refused is
said once, and the default stays.

| option | kind | default | meaning |
|---|---|---|---|
"""


def settings_page() -> str:
    """The page's text."""
    rows = []
    for name, kind, default, meaning in options_table():
        shown = (
            str(default).lower()
            if isinstance(default, bool)
            else default or ("(empty)" if default == "" else default)
        )
        rows.append(f"| `{name}` | {kind.replace('|', ',')} | {shown} | {meaning} |")
    return HEAD + "\n".join(rows) + "\n"


def vscode_manifest() -> str:
    """package.json with our settings in it."""
    manifest = json.loads(VSCODE.read_text("utf-8"))
    properties = {
        "qwen.command": {
            "type": "string",
            "default": "",
            "scope": "machine-overridable",
            "markdownDescription": "Path of the `qwen-lsp` program. Empty: the active Python environment, PATH, "
            "then uv's tools.",
        }
    }
    for name, kind, default, meaning in options_table():
        properties[f"qwen_lsp.{name}"] = _vscode_option(name, kind, default, meaning)
    manifest["contributes"]["configuration"]["properties"] = properties
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def _vscode_option(name: str, kind: str, default: Any, meaning: str) -> dict[str, Any]:
    kinds = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array"}
    # What runs programs or holds memory belongs to the machine, not to a workspace.
    of_machine = name.split(".")[0] in ("engine", "host", "sandbox")
    option = {"type": kinds.get(kind, "string"), "default": default, "description": meaning}
    option["scope"] = "machine" if of_machine else "resource"
    if "|" in kind:
        option["enum"] = [choice.strip() for choice in kind.split("|")]
    if kind == "list":
        option["items"] = {"type": "object" if name.endswith("custom") else "string"}
    return option


def main() -> int:
    """Write, or compare."""
    wanted = {FILE: settings_page(), EDITORS: editors_page(), VSCODE: vscode_manifest()}
    if "--check" in sys.argv:
        stale = [
            file.name for file, text in wanted.items() if not file.exists() or file.read_text("utf-8") != text
        ]
        if stale:
            print(f"not up to date: {', '.join(stale)}. Run `python docs/generate.py`.", file=sys.stderr)
        return 1 if stale else 0
    for file, text in wanted.items():
        file.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
