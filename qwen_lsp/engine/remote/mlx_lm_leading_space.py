"""mlx_lm.server takes the space away with which an answer begins; here it is put back.

Its detokenizer drops one leading space of the first text. Where the answer still begins with a space, one was lost;
where it begins with a letter (`return` + `x`), the first token is asked for by its name.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from qwen_lsp.engine.remote.http import Http

Json = dict[str, Any]
_SPACES = ("Ġ", "▁", " ")
"""How vocabularies spell a leading space."""
_MOST_NAMED = 11


async def with_first_space(http: Http, route: str, body: Json) -> AsyncGenerator[Json, None]:
    """The events of a streamed completion. A request whose first space is in doubt is asked once more.

    It is stopped meanwhile: while it streams, the server would let the question wait for half a second.
    """
    named: dict[str, float] | None = None
    while True:
        doubtful = False
        async with aclosing(http.lines(route, body)) as events:
            begun = False
            async for event in events:
                text = _text(event)
                if not begun and text:
                    lost = _surely_lost(text) if named is None else _named_with_space(named, text)
                    if lost is None:
                        doubtful = True
                        break
                    begun = True
                    event = _with_text(event, " " * lost + text)
                yield event
        if not doubtful:
            return
        named = await _first_tokens(http, route, body)


def _surely_lost(text: str) -> bool | None:
    """Whether a space was lost before this first text; None when that cannot be told from it."""
    return text[0] == " " if text[0].isspace() else None


def _named_with_space(named: Mapping[str, float], text: str) -> bool:
    """Whether the likeliest first token that shows as this text is spelled with a space."""
    fitting = {name: p for name, p in named.items() if _shown(name) and text.startswith(_shown(name))}
    return bool(fitting) and max(fitting, key=lambda name: fitting[name])[0] in _SPACES


def _shown(name: str) -> str:
    return name[1:] if name[0] in _SPACES else name


async def _first_tokens(http: Http, route: str, body: Json) -> dict[str, float]:
    """The likeliest first tokens as the vocabulary spells them, and their log probabilities."""
    question = {**body, "stream": False, "max_tokens": 1, "logprobs": True, "top_logprobs": _MOST_NAMED}
    question.pop("stream_options", None)
    _, answer = await http.post(route, question)
    try:
        tokens = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        return {str(t["token"]): float(t["logprob"]) for t in tokens if t["token"]}
    except (TypeError, LookupError, ValueError):
        return {}  # an older server that names no tokens: the text stays as it came


def _text(event: Json) -> str:
    choices = event.get("choices")
    found = choices[0].get("text") if isinstance(choices, list) and choices else None
    return found if isinstance(found, str) else ""


def _with_text(event: Json, text: str) -> Json:
    first, *others = event["choices"]
    return {**event, "choices": [{**first, "text": text}, *others]}
