"""A known hole, filled once at the start: shows which way this model fills holes best, or that it fills none."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_lsp.assist.prompts.fim import Hole, template_of
from qwen_lsp.assist.prompts.ways import Way, render, stops, usual_way
from qwen_lsp.engine.base import Engine, collect
from qwen_lsp.engine.request import EngineInfo, Lane, Request
from qwen_lsp.errors import EngineError

PASSED = "passed"
_BEFORE = '''\
def fibonacci(n: int) -> int:
    """Return the n-th Fibonacci number."""
    previous, current = 0, 1
    for _ in range(n):
        previous, current = current, previous + current
'''
_MISSING = "    return previous"
_AFTER = """


if __name__ == "__main__":
    print([fibonacci(i) for i in range(10)])
"""
_TYPED = "    return"
"""Chat models and base models are shown how the line begins, as they are while the user types."""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The way that filled the hole, and the sentence for the status."""

    way: Way
    sentence: str


async def check(engine: Engine, info: EngineInfo) -> SelfCheck | None:
    """Try the ways in order of their quality; None when nothing could be tried now."""
    if info.state != "ready" or info.kind in ("demo", "none", "scripted"):
        return None
    answers: dict[Way, str] = {}
    for way in _ways(info):
        text = await _filled(engine, info, way)
        if text is None:
            return None
        if _fits(text, way):
            return SelfCheck(way, _found(info, way))
        answers[way] = text
    return SelfCheck(usual_way(info), _failed(info, answers[usual_way(info)]))


def _ways(info: EngineInfo) -> tuple[Way, ...]:
    # A chat sees the text after the hole, raw continuation does not; it wins only where a chat fails.
    return ("fim", "chat", "raw") if template_of(info.fim) else ("chat", "raw")


async def _filled(engine: Engine, info: EngineInfo, way: Way) -> str | None:
    typed = "" if way == "fim" else _TYPED
    prompt = render(Hole(_BEFORE, _AFTER, typed, "fibonacci.py"), way, info, "python")
    request = Request(prompt, max_tokens=16, lane=Lane.WARM, stop=stops(way, info))
    try:
        return (await collect(engine, request))[0]
    except EngineError:
        return None


def _fits(text: str, way: Way) -> bool:
    wanted = _MISSING if way == "fim" else _MISSING.removeprefix(_TYPED)
    text = text.lstrip("\n") if way == "fim" else text
    return text.startswith(wanted) and not text[len(wanted) : len(wanted) + 1].isalnum()


def _found(info: EngineInfo, way: Way) -> str:
    if way == "fim":
        return PASSED
    how = "in a chat" if way == "chat" else "by continuing the text before the cursor"
    why = (
        "filled no test hole with its fill-in-the-middle tokens"
        if info.fim
        else "has no fill-in-the-middle tokens"
    )
    return (
        f"{info.model} {why}; it is asked {how}, which is worse. A code model with fill-in-the-middle tokens suggests "
        "better; engine.remote_fim names them for a remote one."
    )


def _failed(info: EngineInfo, text: str) -> str:
    shown = text.strip().partition("\n")[0][:60]
    return (
        f"{info.model} did not fill a simple test hole (it wrote {shown!r}). Suggestions may be poor: check that it "
        "is a code model, and that engine.remote_fim fits it."
    )
