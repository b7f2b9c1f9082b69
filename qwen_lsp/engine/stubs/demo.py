"""The placeholder: labelled sample programs, no model. Also the door to ScriptedEngine, the test double."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator

from qwen_lsp.engine.request import ChatPrompt, Chunk, EngineInfo, Marker, Request, Sampling, Usage
from qwen_lsp.engine.stubs.playback import last_words, pieces, play
from qwen_lsp.engine.stubs.scripted import Gate, ScriptedEngine
from qwen_lsp.samples import LANGUAGE_NAMES, PROGRAMS

LABEL = "示意，不实际推理 / illustration, no model ran"
_LANGUAGES = {
    "python": re.compile(r"\bpython\b", re.I),
    "cpp": re.compile(r"\bc\+\+|\bcpp\b", re.I),
    "java": re.compile(r"\bjava\b", re.I),
    "go": re.compile(r"\bgolang\b|\bGo\b|\bin go\b|用 ?go|```go\b", re.ASCII),
}
_COMMENT = {"python": "#"}
_PAUSE_S = 0.005


class DemoEngine:
    """Shows how everything looks where no model can run; every answer says that none did."""

    def __init__(self, *, pause_s: float = _PAUSE_S) -> None:
        """`pause_s` between the tokens; 0 to measure what is around an engine."""
        self._pause_s = pause_s

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Stream the sample program of the language that was asked for."""
        for chunk in play(request, pieces(sample(request))):
            yield chunk
            await asyncio.sleep(self._pause_s if chunk.text else 0)

    async def warm(self, request: Request) -> Usage:
        """Nothing to warm."""
        return Usage()

    async def info(self) -> EngineInfo:
        """Ready, and plain about what it is."""
        return EngineInfo(
            kind="demo",
            model="demo",
            state="ready",
            detail=f"{LABEL}. For a real model choose another engine.kind.",
            progress=1.0,
        )

    async def close(self) -> None:
        """Nothing to let go of."""


def sample(request: Request) -> str:
    """The demo's whole answer to a request."""
    if not isinstance(request.prompt, ChatPrompt) and any(
        isinstance(p, Marker) for p in request.prompt.parts
    ):
        return ""  # a hole in somebody's file: a made-up program does not belong there
    language = asked_language(last_words(request))
    if language is None:
        return (
            f"{LABEL}.\n{_settings_line(request)}\n"
            f"Ask for {', '.join(LANGUAGE_NAMES[name] for name in _LANGUAGES)} to see a sample program."
        )
    code = next(p.code for p in PROGRAMS if p.language == language and "fibonacci" in p.code.lower())
    comment = _COMMENT.get(language, "//")
    return f"```{language}\n{comment} {LABEL}\n{comment} {_settings_line(request)}\n{code}```"


def asked_language(words: str) -> str | None:
    """The last of the demo's languages that is named ("port this Python to Go")."""
    found = [(m.start(), name) for name, pattern in _LANGUAGES.items() for m in pattern.finditer(words)]
    return max(found)[1] if found else None


def _settings_line(request: Request) -> str:
    drawn: Sampling = request.sampling
    return (
        f"temperature={drawn.temperature:g} max_tokens={request.max_tokens} top_p={drawn.top_p:g} "
        f"top_k={drawn.top_k} repetition_penalty={drawn.repetition_penalty:g}"
    )


__all__ = ["LABEL", "DemoEngine", "Gate", "ScriptedEngine", "asked_language", "sample"]
