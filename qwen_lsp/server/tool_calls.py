"""Reads the tool calls a Qwen3-Coder model writes as XML, also while they stream, into OpenAI's form."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_BARE, _BARE_CLOSE = "<function=", "</function>"
"""Qwen3-Coder now and then forgets the tag around a call."""
_FUNCTION = re.compile(r"<function=([^>\s]+)\s*>(.*?)(?:</function>|\Z)", re.S)
_PARAMETER = re.compile(r"<parameter=([^>\s]+)\s*>(.*?)(?:</parameter>|(?=<parameter=)|\Z)", re.S)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ParsedCalls:
    """What became clear: words to show and whole calls, in order."""

    parts: tuple[str | Json, ...] = ()

    @property
    def text(self) -> str:
        """All words."""
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def calls(self) -> tuple[Json, ...]:
        """All calls."""
        return tuple(part for part in self.parts if not isinstance(part, str))


class ToolCallParser:
    """Feeds a stream through; words pass, a call comes out when it is whole."""

    def __init__(self, tools: Sequence[Mapping[str, Any]]) -> None:
        self._types = {name: types for name, types in map(_declared, tools) if name}
        self._held = ""
        self._ends_with = ""
        """What ends the call that is being read; empty between calls."""
        self._behind_call = False
        """Line ends that follow a call belong to it and are not shown."""
        self.count = 0

    def feed(self, piece: str) -> ParsedCalls:
        """Take the next piece."""
        self._held += piece
        parts: list[str | Json] = []
        while True:
            if not self._ends_with:
                before, tag, self._held = _until_tag(self._unspaced(self._held))
                if before:
                    parts.append(before)
                if tag == _CLOSE:
                    self._behind_call = True
                    continue
                self._ends_with = {_OPEN: _CLOSE, _BARE: _BARE_CLOSE}.get(tag, "")
            body, closed, rest = self._held.partition(self._ends_with or _CLOSE)
            if not (self._ends_with and closed):
                return ParsedCalls(tuple(parts))
            parts += self._read(body)
            self._ends_with, self._held, self._behind_call = "", rest, True

    def _unspaced(self, text: str) -> str:
        if self._behind_call:
            text = text.lstrip("\n")
            self._behind_call = not text
        return text

    def flush(self) -> ParsedCalls:
        """The end of the stream: a call without its end is read as far as it goes."""
        held, self._held = self._held, ""
        calls = self._read(held) if self._ends_with else []
        lost = _OPEN if self._ends_with == _CLOSE else ""
        return ParsedCalls(tuple(calls) or (lost + held,))

    def _read(self, body: str) -> list[Json]:
        calls = []
        for name, inner in _FUNCTION.findall(body):
            types = self._types.get(name, {})
            arguments = {key: _value(text, types.get(key)) for key, text in _PARAMETER.findall(inner)}
            calls.append(
                {
                    "index": self.count,
                    "id": f"call_{uuid.uuid4().hex[:24]}",
                    "type": "function",
                    "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)},
                }
            )
            self.count += 1
        return calls


def _declared(tool: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    function = tool.get("function", tool)
    if not isinstance(function, Mapping):
        return "", {}
    parameters = function.get("parameters")
    properties = parameters.get("properties") if isinstance(parameters, Mapping) else None
    if not isinstance(properties, Mapping):
        return str(function.get("name", "")), {}
    types = {key: about.get("type") for key, about in properties.items() if isinstance(about, Mapping)}
    return str(function.get("name", "")), types


def _value(text: str, kind: Any) -> Any:
    """A parameter's text as the declared type; the text itself where it does not fit."""
    text = text.removeprefix("\n").removesuffix("\n")
    kinds = kind if isinstance(kind, list) else [kind]
    if "string" in kinds and not (text == "null" and "null" in kinds):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return {"true": True, "false": False, "none": None}.get(text.strip().lower(), text)
    return value if kind is not None or isinstance(value, dict | list) else text


def _until_tag(text: str) -> tuple[str, str, str]:
    """(what may be shown, the tag that comes next or nothing, what is held back or inside the call)."""
    found = [(at, tag) for tag in (_OPEN, _BARE, _CLOSE) if (at := text.find(tag)) >= 0]
    if found:
        at, tag = min(found)
        return text[:at], tag, text[at + (0 if tag == _BARE else len(tag)) :]
    for length in range(min(len(_CLOSE) - 1, len(text)), 0, -1):
        if any(tag.startswith(text[-length:]) for tag in (_OPEN, _BARE, _CLOSE)):
            return text[:-length], "", text[-length:]
    return text, "", ""
