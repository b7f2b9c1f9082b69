"""A ready text played as an engine's stream: token by token, with stop texts, limit, log-probabilities and usage."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from qwen_lsp.engine.request import ChatPrompt, Chunk, Finish, Request, TextPrompt, Token, Usage
from qwen_lsp.engine.stop_strings import StopScanner

_PIECE = re.compile(r"\s*\w{1,6}|\s+|[^\w\s]")


def pieces(text: str) -> list[str]:
    """The text cut into token-like pieces."""
    return _PIECE.findall(text)


def prompt_text(request: Request) -> str:
    """All words of the prompt, markers left in."""
    prompt = request.prompt
    if isinstance(prompt, ChatPrompt):
        return "\n".join(m.content for m in prompt.messages) + prompt.prefill
    return prompt.render()


def last_words(request: Request) -> str:
    """What was asked last: the last user message, or the whole raw prompt."""
    prompt = request.prompt
    if not isinstance(prompt, ChatPrompt):
        return prompt.render()
    return next((m.content for m in reversed(prompt.messages) if m.role == "user"), "")


@dataclass(slots=True)
class Playback:
    """One answer while it is given out."""

    request: Request
    index: int = 0
    generated: int = 0
    finish: Finish | None = None
    _stops: StopScanner = field(init=False)

    def __post_init__(self) -> None:
        self._stops = StopScanner(self.request.stop)

    def give(self, piece: str) -> Chunk:
        """The next piece as a chunk; sets `finish` when the answer is over with it."""
        self.generated += 1
        passed = self._stops.feed(piece)
        text = passed.text
        if passed.stop is not None:
            self.finish = Finish("stop", stop_text=passed.stop)
        elif self.generated >= self.request.max_tokens:
            self.finish = Finish("length")
            text += self._stops.flush()
        alternatives = ((piece, -0.1),) * min(1, self.request.logprobs)
        return Chunk(text, (Token(0, piece, -0.1, alternatives),), self.index)

    def end(self, finish: Finish, usage: Usage | None) -> Chunk:
        """The last chunk of this answer."""
        self.finish = finish
        text = self._stops.flush() if finish.stop_text is None and finish.reason != "abort" else ""
        return Chunk(text, index=self.index, finish=finish, usage=usage)


class PlaybackTokenizer:
    """Cuts text into the pieces answers are played in; ids are given out as pieces are first seen."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    async def encode(self, prompt: TextPrompt | ChatPrompt) -> list[int]:
        """The ids of the prompt's pieces."""
        text = await self.template(prompt) if isinstance(prompt, ChatPrompt) else prompt.render()
        return [self._ids.setdefault(piece, len(self._ids)) for piece in pieces(text)]

    async def decode(self, tokens: Sequence[int]) -> str:
        """The text of ids that were given out."""
        texts = list(self._ids)
        return "".join(texts[token] for token in tokens if token < len(texts))

    async def template(self, prompt: ChatPrompt) -> str:
        """A turn a paragraph."""
        turns = [f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in prompt.messages]
        return "".join([*prompt.tools, *turns, f"<|im_start|>assistant\n{prompt.prefill}"])


class PlaybackMeter:
    """Counts and clocks one request."""

    def __init__(self, request: Request) -> None:
        self._prompt_tokens = len(pieces(prompt_text(request)))
        self._start = time.perf_counter()
        self._first_ms: float | None = None

    def token(self) -> None:
        """A token left."""
        if self._first_ms is None:
            self._first_ms = self._ms()

    def usage(self, generated: int) -> Usage:
        """What it cost until now."""
        return Usage(
            prompt_tokens=self._prompt_tokens,
            prefilled_tokens=self._prompt_tokens,
            generated_tokens=generated,
            first_token_ms=self._first_ms,
            total_ms=self._ms(),
        )

    def _ms(self) -> float:
        return (time.perf_counter() - self._start) * 1000


def play(request: Request, tokens: Sequence[str]) -> Iterator[Chunk]:
    """The whole stream of an answer that is known beforehand."""
    meter = PlaybackMeter(request)
    total = 0
    count = max(1, request.n)
    for index in range(count):
        one = Playback(request, index)
        for piece in tokens if request.max_tokens > 0 else ():
            meter.token()
            yield one.give(piece)
            if one.finish is not None:
                break
        total += one.generated
        ending = one.finish or Finish("stop" if request.max_tokens > 0 else "length")
        yield one.end(ending, meter.usage(total) if index == count - 1 else None)
