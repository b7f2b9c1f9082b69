"""One answer of an engine as every chat dialect needs it: words, whole tool calls, one ending.

Streamed and whole answers are written from the same parts, so that they say the same.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import Finish, Request, Token, Usage
from qwen_lsp.errors import EngineUnavailable
from qwen_lsp.server.tool_calls import ToolCallParser

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """The prompt is still being read; nothing to show yet."""


@dataclass(frozen=True, slots=True)
class Words:
    """Text to show, with the tokens it came from."""

    text: str
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A whole tool call; `arguments` is a JSON object's text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Ending:
    """The end: why, what it cost, and how many tools are called."""

    finish: Finish
    usage: Usage
    calls: int = 0


Part = Reading | Words | Call | Ending


@dataclass(slots=True)
class Answer:
    """All parts of an answer together."""

    parts: list[str | Call] = field(default_factory=list)
    """Words between calls are one text."""
    tokens: list[Token] = field(default_factory=list)
    ending: Ending = field(default_factory=lambda: Ending(Finish("stop"), Usage()))

    @property
    def text(self) -> str:
        """All words."""
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def calls(self) -> list[Call]:
        """All calls."""
        return [part for part in self.parts if isinstance(part, Call)]


async def answer_parts(
    engine: Engine, request: Request, tools: Sequence[Json] = ()
) -> AsyncGenerator[Part, None]:
    """The answer of index 0. White space in front of a tool call belongs to the call and is not shown.

    Raises an EngineError; an answer that was aborted is one too (EngineUnavailable).
    """
    reader = ToolCallParser(tools) if tools else None
    usage, spaces = Usage(), ""
    async with aclosing(engine.generate(request)) as chunks:
        async for chunk in chunks:
            usage = chunk.usage or usage
            if chunk.tokens or (chunk.finish is None and not chunk.text):
                yield Words("", chunk.tokens) if chunk.tokens else Reading()
            if reader is None:
                read: tuple[str | Json, ...] = (chunk.text,)
            else:
                read = reader.feed(chunk.text).parts
                read += reader.flush().parts if chunk.finish is not None else ()
            for piece in read:
                if not isinstance(piece, str):
                    spaces = ""
                    yield Call(piece["id"], piece["function"]["name"], piece["function"]["arguments"])
                    continue
                text, spaces = (piece, "") if reader is None else _with_spaces_held(spaces + piece)
                if text:
                    yield Words(text)
            if chunk.finish is None:
                continue
            if chunk.finish.reason == "abort":
                raise EngineUnavailable(f"The answer was given up: {chunk.finish.detail}. Ask again.")
            count = reader.count if reader is not None else 0
            if spaces and not count:
                yield Words(spaces)
            yield Ending(chunk.finish, usage, count)
            return


async def whole_answer(engine: Engine, request: Request, tools: Sequence[Json] = ()) -> Answer:
    """The answer of index 0 at once."""
    answer = Answer()
    words: list[str] = []
    async with aclosing(answer_parts(engine, request, tools)) as parts:
        async for part in parts:
            match part:
                case Words(text, tokens):
                    words.append(text)
                    answer.tokens += tokens
                case Call():
                    answer.parts += [*_one_text(words), part]
                    words.clear()
                case Ending():
                    answer.ending = part
                case Reading():
                    pass
    answer.parts += _one_text(words)
    return answer


def _one_text(words: list[str]) -> list[str]:
    text = "".join(words)
    return [text] if text else []


def _with_spaces_held(text: str) -> tuple[str, str]:
    shown = text.rstrip()
    return shown, text[len(shown) :]
