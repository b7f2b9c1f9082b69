"""A known hole, filled once at the start: proves that the model's fill-in-the-middle tokens work."""

from __future__ import annotations

from qwen_lsp.assist.prompts.fim import Hole, template_of
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


async def check(engine: Engine, info: EngineInfo) -> str | None:
    """`passed`, a sentence that says what is wrong, or None when it could not be tried now."""
    if info.state != "ready" or info.kind in ("demo", "none", "scripted"):
        return None
    template = template_of(info.fim)
    if template is None:
        return (
            f"{info.model} has no fill-in-the-middle tokens that we know; suggestions are asked for as a chat, "
            "which is slower and worse. Choose a code model, or set engine.remote_fim."
        )
    request = Request(
        template.render(Hole(_BEFORE, _AFTER)), max_tokens=16, lane=Lane.WARM, stop=_stops(info)
    )
    try:
        text, _ = await collect(engine, request)
    except EngineError:
        return None
    if text.lstrip("\n").startswith(_MISSING):
        return PASSED
    shown = text.strip().partition("\n")[0][:60]
    return (
        f"{info.model} did not fill a simple test hole (it wrote {shown!r}). Suggestions may be poor: check that it "
        "is a code model, and that engine.remote_fim fits it."
    )


def _stops(info: EngineInfo) -> tuple[str, ...]:
    template = template_of(info.fim)
    return template.stops if template and info.kind == "remote" else ()
