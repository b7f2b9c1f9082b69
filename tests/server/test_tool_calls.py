"""Tool calls as Qwen3-Coder writes them, whole and in any pieces, with the mistakes it makes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qwen_lsp.server.tool_calls import ToolCallParser

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "run",
            "parameters": {
                "type": "object",
                "properties": {"code": {"type": "string"}, "times": {"type": "integer"}},
            },
        },
    }
]
RUN = "<function=run>\n<parameter=code>\nif a < b:\n    print('</b>')\n</parameter>\n<parameter=times>\n2\n</parameter>\n</function>"
ARGUMENTS = {"code": "if a < b:\n    print('</b>')", "times": 2}


def read(text: str, size: int) -> tuple[str, list[Any]]:
    reader = ToolCallParser(TOOLS)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    parts = [*(reader.feed(piece) for piece in pieces), reader.flush()]
    calls = [call for part in parts for call in part.calls]
    assert [call["index"] for call in calls] == list(range(len(calls)))
    assert len({call["id"] for call in calls}) == len(calls)
    return "".join(part.text for part in parts), [json.loads(c["function"]["arguments"]) for c in calls]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("text", "words", "calls"),
    [
        (f"Look.\n<tool_call>\n{RUN}\n</tool_call>", "Look.\n", 1),
        (f"<tool_call>\n{RUN}\n</tool_call>\n<tool_call>\n{RUN}\n</tool_call>\n", "", 2),
        (f"<tool_call>\n{RUN}\n{RUN}\n</tool_call>", "", 2),
        (f"Look.\n{RUN}\n</tool_call>", "Look.\n", 1),
        (f"{RUN}\n{RUN}", "", 2),
        (f"<tool_call>\n{RUN.removesuffix('</function>')}", "", 1),
        ("a < b, <tool and <func are words", "a < b, <tool and <func are words", 0),
        ("<tool_call>\nnothing of the kind", "<tool_call>\nnothing of the kind", 0),
    ],
    ids=["one", "two", "two in one tag", "tag forgotten", "tags forgotten", "cut off", "words", "no call"],
)
def test_words_and_calls_are_told_apart_however_they_come(
    text: str, words: str, calls: int, size: int
) -> None:
    assert read(text, size) == (words, [ARGUMENTS] * calls)
