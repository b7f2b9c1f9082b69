"""Where the user reads an explanation: a Markdown file opened by the editor, the page if it is long, or a message."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types

from qwen_lsp.engine.base import address_of
from qwen_lsp.lsp.session import Session
from qwen_lsp.paths import paths

Say = Callable[[str, types.MessageType], None]

_KEPT_FILES = 50
_MESSAGE_CHARS = 2_000
_LONG_CHARS = 6_000
"""Longer answers are read on the page, as a conversation that can go on."""


async def show(session: Session, say: Say, title: str, markdown: str) -> None:
    """Show Markdown where this editor can."""
    if len(markdown) > _LONG_CHARS and await _shown_on_page(session, title, markdown):
        return
    file = _written(title, markdown)
    if file is not None and await session.editor.show_document(file.as_uri()):
        return
    text = markdown if len(markdown) <= _MESSAGE_CHARS else markdown[:_MESSAGE_CHARS].rstrip() + " …"
    where = f"\n\n(whole text: {file})" if file is not None and text != markdown else ""
    say(text + where, types.MessageType.Info)


async def _shown_on_page(session: Session, title: str, markdown: str) -> bool:
    """Keep it as a conversation and open the page there; False where no page runs or no browser can be opened."""
    address = address_of(session.engine) if session.settings.host.page else ""
    if not address:
        return False
    from qwen_lsp.storage.conversations import Conversations

    try:
        conversation = await asyncio.to_thread(Conversations().keep, title, markdown)
    except (OSError, sqlite3.Error):
        return False
    return await session.editor.show_document(f"{address}?conversation={conversation}", external=True)


def _written(title: str, markdown: str) -> Path | None:
    """The file, or None when the cache cannot be written. Old ones are removed."""
    folder = paths().cache / "explanations"
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "answer"
    file = folder / f"{slug}-{time.strftime('%H%M%S')}-{time.time_ns() % 1_000_000:06}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {title}\n\n{markdown.rstrip()}\n", encoding="utf-8")
        for old in sorted(folder.glob("*.md"), key=lambda old: old.stat().st_mtime_ns)[:-_KEPT_FILES]:
            old.unlink(missing_ok=True)
    except OSError:
        return None
    return file
