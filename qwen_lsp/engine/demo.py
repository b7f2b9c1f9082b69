"""Engines without a model: the labelled demo for machines where MLX does not install, and a scriptable test double."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Literal

from qwen_lsp.engine.request import (
    ChatPrompt,
    Chunk,
    EngineInfo,
    Finish,
    Progress,
    Request,
    Text,
    Token,
    Usage,
)
from qwen_lsp.engine.stops import StopScanner

LABEL = "示意，不实际推理 (illustration: no model ran)"
_NAMES = {"python": "python", "c++": "cpp", "cpp": "cpp", "java": "java", "go": "go", "golang": "go"}
_COMMENT = {"python": "#", "cpp": "//", "java": "//", "go": "//"}


class DemoEngine:
    """Answers every request with a labelled sample program that says no model ran."""

    def __init__(self, pause_s: float = 0.01) -> None:
        self._pause_s = pause_s
        self.in_flight = 0

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The Fibonacci sample in the language asked for, with the sampling settings written into it."""
        pieces = _pieces(_sample(request))[: request.max_tokens]
        prompt_tokens = len(_pieces(_prompt_text(request)))
        began = time.perf_counter()
        self.in_flight += 1
        try:
            yield Chunk(progress=Progress(prompt_tokens, prompt_tokens))
            for piece in pieces:
                await asyncio.sleep(self._pause_s)
                yield Chunk(piece)
            usage = Usage(
                prompt_tokens,
                prefilled_tokens=prompt_tokens,
                generated_tokens=len(pieces),
                total_ms=(time.perf_counter() - began) * 1000,
            )
            yield Chunk(finish=Finish("stop"), usage=usage)
        finally:
            self.in_flight -= 1

    async def warm(self, request: Request) -> Usage:
        """Nothing to warm."""
        return Usage()

    async def info(self) -> EngineInfo:
        """Says plainly that this is no model."""
        return EngineInfo(
            kind="demo",
            model="demo",
            state="ready",
            detail=f"{LABEL}. For a real one: qwen-lsp serve --engine auto",
        )

    async def close(self) -> None:
        """Nothing to let go of."""


def _sample(request: Request) -> str:
    from qwen_lsp.engine.starter.programs import PROGRAMS

    wanted = _prompt_text(request).lower()
    language = next((known for word, known in _NAMES.items() if word in wanted), "python")
    program = next(p for p in PROGRAMS if p.language == language and "fibonacci" in p.name.lower())
    sign, how = _COMMENT[language], request.sampling
    settings = (
        f"temperature={how.temperature} top_p={how.top_p} top_k={how.top_k} min_p={how.min_p} "
        f"repetition_penalty={how.repetition_penalty} seed={how.seed} max_tokens={request.max_tokens}"
    )
    code = f"{sign} {LABEL}\n{sign} {settings}\n{program.code}"
    return f"```{language}\n{code}```" if isinstance(request.prompt, ChatPrompt) else code


def _prompt_text(request: Request) -> str:
    prompt = request.prompt
    if isinstance(prompt, ChatPrompt):
        return "\n".join(m.content for m in prompt.messages if m.role != "system")
    return "".join(p.text for p in prompt.parts if isinstance(p, Text))


def _pieces(text: str, size: int = 4) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


Script = Callable[[Request], str | Sequence[str] | Exception]


class ScriptedEngine:
    """A test double: says what its script says, token by token, and remembers what it was asked.

    `script` gives an answer (text, or a list of tokens) or an exception for each request. With a `gate` every
    token waits for it to be open; `fim` and `state` are what `info` reports.
    """

    def __init__(
        self,
        script: Script | str | Sequence[str] = "",
        *,
        gate: asyncio.Event | None = None,
        fim: str | None = "qwen",
        logprob: float = -0.05,
    ) -> None:
        self._script: Script = script if callable(script) else lambda request: script
        self.gate = gate
        self.fim = fim
        self.state: Literal["loading", "ready", "failed", "none"] = "ready"
        self.detail = "scripted"
        self._logprob = logprob
        self.requests: list[Request] = []
        self.warmed: list[Request] = []
        self.aborted: list[Request] = []
        self.finished: list[Request] = []
        self.tokens_said = 0
        self.in_flight = 0

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Say the script's answer, honouring stop texts, max_tokens and n."""
        self.requests.append(request)
        self.in_flight += 1
        ended = False
        try:
            answer = self._script(request)
            if isinstance(answer, Exception):
                ended = True
                raise answer
            tokens = _pieces(answer) if isinstance(answer, str) else list(answer)
            for index in range(request.n):
                async for chunk in self._say(request, tokens, index):
                    yield chunk
            ended = True
            self.finished.append(request)
        finally:
            self.in_flight -= 1
            if not ended:
                self.aborted.append(request)

    async def _say(self, request: Request, tokens: list[str], index: int) -> AsyncGenerator[Chunk, None]:
        stops = StopScanner(request.stop)
        finish: Finish | None = None
        said = 0
        for number, token in enumerate(tokens[: request.max_tokens]):
            await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
            said += 1
            self.tokens_said += 1
            passed = stops.feed(token)
            yield Chunk(passed.text, (Token(number, token, self._logprob),), index)
            if passed.stop is not None:
                finish = Finish("stop", stop_text=passed.stop)
                break
        if finish is None:
            yield Chunk(stops.flush(), index=index)
            finish = Finish("length" if len(tokens) > request.max_tokens else "stop")
        yield Chunk(index=index, finish=finish, usage=Usage(100, 90, 10, said))

    async def warm(self, request: Request) -> Usage:
        """Remember that it was asked."""
        self.warmed.append(request)
        if self.gate is not None:
            await self.gate.wait()
        return Usage(100, 0, 100)

    async def info(self) -> EngineInfo:
        """As the test set it."""
        return EngineInfo("scripted", "scripted", self.state, self.detail, fim=self.fim, context_tokens=32768)

    async def close(self) -> None:
        """Nothing to let go of."""
