"""One answer of a server that is not ours: its stream turned into chunks, stop texts checked again on the text."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from qwen_lsp.engine.request import Chunk, Finish, Request, Token, Usage
from qwen_lsp.engine.stop_strings import StopScanner
from qwen_lsp.errors import GenerationFailed


class AnswerStream:
    """Reads the events of one answer. `finish` is set when it is over."""

    def __init__(self, request: Request, index: int = 0) -> None:
        self._request = request
        self._index = index
        self._stops = StopScanner(request.stop)
        self._start = time.perf_counter()
        self._first_ms: float | None = None
        self._pieces = 0
        self._said: Mapping[str, Any] = {}
        self._counts: dict[str, int] = {}
        self.finish: Finish | None = None

    def read(self, event: Mapping[str, Any]) -> Chunk | None:
        """What an event adds; raises GenerationFailed when the server reports a failure."""
        if event.get("error"):
            raise GenerationFailed(f"The server gave up: {_words(event['error'])}. Ask again.")
        self._note_counts(event)
        choice = _choice(event)
        text, tokens = _text(choice), _tokens(choice)
        if text and self._first_ms is None:
            self._first_ms = self._ms()
        self._pieces += bool(text)
        ended = (
            choice.get("finish_reason") or event.get("done_reason") or ("stop" if event.get("done") else None)
        )
        if self.finish is not None:
            return None
        passed = self._stops.feed(text)
        if passed.stop is not None:
            self.finish = Finish("stop", stop_text=passed.stop)
        elif ended:
            self.finish = Finish("length" if ended == "length" else "stop")
        if not (passed.text or tokens):
            return None
        return Chunk(passed.text, tokens, self._index)

    def last(self) -> Chunk:
        """The closing chunk, with what was held back for a stop text."""
        finish = self.finish or Finish("stop")
        held = "" if finish.stop_text is not None else self._stops.flush()
        return Chunk(held, index=self._index, finish=finish, usage=self.usage())

    def usage(self) -> Usage:
        """Tokens as the server counted them, times as seen from here."""
        prompt, cached = self._counts.get("prompt", 0), self._counts.get("cached", 0)
        return Usage(
            prompt_tokens=prompt,
            cached_tokens=cached,
            prefilled_tokens=max(0, prompt - cached),
            generated_tokens=self._counts.get("generated", self._pieces),
            first_token_ms=self._first_ms,
            total_ms=self._ms(),
        )

    def _note_counts(self, event: Mapping[str, Any]) -> None:
        usage, timings = event.get("usage"), event.get("timings")
        if isinstance(usage, Mapping):
            details = usage.get("prompt_tokens_details")
            cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
            self._count(
                prompt=usage.get("prompt_tokens"), cached=cached, generated=usage.get("completion_tokens")
            )
        if isinstance(timings, Mapping) and isinstance(timings.get("cache_n"), int):
            self._count(cached=timings["cache_n"], generated=timings.get("predicted_n"))
        self._count(prompt=event.get("prompt_eval_count"), generated=event.get("eval_count"))

    def _count(self, **counts: Any) -> None:
        self._counts |= {name: value for name, value in counts.items() if isinstance(value, int)}

    def _ms(self) -> float:
        return (time.perf_counter() - self._start) * 1000


def _choice(event: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = event.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return choices[0]
    return event if "response" in event else {}


def _text(choice: Mapping[str, Any]) -> str:
    delta = choice.get("delta")
    found = delta.get("content") if isinstance(delta, Mapping) else choice.get("text", choice.get("response"))
    return found if isinstance(found, str) else ""


def _tokens(choice: Mapping[str, Any]) -> tuple[Token, ...]:
    said = choice.get("logprobs")
    if not isinstance(said, Mapping):
        return ()
    if isinstance(said.get("content"), list):
        return tuple(_chat_token(t) for t in said["content"] if isinstance(t, Mapping))
    texts, logprobs = said.get("tokens"), said.get("token_logprobs")
    if not isinstance(texts, list) or not isinstance(logprobs, list):
        return ()
    return tuple(
        Token(0, text, float(logprob))
        for text, logprob in zip(texts, logprobs, strict=False)
        if isinstance(text, str) and isinstance(logprob, int | float)
    )


def _chat_token(said: Mapping[str, Any]) -> Token:
    others = tuple(
        (str(o.get("token", "")), float(o["logprob"]))
        for o in said.get("top_logprobs") or ()
        if isinstance(o, Mapping) and isinstance(o.get("logprob"), int | float)
    )
    logprob = said.get("logprob")
    return Token(
        0, str(said.get("token", "")), float(logprob) if isinstance(logprob, int | float) else 0.0, others
    )


def _words(error: Any) -> str:
    return str(error.get("message", error) if isinstance(error, Mapping) else error)[:500]
