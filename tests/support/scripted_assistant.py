"""An assistant that says what a test wrote down, for tests of the plumbing between it and the editor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qwen_lsp.assist.suggestion import CompletionRequest, CompletionResult, SourceLocation, Suggestion
from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.errors import EngineUnavailable


@dataclass(frozen=True)
class Line:
    """What to suggest where the text before the cursor ends in `after` plus a beginning of a text."""

    after: str
    texts: tuple[str, ...] = ()
    swallow: str = ""
    """Closers right of the cursor that the suggestion replaces."""
    hang: bool = False
    """Never answer; only a cancel ends it."""
    fail: str = ""
    """Fail with this sentence instead: an EngineUnavailable, or with "!" in front a plain error."""
    places: tuple[str, ...] = ()


class ScriptedAssistant:
    """Wears the assistant's face; keeps a diary of everything it was told."""

    def __init__(self, lines: Sequence[Line] = (), diary: Path | None = None) -> None:
        self.lines = tuple(lines)
        self.events: list[dict[str, Any]] = []
        self.asks: list[CompletionRequest] = []
        self.changes: list[tuple[Snapshot, Snapshot, tuple[Edit, ...]]] = []
        self.asked = asyncio.Event()
        """Set by the first question."""
        self._diary = diary
        self._count = 0

    def note(self, event: str, **more: Any) -> None:
        """Write into the diary (and its file, for a test in another process)."""
        self.events.append({"event": event, **more})
        if self._diary:
            with self._diary.open("a", encoding="utf-8") as out:
                out.write(json.dumps(self.events[-1]) + "\n")

    async def complete(self, ask: CompletionRequest) -> CompletionResult:
        self.asks.append(ask)
        self.asked.set()
        self.note("ask", version=ask.snapshot.version, cursor=ask.cursor, manual=ask.manual)
        for line in self.lines:
            rest = self._rest(line, ask)
            if rest is None:
                continue
            if line.hang:
                try:
                    await asyncio.Event().wait()
                finally:
                    self.note("cancelled")
            if line.fail:
                raise RuntimeError(line.fail[1:]) if line.fail[0] == "!" else EngineUnavailable(line.fail)
            return CompletionResult(tuple(self._suggestion(line, ask, text) for text in rest))
        return CompletionResult(reason="nothing in the script")

    def _rest(self, line: Line, ask: CompletionRequest) -> list[str] | None:
        before = ask.snapshot.text[: ask.cursor]
        at = before.rfind(line.after)
        if at < 0:
            return None
        typed = before[at + len(line.after) :]
        if line.hang or line.fail:
            return [] if not typed else None
        return [t[len(typed) :] for t in line.texts if t.startswith(typed) and t != typed] or None

    def _suggestion(self, line: Line, ask: CompletionRequest, text: str) -> Suggestion:
        self._count += 1
        end = ask.cursor
        if line.swallow and ask.snapshot.text.startswith(line.swallow, end):
            end += len(line.swallow)
        places = tuple(SourceLocation(uri, 3) for uri in line.places)
        return Suggestion(f"s{self._count}", text, ask.cursor, end, places=places)

    def opened(self, snapshot: Snapshot) -> None:
        self.note("opened", uri=snapshot.uri, text=snapshot.text)

    def changed(self, before: Snapshot, after: Snapshot, edits: Sequence[Edit]) -> None:
        self.changes.append((before, after, tuple(edits)))
        self.note("changed", version=after.version, text=after.text)

    def saved(self, snapshot: Snapshot) -> None:
        self.note("saved", uri=snapshot.uri)

    def files_changed(self, paths: Sequence[Path]) -> None:
        self.note("files changed", paths=[str(path) for path in paths])

    def closed(self, uri: str) -> None:
        self.note("closed", uri=uri)

    def shown(self, id: str) -> None:
        self.note("shown", id=id)

    def accepted(self, id: str, chars: int | None = None) -> None:
        self.note("accepted", id=id, chars=chars)

    def status(self) -> None:
        """It has nothing to say of itself."""

    async def close(self) -> None:
        self.note("close")


def write_script(file: Path, lines: Sequence[Line]) -> None:
    """For a server in another process."""
    file.write_text(json.dumps([asdict(line) for line in lines]))


def read_script(file: Path) -> list[Line]:
    """The other end of write_script."""
    return [
        Line(**{**line, "texts": tuple(line["texts"]), "places": tuple(line["places"])})
        for line in json.loads(file.read_text())
    ]
