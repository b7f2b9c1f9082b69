"""Writes docs/settings.md from settings.py; `--check` fails when it is not up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from qwen_lsp.settings import options_table

FILE = Path(__file__).with_name("settings.md")
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


def main() -> int:
    """Write, or compare."""
    page = settings_page()
    if "--check" in sys.argv:
        if FILE.read_text("utf-8") != page:
            print("docs/settings.md is not up to date: run `python docs/generate.py`", file=sys.stderr)
            return 1
        return 0
    FILE.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
