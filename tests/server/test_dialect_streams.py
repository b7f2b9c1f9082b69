"""In every dialect the stream says what the whole answer says, wherever the engine's pieces are cut."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_lsp.engine.request import ChatPrompt, Message, Request
from qwen_lsp.engine.stubs.demo import ScriptedEngine
from qwen_lsp.server.answer_parts import Answer, Part, answer_parts, whole_answer
from qwen_lsp.server.dialects.anthropic_answer import message_events, message_of

TOOL = {
    "type": "function",
    "function": {"name": "run", "parameters": {"type": "object", "properties": {"code": {"type": "string"}}}},
}
CALL = "<tool_call>\n<function=run>\n<parameter=code>\nif a < b:\n    print('größer 世界')\n</parameter>\n</function>\n</tool_call>"
RECORDED = [
    "def f():\n    return 1\n",
    "Grüße, 世界! 👩‍👩‍👧 \n\n",
    f"Let me look. \n\n{CALL}",
    f"{CALL}\n{CALL}\n",
    f"First.\n{CALL}\n then {CALL}",
    f"cut off: {CALL[:60]}",
    "a < b, <tool and <func are words ",
    "one stop, two",
]
Say = dict[str, Any]


def said_by_anthropic(events: list[str]) -> Say:
    """What the events of a stream add up to, as a client reads them."""
    message: Say = {}
    blocks: list[Say] = []
    for event in events:
        data = json.loads(event.partition("data: ")[2])
        match data["type"]:
            case "message_start":
                message = data["message"]
            case "content_block_start":
                assert data["index"] == len(blocks)
                blocks.append(data["content_block"])
            case "content_block_delta":
                delta = data["delta"]
                if delta["type"] == "text_delta":
                    blocks[data["index"]]["text"] += delta["text"]
                else:
                    blocks[data["index"]]["input"] = json.loads(delta["partial_json"])
            case "message_delta":
                message |= data["delta"] | {"usage": data["usage"]}
    assert json.loads(events[-1].partition("data: ")[2]) == {"type": "message_stop"}
    return {**message, "content": blocks}


def without_ids(answer: Say) -> Say:
    """The answer without what is made up anew each time."""
    return {**answer, "id": "", "content": [{**block, "id": ""} for block in answer["content"]]}


Stream = Callable[[AsyncGenerator[Part, None]], AsyncGenerator[str, None]]
DIALECTS: dict[str, tuple[Stream, Callable[[list[str]], Say], Callable[[Answer], Say]]] = {
    "anthropic": (
        lambda parts: message_events(parts, "m"),
        lambda events: without_ids(said_by_anthropic(events)),
        lambda answer: without_ids(message_of(answer, "m")),
    ),
}


def cuts(text: str) -> list[list[str]]:
    """Every way to cut the text once, and all letters by themselves."""
    return [list(text), *([text[:at], text[at:]] for at in range(1, len(text)))]


def without_counts(answer: Say) -> Say:
    """Another cutting means another number of tokens."""
    return {name: value for name, value in answer.items() if name != "usage" and "count" not in name}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("text", RECORDED)
async def test_recorded_answers_cut_everywhere_say_what_the_whole_says(dialect: str, text: str) -> None:
    await check(dialect, text, cuts(text))


@pytest.mark.parametrize("dialect", DIALECTS)
@given(
    pieces=st.lists(
        st.sampled_from(["<tool_call>", "</tool_call>", "<function=run>", "</function>", "<parameter=code>", "</parameter>",
                         "\n", " ", "a", "<", "stop", "st", "世", "\\", '"', "}"]) | st.text(max_size=3),
        min_size=1,
        max_size=25,
    )
)  # fmt: skip
@settings(max_examples=120, deadline=None)
async def test_any_pieces_say_what_the_whole_says(dialect: str, pieces: list[str]) -> None:
    text = "".join(pieces)
    await check(dialect, text, [pieces, list(text) or [""]])


async def check(dialect: str, text: str, ways: list[list[str]]) -> None:
    stream, read, whole = DIALECTS[dialect]
    asked = Request(ChatPrompt((Message("user", "hi"),)), max_tokens=10_000, stop=("stop",))
    expected = without_counts(whole(await whole_answer(ScriptedEngine([text]), asked, [TOOL])))
    for way in ways:
        events = [event async for event in stream(answer_parts(ScriptedEngine(way), asked, [TOOL]))]
        assert without_counts(read(events)) == expected, way
