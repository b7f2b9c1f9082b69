"""Where the user reads an explanation: a Markdown file in the cache, opened by the editor, or a message."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types

from qwen_lsp.lsp.client import Editor
from qwen_lsp.paths import paths

Say = Callable[[str, types.MessageType], None]

_KEPT_FILES = 50
_MESSAGE_CHARS = 2_000


async def show(editor: Editor, say: Say, title: str, markdown: str) -> None:
    """Show Markdown in the editor."""
    file = _written(title, markdown)
    if file is not None and await editor.show_document(file.as_uri()):
        return
    text = markdown if len(markdown) <= _MESSAGE_CHARS else markdown[:_MESSAGE_CHARS].rstrip() + " …"
    where = f"\n\n(whole text: {file})" if file is not None and text != markdown else ""
    say(text + where, types.MessageType.Info)


def _written(title: str, markdown: str) -> Path | None:
    """The file, or None when the cache cannot be written. Old ones are removed."""
    folder = paths().cache / "explanations"
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "answer"
    file = folder / f"{time.time_ns()}-{slug}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {title}\n\n{markdown.rstrip()}\n", encoding="utf-8")
        for old in sorted(folder.glob("*.md"))[:-_KEPT_FILES]:
            old.unlink(missing_ok=True)
    except OSError:
        return None
    return file
