"""The real language server over an engine that answers from a file: `scripted code actions` for tests.

The file holds {"answer": text or list of texts, "finish": "stop" | "length", "wait": bool}. With `wait` the answer pauses half-way
until the file says otherwise (or the request is aborted). The diary gets a line per event and per request.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from qwen_lsp.engine.request import ChatPrompt, Chunk, Finish, PrefillProgress, Request
from qwen_lsp.engine.stubs.none import NoEngine
from qwen_lsp.errors import EngineUnavailable
from qwen_lsp.lsp.server import run_parts
from qwen_lsp.lsp.session import SessionParts
from tests.support.repository import REPOSITORY
from tests.support.scripted_assistant import ScriptedAssistant

_PIECE = 11


class FileEngine(NoEngine):
    """Answers as its file says at that moment."""

    def __init__(self, script: Path, diary: Path) -> None:
        super().__init__()
        self._script, self._diary = script, diary
        self._given: dict[str, int] = {}

    @property
    def address(self) -> str:
        """Where its page is, when the file names one."""
        return str(self._read().get("address", ""))

    def note(self, event: str, **more: Any) -> None:
        with self._diary.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"event": event, **more}) + "\n")

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        assert isinstance(request.prompt, ChatPrompt)
        self.note("asked", prompt=request.prompt.messages[-1].content, drafts=request.drafts, id=request.id)
        ended = False
        try:
            yield Chunk(progress=PrefillProgress(10, 10))
            if failure := self._read().get("fail"):
                raise EngineUnavailable(failure)
            text = self._next()
            for at in range(0, len(text), _PIECE):
                if at > len(text) // 2:
                    await self._let_on()
                yield Chunk(text[at : at + _PIECE])
            await self._let_on()
            ended = True
            yield Chunk(finish=Finish(self._read()["finish"]))
        finally:
            self.note("ended" if ended else "aborted")

    async def _let_on(self) -> None:
        while self._read().get("wait"):  # noqa: ASYNC110 - another process decides, by a file
            await asyncio.sleep(0.005)

    def _next(self) -> str:
        """The answer; of a list, each one once and the last one for ever."""
        answer = self._read()["answer"]
        if isinstance(answer, str):
            return answer
        key = json.dumps(answer)
        self._given[key] = self._given.get(key, 0) + 1
        return str(answer[min(self._given[key], len(answer)) - 1])

    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self._script.read_text("utf-8"))
        return read


def action_command(script: Path, diary: Path) -> list[str]:
    """How to start it."""
    start = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from tests.support.lsp.action_server import main; main()"
    return [sys.executable, "-c", start, str(script), str(diary)]


def main() -> None:
    """Serve until the editor leaves."""
    script, diary = Path(sys.argv[1]), Path(sys.argv[2])
    engine = FileEngine(script, diary)
    raise SystemExit(run_parts(SessionParts(lambda settings: engine, lambda *_: ScriptedAssistant())))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
